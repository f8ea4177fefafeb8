"""A reseller's report cycles: how far each is, and the command that closes one. Customers have reports, not cycles."""

from typing import Any

from fastapi import APIRouter, Response

from csp_gateway.surfaces.common import WAITS, ResellerReading, ResellerScope, UseCaller, UseParts, problems
from csp_runtime.http import AnyCommand

_PATH = "/billing-cycles"


def routes() -> APIRouter:
    """The routes of the reseller's surface."""
    router = APIRouter(tags=["billing"])

    @router.get(_PATH, responses=problems(), operation_id="list_billing_cycles", openapi_extra=WAITS)
    async def cycles(caller: UseCaller, read: ResellerReading) -> list[dict[str, Any]]:
        """Report cycles, newest first: `open` until over, `ended` until closed, `closing`, `closed`."""
        found: list[dict[str, Any]] = await read.parts.owners.get("billing", "/cycles", caller)
        return found

    @router.get(
        f"{_PATH}/{{cycle_id}}",
        responses=problems(404),
        operation_id="get_billing_cycle",
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
