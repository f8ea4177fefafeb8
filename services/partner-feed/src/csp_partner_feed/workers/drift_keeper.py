"""Compares, in turns, what has settled on both sides, and brings Microsoft back to our side where that was decided."""

from datetime import timedelta

from csp_partner_feed.adapters.drift_enforcements import DriftEnforcements
from csp_partner_feed.adapters.drifts import DriftRows
from csp_partner_feed.adapters.subscription_commands import Outcome, SubscriptionCommands
from csp_partner_feed.domain.drift import command_for
from csp_partner_feed.ports import Enforcement
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

    def __init__(
        self,
        *,
        drifts: DriftRows,
        enforcements: DriftEnforcements,
        owner: SubscriptionCommands,
        clock: Clock,
        visibility: timedelta,
    ) -> None:
        self._drifts = drifts
        self._enforcements = enforcements
        self._owner = owner
        self._clock = clock
        self._grace = visibility + _JOURNEY

    async def run(self) -> None:
        """For ever."""
        await in_turns("drift", self.step, self._clock, _PAUSE)

    async def step(self) -> None:
        """One comparison, and what was decided before."""
        for each in await self._enforcements.waiting():
            await self._enforce(each)
        try:
            changed = await self._drifts.look(self._clock.now() - self._grace)
        except VersionConflict:
            return  # a person decided at the same moment
        if changed:
            log.info("feed.drift", changed=changed)

    async def _enforce(self, wanted: Enforcement) -> None:
        """One field a turn: an owner carries out one operation at a time. A refusal for good is shown beside the decision."""
        field, ours = next(iter(sorted(wanted.ours.items())))
        command = command_for(field, ours)
        if command is None:
            await self._enforcements.done(wanted, field, "not-possible")
            return
        outcome = await self._owner.send(wanted, field, *command)
        if outcome == Outcome.LATER:
            return
        fault = None if outcome == Outcome.TAKEN else outcome
        log.info("feed.drift-enforced", field=field, fault=fault)
        await self._enforcements.done(wanted, field, fault)
