"""Activity records become facts: each is written once, at its own time, and joined with the event that says the same."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from csp_contracts.envelope import EffectiveBasis, Recorded
from csp_contracts.operations_v1 import OperationSubmitted
from csp_contracts.partner_feed_v1 import ExternalStateObserved
from csp_contracts.subscriptions_v1 import EffectiveTimeCorrected
from csp_runtime.clock import Clock
from csp_runtime.store import EventStore
from csp_subscriptions.adapters.seen_facts import SeenFacts, matched, reading_of, remember
from csp_subscriptions.adapters.tenants import Tenants
from csp_subscriptions.adapters.waiting_records import WaitingRecord, WaitingRecords
from csp_subscriptions.domain.present import deciding, is_superseded, times_of
from csp_subscriptions.domain.subscription import fold
from csp_subscriptions.facts import audited, is_told_alike, lies_between, own_operation, value_of
from csp_subscriptions.processes.findings import Findings, meta_of

History = list[Recorded[Any]]
"""A subscription's stream, with what this batch adds to it."""

_SAME_MOMENT = timedelta(minutes=5)
"""How much earlier than its record a webhook may date the same change."""
_CLOCKS_DIFFER = timedelta(minutes=1)
"""How far our clock, which dates readings, may be from Microsoft's."""
_ANSWER_IS_GOOD_TO = timedelta(seconds=1)
"""Our own change carries the time of Microsoft's answer, whose header leaves fractions of a second out."""
_PATIENCE = timedelta(hours=24)
"""After which a record no longer waits for another one."""
_LOOK_AGAIN = timedelta(hours=1)


