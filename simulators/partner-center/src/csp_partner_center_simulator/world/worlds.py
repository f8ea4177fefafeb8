"""Fills an empty world by name: `demo`, `empty`, or a file of facts."""

from datetime import datetime
from pathlib import Path

import msgspec

from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.world import demo, facts, partners


class UnknownWorldError(ValueError):
    """There is no world of that name and no file at that path."""


def build(world: World, name: str, now: datetime) -> None:
    """Fill the world; the clock stands at `now` afterwards."""
    match name:
        case "demo":
            demo.build(world, now)
        case "empty":
            world.clock.set(now)
            partners.make_direct(world)
        case path:
            if not Path(path).is_file():
                raise UnknownWorldError(f"World '{path}' is neither demo nor empty nor a file.")
            facts.build(world, Path(path), now)
    world.clock.set(now)
    # The history of a world may be longer than a refresh token lives unused; its partners were here today.
    for grant in list(world.grants):
        world.grants.put(msgspec.structs.replace(grant, used_at=now))
