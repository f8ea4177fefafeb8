"""Compares, in turns, what has settled on both sides."""

from datetime import timedelta

from csp_partner_feed.adapters.drifts import DriftRows
from csp_partner_feed.workers.pace import in_turns
from csp_runtime.clock import Clock
from csp_runtime.errors import VersionConflict
from csp_runtime.logs import logger

log = logger(__name__)

_PAUSE = 60.0
# Time for an observation to travel to its owner and back, beyond the span in which old values may show.
_JOURNEY = timedelta(minutes=10)


class DriftKeeper:
    """One per process; two of them at once only find the same."""

    def __init__(self, *, drifts: DriftRows, clock: Clock, visibility: timedelta) -> None:
        self._drifts = drifts
        self._clock = clock
        self._grace = visibility + _JOURNEY

    async def run(self) -> None:
        """For ever."""
        await in_turns("drift", self.step, self._clock, _PAUSE)

    async def step(self) -> None:
        """One comparison."""
        try:
            changed = await self._drifts.look(self._clock.now() - self._grace)
        except VersionConflict:
            return  # a person decided at the same moment
        if changed:
            log.info("feed.drift", changed=changed)