class AuditFacts:
    """Decides what an activity record adds to a subscription's events.

    Where its time cannot tell whether it came before or after what is known as the present value, it waits for the own record
    of that value (0255).
    """

    def __init__(
        self,
        *,
        store: EventStore,
        seen_facts: SeenFacts,
        waiting: WaitingRecords,
        tenants: Tenants,
        clock: Clock,
    ) -> None:
        self._store = store
        self._seen_facts = seen_facts
        self._waiting = waiting
        self._tenants = tenants
        self._clock = clock

    async def waiting(self, resellers: set[str], subscription_ids: set[str]) -> list[WaitingRecord]:
        """The records of some subscriptions that wait."""
        return await self._waiting.of(sorted(resellers), sorted(subscription_ids))

    async def decide(self, event: Recorded[ExternalStateObserved], history: History, found: Findings) -> None:
        """A record: written once, at its own time, even if later facts are known already."""
        if not await self._is_decided(event, history, found, may_wait=True):
            found.wait(WaitingRecord(_fact_id(event), event, self._clock.now()))

    async def take_up(self, subscription_id: str, history: History, found: Findings) -> None:
        """Decide the records of a subscription that need not wait any longer, the earliest first."""
        goes_on = bool(found.waiting_of(subscription_id))
        while goes_on:
            goes_on = False
            for record in found.waiting_of(subscription_id):
                may_wait = record.since + _PATIENCE > self._clock.now()
                if await self._is_decided(record.event, history, found, may_wait=may_wait):
                    found.waits_no_longer(record)
                    goes_on = True
        for record in found.waiting_of(subscription_id):
            found.read_again(record.event, self._clock.now() + _LOOK_AGAIN)

    async def _is_decided(
        self,
        event: Recorded[ExternalStateObserved],
        history: History,
        found: Findings,
        *,
        may_wait: bool,
    ) -> bool:
        observed, state = event.data, fold(history)
        at = observed.changed_at or observed.began_at
        fact_id = _fact_id(event)
        change = None if state is None else audited(observed, history, at, state)
        value = None if change is None else value_of(change)
        if (
            state is None
            or value is None
            or change is None
            or fact_id in found.facts
            or await self._seen_facts.is_known(fact_id)
        ):
            return True
        tenant = await self._tenants.known(event.meta.reseller, observed.tenant_id)
        meta = meta_of(event, tenant, at, state, EffectiveBasis.AUDIT, self._clock.now())
        told = await self._told_already(observed, history, value, at, found)
        if told is None:
            last = deciding(history, change)
            own = (await self._own_records([last], found)).get(last.version)
            if may_wait and own is None and await self._may_be_either_side(last, at):
                return False
            superseded = is_superseded(history, change, at) if own is None else at < own
            told = found.append(history, change, replace(meta, superseded=superseded))
        found.facts.add(fact_id)
        found.recorded[told.stream, told.version] = at
        found.also.append(remember(fact_id, state.id, value, at, told.version, is_open=False))
        for version, own_time in await self._misplaced(history, told, at, found):
            correction = EffectiveTimeCorrected(
                subscription_id=state.id, tenant_id=state.tenant_id, corrected_version=version
            )
            found.append(history, correction, replace(meta, effective_at=own_time))
        return True

    async def _may_be_either_side(self, last: Recorded[Any], at: datetime) -> bool:
        """Whether an instant may lie before or after what decides the present value, as long as its own record has not come.

        A reading has our clock's time; our own change happened somewhere between its first call and the second of the answer.
        Their own records, which come in any order, tell their places.
        """
        if value_of(last.data) is None:
            return False
        match last.meta.effective_basis:
            case EffectiveBasis.READING | EffectiveBasis.WEBHOOK:
                earliest = last.meta.effective_at - _CLOCKS_DIFFER
                latest = last.meta.effective_at + _CLOCKS_DIFFER
            case EffectiveBasis.COMMAND:
                latest = last.meta.effective_at + _ANSWER_IS_GOOD_TO
                # Loaded only where it matters: most records are later.
                earliest = latest if at >= latest else await self._first_call(last) - _CLOCKS_DIFFER
            case _:
                return False
        return earliest < at < latest

    async def _first_call(self, event: Recorded[Any]) -> datetime:
        """When the operation behind an event first called Microsoft."""
        told = await self._store.load(event.meta.causation_id or "")
        calls = (each.meta.recorded_at for each in told if isinstance(each.data, OperationSubmitted))
        return min(next(calls, event.meta.effective_at), event.meta.effective_at)

    async def _own_records(self, events: Sequence[Recorded[Any]], found: Findings) -> dict[int, datetime]:
        """When events of a subscription happened by their own records, by version; without those whose record has not come."""
        if not events:
            return {}
        stream, versions = events[0].stream, [event.version for event in events]
        known = await self._seen_facts.recorded(stream, versions)
        in_batch = {version: found.recorded.get((stream, version)) for version in versions}
        return known | {version: at for version, at in in_batch.items() if at is not None}

    async def _told_already(
        self,
        observed: ExternalStateObserved,
        history: History,
        value: str,
        at: datetime,
        found: Findings,
    ) -> Recorded[Any] | None:
        """The event that a record is about: of our own command, or of a reading that came before it."""
        own = own_operation(observed.microsoft_correlation_id)
        if own is not None:
            for event in history:
                if event.meta.causation_id == own and value_of(event.data) == value:
                    found.facts.add(reading_of(own))
                    found.also.append(matched(reading_of(own)))
                    return event
        for reading in [*found.readings, *await self._seen_facts.open_readings(observed.resource_id, value)]:
            fits = reading.subscription_id == observed.resource_id and reading.value == value
            if fits and reading.at >= at - _SAME_MOMENT and reading.fact_id not in found.facts:
                found.facts.add(reading.fact_id)
                found.also.append(matched(reading.fact_id))
                return next((event for event in history if event.version == reading.version), None)
        return None

    async def _misplaced(
        self, history: History, told: Recorded[Any], at: datetime, found: Findings
    ) -> list[tuple[int, datetime]]:
        """Events whose written time puts them on the wrong side of another, now that a record's time is known; with their own."""
        times = times_of(history)
        if times[told.version] != at and (
            not is_told_alike(told, at) or lies_between(history, told, times, times[told.version], at)
        ):
            return [(told.version, at)]
        # Our own change happened before its answer came: one that is written behind this event may belong before it.
        behind = [
            event
            for event in history
            if event.version != told.version
            and event.meta.effective_basis == EffectiveBasis.COMMAND
            and value_of(event.data) is not None
            and times[event.version] + _ANSWER_IS_GOOD_TO > at
        ]
        own = await self._own_records(behind, found)
        return [
            (version, time)
            for version, time in own.items()
            if min(times[version], time) <= at <= max(times[version], time)
        ]


def _fact_id(event: Recorded[ExternalStateObserved]) -> str:
    return f"audit:{event.data.audit_id}"
