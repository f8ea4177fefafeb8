"""Audit records become facts: each is written once, at its own time, and joined with the event that says the same."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from csp_contracts.envelope import EffectiveBasis, Recorded
from csp_contracts.partner_feed_v1 import ExternalStateObserved
from csp_contracts.subscriptions_v1 import EffectiveTimeCorrected, QuantityChanged
from csp_runtime.clock import Clock
from csp_subscriptions.adapters.seen_facts import SeenFacts, matched, reading_of, remember
from csp_subscriptions.adapters.tenants import Tenants
from csp_subscriptions.domain.subscription import Subscription
from csp_subscriptions.facts import audited, differs_in_time, own_operation, value_of
from csp_subscriptions.processes.findings import Findings, meta_of

_SAME_MOMENT = timedelta(minutes=5)
"""How much earlier than its audit record a webhook may date the same change."""
_CLOCKS_DIFFER = timedelta(minutes=1)
"""How far our clock may be behind Microsoft's."""
_ANSWER_IS_GOOD_TO = timedelta(seconds=1)
"""Our own change carries the time of Microsoft's answer, whose header leaves fractions of a second out."""


class AuditFacts:
    """Decides what an audit record adds to a subscription's events."""

    def __init__(
        self, *, seen_facts: SeenFacts, tenants: Tenants, clock: Clock, visibility: timedelta
    ) -> None:
        self._seen_facts = seen_facts
        self._tenants = tenants
        self._clock = clock
        self._visibility = visibility

    async def decide(
        self,
        event: Recorded[ExternalStateObserved],
        state: Subscription,
        history: list[Recorded[Any]],
        found: Findings,
    ) -> None:
        """An audit record: written once, at its own time, even if later facts are known already."""
        observed = event.data
        at = observed.changed_at or observed.began_at
        fact_id = f"audit:{observed.audit_id}"
        change = audited(observed, history, at, state)
        value = None if change is None else value_of(change)
        if (
            value is None
            or change is None
            or fact_id in found.facts
            or await self._seen_facts.is_known(fact_id)
        ):
            return
        found.facts.add(fact_id)
        tenant = await self._tenants.known(event.meta.reseller, observed.tenant_id)
        meta = meta_of(event, tenant, at, state, EffectiveBasis.AUDIT, self._clock.now())
        corrected = await self._same_fact(observed, history, value, at, found)
        if corrected is None:
            superseded = at < state.last_effective_at
            if not superseded and await self._is_before_present(observed, at, history, found):
                superseded = True
                found.read_again(event, self._clock.now() + self._visibility)
            appended = found.append(history, change, replace(meta, superseded=superseded))
            found.also.append(remember(fact_id, state.id, value, at, appended.version, is_open=False))
            return
        found.recorded[corrected.stream, corrected.version] = at
        found.also.append(remember(fact_id, state.id, value, at, corrected.version, is_open=False))
        if differs_in_time(corrected, at):
            correction = EffectiveTimeCorrected(
                subscription_id=state.id, tenant_id=state.tenant_id, corrected_version=corrected.version
            )
            found.append(history, correction, meta)

    async def _is_before_present(
        self,
        observed: ExternalStateObserved,
        at: datetime,
        history: list[Recorded[Any]],
        found: Findings,
    ) -> bool:
        """Whether a record of a quantity is older than what decides the present one, although its time does not say so.

        A reading carries our clock's time and a record Microsoft's, our own change the second of its answer: close together, the
        times do not order them. While the own record of the present quantity is not known, what this one says of the quantity
        before it does.
        """
        told = observed.state or {}
        previous = told.get("previous_quantity")
        last = next(
            (
                each
                for each in reversed(history)
                if isinstance(each.data, QuantityChanged) and not each.meta.superseded
            ),
            None,
        )
        if last is None or not isinstance(previous, int) or previous == last.data.quantity:
            return False
        if last.meta.effective_basis == EffectiveBasis.COMMAND:
            own = found.recorded.get((last.stream, last.version))
            own = own or await self._seen_facts.recorded(last.stream, last.version)
            return at < (last.meta.effective_at + _ANSWER_IS_GOOD_TO if own is None else own)
        if (
            last.meta.effective_basis not in (EffectiveBasis.READING, EffectiveBasis.WEBHOOK)
            or at >= last.meta.effective_at + _CLOCKS_DIFFER
        ):
            return False
        value = value_of(last.data) or ""
        open_ones = [*found.readings, *await self._seen_facts.open_readings(observed.resource_id, value)]
        return any(
            each.version == last.version
            and each.subscription_id == last.stream
            and each.fact_id not in found.facts
            for each in open_ones
        )

    async def _same_fact(
        self,
        observed: ExternalStateObserved,
        history: list[Recorded[Any]],
        value: str,
        at: datetime,
        found: Findings,
    ) -> Recorded[Any] | None:
        """The event that this audit record is about: of our own command, or of a reading that came before it."""
        own = own_operation(observed)
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
