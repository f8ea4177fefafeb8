"""Reset and snapshots."""

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter

from csp_partner_center_simulator.control.clock import utc
from csp_partner_center_simulator.control.models import Reset
from csp_partner_center_simulator.wire.answer import instant
from csp_partner_center_simulator.wire.errors import ApiError, invalid
from csp_partner_center_simulator.world.facts import BadWorldFileError
from csp_partner_center_simulator.world.worlds import UnknownWorldError

if TYPE_CHECKING:
    from csp_partner_center_simulator.simulator import Simulator


def router(simulator: "Simulator") -> APIRouter:
    """Build the routes."""
    routes = APIRouter()

    @routes.post("/reset")
    async def reset(wish: Reset) -> dict[str, Any]:
        try:
            simulator.fill(wish.world, utc(wish.now) if wish.now else None)
        except (UnknownWorldError, BadWorldFileError) as unknown:
            raise invalid(f"world: {unknown}") from None
        return {"now": instant(simulator.world.now), "world": simulator.world.name}

    @routes.get("/snapshots")
    async def snapshots() -> list[str]:
        return simulator.world.snapshots()

    @routes.put("/snapshots/{name}", status_code=204)
    async def take(name: str) -> None:
        simulator.world.snapshot(name)

    @routes.post("/snapshots/{name}/restore")
    async def restore(name: str) -> dict[str, Any]:
        if not simulator.world.restore(name):
            raise ApiError(404, 404, f"There is no snapshot {name[:80]}.")
        return {"now": instant(simulator.world.now), "world": simulator.world.name}

    return routes
