"""A reseller's report cycles: how far each is, and the command that closes one. Customers have reports, not cycles."""

from typing import Any

from fastapi import APIRouter, Request, Response

from csp_gateway.adapters.paging import cursor_of, key_of
from csp_gateway.models.base import ListOf
from csp_gateway.models.billing_cycles import BillingCycle, BillingCycleDetail
from csp_gateway.surfaces.common import (
    WAITS,
    ResellerReading,
    ResellerScope,
    UseCaller,
    UseParts,
    answer_list,
    as_json,
    problems,
)
from csp_gateway.surfaces.listing import Listing
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
        asked = listing.asked(request)
        key = key_of(asked.page.after, asked.filters)
        found = await read.parts.owners.get(
            "billing", "/cycles", caller, before=None if key is None else key[0], size=asked.page.size
        )
        more = len(found) == asked.page.size
        following = cursor_of([found[-1]["dated_on"]], asked.filters) if more else None
        return answer_list(request, read.parts, asked.page, map(as_json, found), following)

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
