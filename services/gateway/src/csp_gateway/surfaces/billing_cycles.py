"""A reseller's report cycles: how far each is, and the command that closes one. Customers have reports, not cycles."""

from typing import Any

from fastapi import APIRouter, Request, Response

from csp_gateway.models.base import ListOf
from csp_gateway.models.billing_cycles import BillingCycle, BillingCycleDetail
from csp_gateway.surfaces.common import ResellerReading, ResellerScope, UseCaller, UseParts
from csp_gateway.surfaces.documented import WAITS, problems
from csp_gateway.surfaces.listing import Listing
from csp_gateway.surfaces.lists import answer_owned
from csp_runtime.http import AnyCommand

_PATH = "/billing-cycles"


def routes() -> APIRouter:
    """The routes of the reseller's surface."""
    router = APIRouter(tags=["billing"])
    listing = Listing()

    @router.get(
        _PATH,
        responses=problems(),
        operation_id="list_billing_cycles",
        openapi_extra=listing.documented,
        response_model=ListOf[BillingCycle],
    )
    async def cycles(request: Request, caller: UseCaller, read: ResellerReading) -> Response:
        """Report cycles, newest first: `open` until over, `ended` until closed, `closing`, `closed`."""
        return await answer_owned(
            request, read.parts, caller, listing, "billing", "/cycles", key="dated_on", behind="before"
        )

    @router.get(
        f"{_PATH}/{{cycle_id}}",
        responses=problems(404),
        operation_id="get_billing_cycle",
        response_model=BillingCycleDetail,
        openapi_extra=WAITS,
    )
    async def cycle(cycle_id: str, caller: UseCaller, read: ResellerReading) -> dict[str, Any]:
        """A cycle with the progress of its close, its totals once it is closed, and the reports that wait for somebody."""
        found: dict[str, Any] = await read.parts.owners.get("billing", f"/cycles/{cycle_id}", caller)
        return found

    @router.post(
        f"{_PATH}/{{cycle_id}}/close",
        status_code=202,
        responses=problems(400, 404, 409),
        operation_id="close_billing_cycle",
        response_model=BillingCycleDetail,
    )
    async def close(
        cycle_id: str,
        command: AnyCommand,
        caller: UseCaller,
        parts: UseParts,
        scope: ResellerScope,
        response: Response,
    ) -> dict[str, Any]:
        """Freeze a cycle that is over and issue all its reports; the answer is the cycle, its progress is read at `Location`.

        Reports that cannot be issued wait as `blocked` until they can, or until somebody holds them; then the cycle closes.
        """
        found: dict[str, Any] = await parts.owners.command(
            "billing", f"/cycles/{cycle_id}/close", caller, command, {}
        )
        response.headers["Location"] = f"/v1{_PATH}/{cycle_id}"
        response.headers["Retry-After"] = "1"
        return found

    return router
