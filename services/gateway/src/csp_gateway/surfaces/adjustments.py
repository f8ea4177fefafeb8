"""Credits and charges by hand: the reseller grants and lists them, customers find them in their reports."""

from fastapi import APIRouter, Request, Response

from csp_gateway.models.adjustments import Adjustment, NewAdjustment
from csp_gateway.models.base import ListOf
from csp_gateway.surfaces.changes import add_change
from csp_gateway.surfaces.common import RESELLER, ResellerReading, UseCaller
from csp_gateway.surfaces.documented import problems
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
            key=("granted_at", "id"),
            behind=("after_at", "after_id"),
        )

    return router
