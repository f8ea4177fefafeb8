"""A reseller's report cycles: how far each is, and the command that closes one. Customers have reports, not cycles."""

from functools import partial

from fastapi import APIRouter, Request, Response

from csp_gateway.domain import etag
from csp_gateway.models.base import ListOf
from csp_gateway.models.billing_cycles import BillingCycle, BillingCycleDetail
from csp_gateway.surfaces import standard
from csp_gateway.surfaces.answers import answer_document
from csp_gateway.surfaces.changes import add_change
from csp_gateway.surfaces.common import RESELLER, ResellerReading, UseCaller
from csp_gateway.surfaces.documented import ONE, ONE_ASKED, problems
from csp_gateway.surfaces.listing import Listing
from csp_gateway.surfaces.lists import answer_owned

_PATH = "/billing-cycles"
OWNER = "billing"
LIST = Listing(model=BillingCycle, is_compared_here=True)


def routes() -> APIRouter:
    """The routes of the reseller's surface."""
    router = APIRouter(tags=["billing"])

    @router.get(
        _PATH,
        responses=problems(),
        operation_id="list_billing_cycles",
        openapi_extra=LIST.documented,
        response_model=ListOf[BillingCycle],
    )
    async def cycles(request: Request, caller: UseCaller, read: ResellerReading) -> Response:
        """Report cycles, newest first: `open` until over, `ended` until closed, `closing`, `closed`."""
        return await answer_owned(
            request,
            read.parts,
            caller,
            LIST,
            OWNER,
            "/cycles",
            show=partial(standard.cycle, RESELLER),
            key="dated_on",
            behind="before",
        )

    @router.get(
        f"{_PATH}/{{cycle_id}}",
        responses=ONE,
        operation_id="get_billing_cycle",
        response_model=BillingCycleDetail,
        openapi_extra=ONE_ASKED,
    )
    async def cycle(cycle_id: str, request: Request, caller: UseCaller, read: ResellerReading) -> Response:
        """A cycle with the progress of its close, its totals once it is closed, and the reports that wait for somebody."""
        found = await read.parts.owners.get(OWNER, f"/cycles/{cycle_id}", caller)
        row = {"version": found["version"], "revision": found["progress"]["shards_done"]}
        return answer_document(request, BillingCycleDetail, standard.cycle(RESELLER, found), etag(row))

    add_change(
        router,
        RESELLER,
        f"{_PATH}/{{cycle_id}}/close",
        owner=OWNER,
        owner_path="/cycles/{cycle_id}/close",
        operation_id="close_billing_cycle",
        description="Freeze a cycle that is over and issue all its reports; the answer is the cycle, its progress is read at "
        "`Location`. Reports that cannot be issued wait as `blocked` until they can, or until somebody holds them; then the "
        "cycle closes. `If-Match` takes the ETag that the cycle was read with.",
        status=202,
        model=BillingCycleDetail,
        show=partial(standard.cycle, RESELLER),
        if_match="needed",
        headers=lambda found: {"Location": f"/v1{_PATH}/{found['id']}", "Retry-After": "1"},
    )
    return router
