"""Credits and charges by hand: the reseller grants and lists them, customers find them in their reports."""

from functools import partial

from fastapi import APIRouter, Request, Response

from csp_gateway.models.adjustments import Adjustment, NewAdjustment
from csp_gateway.models.base import ListOf
from csp_gateway.surfaces import standard
from csp_gateway.surfaces.answers import answer_document
from csp_gateway.surfaces.changes import add_change
from csp_gateway.surfaces.common import RESELLER, ResellerReading, UseCaller
from csp_gateway.surfaces.documented import ONE, ONE_ASKED, problems
from csp_gateway.surfaces.filters import equal
from csp_gateway.surfaces.listing import Listing
from csp_gateway.surfaces.lists import answer_owned

_PATH = "/adjustments"
LIST = Listing((equal("customer_id"), equal("subscription_id")), model=Adjustment, is_compared_here=True)


def routes() -> APIRouter:
    """The routes of the reseller's surface."""
    router = APIRouter(tags=["billing"])
    add_change(
        router,
        RESELLER,
        _PATH,
        owner="billing",
        operation_id="grant_adjustment",
        description="Grant a credit or add a charge; it stands in the open report at once, as a line of kind `adjustment`. "
        "With a line a credit is never more than what is open of it (409 `credit_exceeds_line` tells how much that is).",
        status=201,
        body=NewAdjustment,
        model=Adjustment,
        show=partial(standard.adjustment, RESELLER),
    )

    @router.get(
        _PATH,
        responses=problems(),
        operation_id="list_adjustments",
        openapi_extra=LIST.documented,
        response_model=ListOf[Adjustment],
    )
    async def adjustments(request: Request, read: ResellerReading, caller: UseCaller) -> Response:
        """Adjustments, newest first."""
        return await answer_owned(
            request,
            read.parts,
            caller,
            LIST,
            "billing",
            _PATH,
            show=partial(standard.adjustment, RESELLER),
            key=("granted_at", "id"),
            behind=("after_at", "after_id"),
        )

    @router.get(
        f"{_PATH}/{{adjustment_id}}",
        responses=ONE,
        operation_id="get_adjustment",
        openapi_extra=ONE_ASKED,
        response_model=Adjustment,
    )
    async def one(adjustment_id: str, request: Request, read: ResellerReading, caller: UseCaller) -> Response:
        """An adjustment by hand."""
        found = await read.parts.owners.get("billing", f"{_PATH}/{adjustment_id}", caller)
        return answer_document(request, Adjustment, standard.adjustment(RESELLER, found))

    return router
