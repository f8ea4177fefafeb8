"""The virtual clock: read, follow, set, advance."""

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query

from csp_partner_center_simulator.control.models import ClockMove, ClockSetting
from csp_partner_center_simulator.rules.terms import add_months
from csp_partner_center_simulator.wire.answer import instant
from csp_partner_center_simulator.wire.errors import ApiError, invalid
from csp_partner_center_simulator.wire.request import parse_instant

if TYPE_CHECKING:
    from csp_partner_center_simulator.simulator import Simulator

LATEST = datetime(2200, 1, 1, tzinfo=UTC)
MOST_MONTHS = 1200
DURATION = re.compile(
    r"P(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)


def after_duration(at: datetime, text: str) -> datetime:
    """Add an ISO 8601 duration; years and months are calendar ones."""
    found = DURATION.fullmatch(text)
    if found is None or not any(found.groupdict().values()):
        raise invalid(f"by: '{text[:40]}' is not an ISO 8601 duration such as P7D or PT2H.")
    if any(len(value or "") > 9 for value in found.groupdict().values()):
        raise invalid(f"by: '{text[:40]}' is too long.")
    part = {name: float(value or 0) for name, value in found.groupdict().items()}
    months = int(part["years"] * 12 + part["months"])
    if months > MOST_MONTHS:
        raise invalid(f"by: at most {MOST_MONTHS} months at a time.")
    if months:
        at = datetime.combine(add_months(at.date(), months), at.timetz())
    return at + timedelta(
        weeks=part["weeks"],
        days=part["days"],
        hours=part["hours"],
        minutes=part["minutes"],
        seconds=part["seconds"],
    )


def utc(at: datetime) -> datetime:
    """Read a time without an offset as UTC."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def router(simulator: "Simulator") -> APIRouter:
    """Build the routes."""
    routes = APIRouter()
    world = simulator.world

    def not_backwards(to: datetime) -> datetime:
        if to > LATEST:
            raise invalid(f"The clock does not go beyond {instant(LATEST)}.")
        if to < world.now:
            raise ApiError(409, 409, f"The clock stands at {instant(world.now)} and does not go backwards.")
        return to

    @routes.get("/clock")
    async def read(
        after: str | None = None, wait: Annotated[float, Query(ge=0, le=60)] = 0.0
    ) -> dict[str, Any]:
        now = world.now
        if after is not None:
            now = await world.clock.passed(parse_instant(after.replace(" ", "+"), "after"), wait)
        return {"now": instant(now)}

    @routes.put("/clock")
    async def put(setting: ClockSetting) -> dict[str, Any]:
        await simulator.runner.advance(not_backwards(utc(setting.now)))
        return {"now": instant(world.now)}

    @routes.post("/clock/advance")
    async def advance(move: ClockMove) -> dict[str, Any]:
        if sum(one is not None for one in (move.by, move.to, move.until)) != 1:
            raise invalid("Give exactly one of by, to, until.")
        if move.until is not None:
            ran = await simulator.runner.until_idle()
        else:
            to = after_duration(world.now, move.by) if move.by is not None else utc(move.to or world.now)
            ran = await simulator.runner.advance(not_backwards(to))
        return {"now": instant(world.now), "ran": ran}

    return routes
