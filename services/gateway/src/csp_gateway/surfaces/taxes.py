"""Tax and credit notes of issued reports on both surfaces; the rates of customers on the reseller's."""

from fastapi import APIRouter, Depends, Request, Response

from csp_gateway.models.base import ListOf
from csp_gateway.models.taxes import CreditNote, ReportTaxes, TaxRate, TaxRateSet, TaxRateView
from csp_gateway.surfaces.answers import answer_document
from csp_gateway.surfaces.changes import add_change
from csp_gateway.surfaces.common import Reading, ResellerReading, Surface, UseCaller
from csp_gateway.surfaces.documented import ONE, ONE_ASKED, problems
from csp_gateway.surfaces.listing import Listing
from csp_gateway.surfaces.lists import answer_whole

OWNER = "billing"
_RATES = "/customers/{customer_id}/tax-rates"
LIST = Listing(model=TaxRateView, is_compared_here=True)


def routes(surface: Surface) -> APIRouter:
    """The routes of one surface."""
    router = APIRouter(tags=["billing"])
    reads = Depends(surface.reading)

    @router.get(
        "/billing-reports/{report_id}/taxes",
        responses=ONE,
        operation_id="get_billing_report_taxes",
        openapi_extra=ONE_ASKED,
        response_model=ReportTaxes,
    )
    async def taxes(
        report_id: str, request: Request, caller: UseCaller, read: Reading = reads, *, lines: bool = False
    ) -> Response:
        """The tax of a report, before its issue as it would be now: by rate on the sum of its lines, rounded once; with
        `lines` spread on them."""
        found = await read.parts.owners.get(
            OWNER, f"/reports/{report_id}/taxes", caller, lines="true" if lines else None
        )
        return answer_document(request, ReportTaxes, found)

    @router.get(
        "/billing-reports/{report_id}/credit-note",
        responses=ONE,
        operation_id="get_billing_credit_note",
        openapi_extra=ONE_ASKED,
        response_model=CreditNote,
    )
    async def credit_note(
        report_id: str, request: Request, caller: UseCaller, read: Reading = reads
    ) -> Response:
        """The negative lines of an issued report with what each gives back, where the reseller issues credit notes."""
        found = await read.parts.owners.get(OWNER, f"/reports/{report_id}/credit-note", caller)
        return answer_document(request, CreditNote, found)

    if surface.with_cost:
        _add_rates(router, surface)
    return router


def _add_rates(router: APIRouter, surface: Surface) -> None:
    @router.get(
        _RATES,
        responses=problems(404),
        operation_id="list_tax_rates",
        openapi_extra=LIST.documented,
        response_model=ListOf[TaxRateView],
    )
    async def rates(customer_id: str, request: Request, caller: UseCaller, read: ResellerReading) -> Response:
        """A customer's tax rates by the day from which each holds."""
        found = await read.parts.owners.get(OWNER, f"/customers/{customer_id}/tax-rates", caller)
        return answer_whole(request, read.parts, LIST, found, lambda rate: str(rate["effective_on"]))

    add_change(
        router,
        surface,
        _RATES,
        owner=OWNER,
        operation_id="set_tax_rate",
        description="Set a customer's tax rate from a day on. Issued reports stay; corrections of their lines keep the older rate.",
        status=201,
        failures=(400, 404),
        body=TaxRate,
        model=TaxRateSet,
    )
