"""Runs the simulator inside another process; found by the entry-point group `csp.simulators`."""

from pathlib import Path
from typing import Literal

from csp_partner_center_simulator.simulator import Simulator


def build(
    *,
    data: Path | None,
    world: str = "demo",
    profile: Literal["fast", "realistic"] = "fast",
    seed: int = 1,
    clock: Literal["still", "running"] = "still",
    base_url: str,
) -> Simulator:
    """Build a simulator: serve its `.app`, `await start()` beside it, `await stop()` at the end.

    `data`: folder that keeps the state (None: memory). `base_url`: where `.app` will be reached, for the
    links and certificate addresses it gives out. What `data` holds wins over `world`.
    """
    return Simulator(
        data=data, world=world, profile=profile, seed=seed, running=clock == "running", base_url=base_url
    )
