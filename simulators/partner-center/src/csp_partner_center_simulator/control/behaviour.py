"""Profile, channels, faults, recorded requests."""

from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import APIRouter

from csp_partner_center_simulator.control.models import ChannelChange, FaultWish, ProfileChange
from csp_partner_center_simulator.routes import ROUTES
from csp_partner_center_simulator.state.profile import WRITE_ANSWER, Channels, Profile
from csp_partner_center_simulator.wire.errors import invalid
from csp_partner_center_simulator.wire.faults import KINDS, Fault
from csp_partner_center_simulator.wire.naming import REFINED

if TYPE_CHECKING:
    from csp_partner_center_simulator.simulator import Simulator

OPERATIONS = {route.operation for route in ROUTES} | REFINED


def router(simulator: "Simulator") -> APIRouter:
    """Build the routes."""
    routes = APIRouter()
    world = simulator.world

    @routes.get("/profile")
    async def profile() -> dict[str, Any]:
        told: dict[str, Any] = msgspec.to_builtins(world.profile)
        return told

    @routes.patch("/profile")
    async def change_profile(change: ProfileChange) -> dict[str, Any]:
        asked = change.model_extra or {}
        wished = {**msgspec.to_builtins(world.profile), **asked}
        if "latency" in asked and "write_answer" not in asked:
            wished["write_answer"] = WRITE_ANSWER.get(str(asked["latency"]), wished["write_answer"])
        try:
            profile = msgspec.convert(wished, Profile)
        except msgspec.ValidationError as problem:
            raise invalid(str(problem)) from None
        world.profile = profile
        with world.transaction():
            world.keep_time()
        told: dict[str, Any] = msgspec.to_builtins(profile)
        return told

    @routes.get("/channels")
    async def channels() -> dict[str, bool]:
        told: dict[str, bool] = msgspec.to_builtins(world.channels)
        return told

    @routes.patch("/channels")
    async def change_channels(change: ChannelChange) -> dict[str, bool]:
        wished = {**msgspec.to_builtins(world.channels), **change.model_dump(exclude_none=True)}
        world.channels = msgspec.convert(wished, Channels)
        with world.transaction():
            world.keep_time()
        told: dict[str, bool] = msgspec.to_builtins(world.channels)
        return told

    @routes.post("/faults", status_code=201)
    async def arm(wish: FaultWish) -> dict[str, Any]:
        if wish.kind not in KINDS:
            raise invalid(f"kind: must be one of {', '.join(sorted(KINDS))}.")
        if not any(fnmatchcase(name, wish.operation) for name in OPERATIONS):
            raise invalid(f"operation: no operation is called {wish.operation[:80]}.")
        fault = simulator.faults.arm(
            Fault(
                id="",
                operation=wish.operation,
                kind=wish.kind,
                customer_id=wish.customer_id or "",
                probability=wish.probability,
                count=wish.count,
                delay_seconds=wish.delay_seconds,
                retry_after=wish.retry_after,
                code=wish.code,
            )
        )
        return {"id": fault.id}

    @routes.get("/faults")
    async def armed() -> list[dict[str, Any]]:
        return [fault.as_json() for fault in simulator.faults.armed()]

    @routes.delete("/faults", status_code=204)
    async def disarm() -> None:
        simulator.faults.clear()

    @routes.get("/requests")
    async def requests(
        operation: str = "", customer_id: str = "", since: int | datetime = 0, limit: int = 10_000
    ) -> list[dict[str, Any]]:
        if isinstance(since, datetime):
            since = since if since.tzinfo else since.replace(tzinfo=UTC)
        found = simulator.recorder.find(operation=operation, customer_id=customer_id, since=since)
        return [one.as_json() for one in found[-limit:]]

    @routes.delete("/requests", status_code=204)
    async def forget() -> None:
        simulator.recorder.clear()

    return routes
