"""Billing reports: billing's own read models, forwarded; the customer's surface asks for the sales ledger alone."""

from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AwareDatetime

from csp_gateway.adapters.paging import trail_of
from csp_gateway.models.base import ListOf, View
from csp_gateway.models.billing_reports import (
    BillingLine,
    BillingLinePage,
    BillingReport,
    BillingReportDetail,
    ResellerBillingLine,
)
from csp_gateway.surfaces import standard
from csp_gateway.surfaces.answers import answer_document, answer_file
from csp_gateway.surfaces.changes import add_change
from csp_gateway.surfaces.common import Reading, Surface, UseCaller
from csp_gateway.surfaces.documented import ONE, ONE_ASKED, WAITS, problems
from csp_gateway.surfaces.filters import equal, perspective, perspective_day, shown, text
from csp_gateway.surfaces.listing import Listing
from csp_gateway.surfaces.lists import answer_list

REPORT_STATES = ("open", "ended", "blocked", "held", "carried", "issued")
LEDGERS = ("sell", "cost")


def routes(surface: Surface) -> APIRouter:
    """The routes of one surface."""
    router = APIRouter(tags=["billing"])
    reads = Depends(surface.reading)
    detail: type[View] = BillingReportDetail[BillingLine]
    page: type[View] = BillingLinePage[BillingLine]
    if surface.with_cost:
        detail, page = BillingReportDetail[ResellerBillingLine], BillingLinePage[ResellerBillingLine]

    # What a customer reads goes through its own model once more: an owner's new field is not seen before it is meant for it.
    show_one = partial(standard.report, surface)
    listing = Listing(
        (
            perspective_day("from"),
            perspective_day("until"),
            perspective("customer_id"),
            shown(text("status", choices=REPORT_STATES)),
            *((shown(text("ledger", choices=LEDGERS)),) if surface.with_cost else ()),
        ),
        model=BillingReport,
        is_compared_here=True,
    )

    @router.get(
        "/billing-reports",
        responses=problems(404),
        operation_id="list_billing_reports",
        openapi_extra=listing.documented,
        response_model=ListOf[BillingReport],
    )
    async def reports(request: Request, caller: UseCaller, read: Reading = reads) -> Response:
        """One report per report cycle whose date lies in the range; without a range, those of last month and the open one.

        A page has all reports of so many customers, by name; `from` and `until` are days. With a filter a page may have fewer,
        and even none, while `meta.page.next` goes on.
        """
        asked = listing.asked(request)
        filters = asked.filters
        trail = trail_of(asked.page.after, asked.identity)
        found = await read.parts.owners.get(
            "billing",
            "/reports",
            caller,
            from_on=filters["from"],
            until_on=filters["until"],
            customer_id=read.scope.customer or filters["customer_id"],
            after=None if trail.here is None else trail.here[0],
            size=asked.page.size,
        )
        following = None if found["next"] is None else [found["next"]]
        kept = filter(asked.meets, map(show_one, found["reports"]))
        around = trail.around(following, asked.identity)
        return answer_list(request, read.parts, asked, map(listing.text, kept), around)

    @router.get(
        "/billing-reports/{report_id}",
        responses=ONE,
        operation_id="get_billing_report",
        response_model=detail,
        openapi_extra=ONE_ASKED,
    )
    async def report(
        report_id: str,
        request: Request,
        caller: UseCaller,
        read: Reading = reads,
        as_of: AwareDatetime | None = None,
    ) -> Response:
        """A report: date, subscription, lines; each line says why. With `as_of` as it was known at that moment."""
        found = await read.parts.owners.get(
            "billing", f"/reports/{report_id}", caller, as_of=None if as_of is None else as_of.isoformat()
        )
        return answer_document(request, detail, show_one(found))

    of_line = ResellerBillingLine if surface.with_cost else BillingLine
    of_lines = Listing((equal("kind"), equal("reason"), equal("subscription_id")), model=of_line)

    @router.get(
        "/billing-reports/{report_id}/lines",
        responses=problems(404),
        operation_id="list_billing_report_lines",
        openapi_extra=of_lines.documented,
        response_model=page,
    )
    async def lines(report_id: str, request: Request, caller: UseCaller, read: Reading = reads) -> Response:
        """The lines of a report in pages, by kind, reason or subscription; `meta.totals` are over all that are left."""
        asked = of_lines.asked(request)
        bound = asked.filters | {"report": report_id}
        trail = trail_of(asked.page.after, bound)
        found = await read.parts.owners.get(
            "billing",
            f"/reports/{report_id}/lines",
            caller,
            after=None if trail.here is None else trail.here[0],
            size=asked.page.size,
            **asked.filters,
        )
        following = None if found["next"] is None else [found["next"]]
        return answer_list(
            request,
            read.parts,
            asked,
            map(of_lines.text, found["lines"]),
            trail.around(following, bound),
            meta={"totals": found["totals"]},
        )

    @router.get(
        "/billing-reports/{report_id}/export",
        responses={
            200: {
                "content": {
                    "text/csv": {},
                    "text/plain": {},
                    "application/jsonl": {},
                    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": {},
                }
            },
            **problems(404),
        },
        operation_id="export_billing_report",
        openapi_extra=WAITS,
        response_class=Response,
    )
    async def export(
        report_id: str,
        caller: UseCaller,
        read: Reading = reads,
        format_: Annotated[Literal["csv", "xlsx", "jsonl", "canonical"], Query(alias="format")] = "csv",
    ) -> Response:
        """All details of a report as a file. `canonical` are the very bytes that `sha256` of an issued report is over."""
        return await answer_file(
            read.parts, caller, "billing", f"/reports/{report_id}/export", format=format_
        )

    if surface.with_cost:
        _add_changes(router, surface)
    return router


def _add_changes(router: APIRouter, surface: Surface) -> None:
    add_change(
        router,
        surface,
        "/billing-reports/{report_id}/issue",
        owner="billing",
        owner_path="/reports/{report_id}/issue",
        operation_id="issue_billing_report",
        description="Make a report final: numbered, hashed, unchanged for good. What is learnt later goes into the next one.",
        model=BillingReport,
        show=partial(standard.report, surface),
    )
    add_change(
        router,
        surface,
        "/billing-reports/{report_id}/hold",
        owner="billing",
        owner_path="/reports/{report_id}/hold",
        operation_id="hold_billing_report",
        description="Let the cycle close without a report that is `blocked`, in your name; `X-Reason` says why.",
        model=BillingReport,
        show=partial(standard.report, surface),
    )
