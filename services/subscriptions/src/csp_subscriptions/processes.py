"""Observations in, subscription events out: readings are compared, facts are written once at their own time."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from csp_contracts.envelope import EffectiveBasis, Meta, Origin, Recorded
from csp_contracts.ids import Kind, named_id
from csp_contracts.partner_feed_v1 import ExternalStateObserved
from csp_contracts.subscriptions_v1 import EffectiveTimeCorrected, QuantityChanged
from csp_runtime.clock import Clock
from csp_runtime.database import Database
from csp_runtime.handlers import Reaction
from csp_runtime.operations import Operations
from csp_runtime.rereads import reread_at
from csp_runtime.store import Also, EventStore
from csp_subscriptions.adapters.seen_facts import OpenReading, matched, remember
from csp_subscriptions.adapters.tenants import Tenants
from csp_subscriptions.domain.observed import ObservedState, differences, status_of
from csp_subscriptions.domain.subscription import Subscription, fold
from csp_subscriptions.facts import audited, differs_in_time, own_operation, value_of
from csp_subscriptions.ports import Tenant
from csp_subscriptions.readings import created, moment, observed_state

_SAME_MOMENT = timedelta(minutes=5)
"""How much earlier than its audit record a webhook may date the same change."""
_CLOCKS_DIFFER = timedelta(minutes=1)
"""How far our clock may be behind Microsoft's."""


class ObservationReactor:
    """Decides what an observation of a subscription means for it."""

    name = "subscriptions.observations"
    contexts = ("partner-feed",)
    streams = frozenset({Kind.OBSERVATION})
    types = frozenset({ExternalStateObserved})

    def __init__(
        self,
        *,
        store: EventStore,
        database: Database,
        tenants: Tenants,
        operations: Operations,
        clock: Clock,
        visibility: timedelta,
    ) -> None:
        self._store = store
        self._database = database
        self._tenants = tenants
        self._operations = operations
        self._clock = clock
        self._visibility = visibility

    async def react(self, events: Sequence[Recorded[Any]]) -> Reaction:
        """Each observation in turn, on the state that the ones before it left."""
        seen = [event for event in events if event.data.resource == "subscription"]
        streams = await self._store.load_many(sorted({event.data.resource_id for event in seen}))
        found = _Found()
        for event in seen:
            history = streams[event.data.resource_id]
            await self._decide(event, history, found)
        return Reaction(events=found.events, also=found.also)

    async def _decide(
        self, event: Recorded[ExternalStateObserved], history: list[Recorded[Any]], found: "_Found"
    ) -> None:
        observed = event.data
        state = fold(history)
        if state is None:
            if observed.audit_id is None and observed.state is not None:
                await self._first_seen(event, history, found)
            return
        if observed.audit_id is not None:
            await self._fact(event, state, history, found)
        else:
            await self._reading(event, state, history, found)

    async def _first_seen(
        self, event: Recorded[ExternalStateObserved], history: list[Recorded[Any]], found: "_Found"
    ) -> None:
        """A subscription nobody told us of; while a creation of ours that fits is open, it is that one's."""
        observed, state = event.data, event.data.state or {}
        keys = [f"{observed.microsoft_tenant_id}/{state.get('product')}".lower()]
        if await self._operations.open_matching(event.meta.reseller, keys) is not None:
            found.also.append(_reread(event, self._clock.now() + self._visibility))
            return
        status = status_of(str(state.get("status")))
        if status is None:
            found.also.append(_reread(event, self._clock.now() + self._visibility))
            return
        tenant = (await self._tenants.known(event.meta.reseller, [observed.tenant_id])).get(
            observed.tenant_id
        )
        currency = await self._tenants.currency_of(event.meta.reseller)
        predecessor = await self._predecessor(event.meta.reseller, state)
        first = created(observed, tenant, status, currency, event.meta.reseller, predecessor)
        started = moment(state.get("started_at")) or observed.began_at
        found.append(history, first, self._meta(event, tenant, started, None, EffectiveBasis.READING))

    async def _predecessor(self, reseller: str, state: dict[str, Any]) -> str | None:
        """A migration names the subscription it replaces; the one that a transfer ends is only ours if it came back to us."""
        migrated, transferred = state.get("migrated_from"), state.get("transferred_from")
        if migrated:
            return named_id(Kind.SUBSCRIPTION, reseller, str(migrated))
        if transferred:
            before = named_id(Kind.SUBSCRIPTION, reseller, str(transferred))
            return before if await self._store.load(before) else None
        return None

    async def _reading(
        self,
        event: Recorded[ExternalStateObserved],
        state: Subscription,
        history: list[Recorded[Any]],
        found: "_Found",
    ) -> None:
        observed = event.data
        if observed.state is None:
            return
        seen = observed_state(observed.state, state)
        changes = differences(state, seen, observed.began_at)
        if not changes:
            return
        written = await self._operations.last_write(state.id)
        if written is not None and observed.began_at < written + self._visibility:
            # Old values stay visible for a while after a write of ours: look once more when the span is over.
            found.also.append(_reread(event, written + self._visibility))
            return
        if await self._is_target_of_open_operation(state, seen):
            return
        tenant = (await self._tenants.known(event.meta.reseller, [observed.tenant_id])).get(
            observed.tenant_id
        )
        basis = EffectiveBasis.READING if observed.changed_at is None else EffectiveBasis.WEBHOOK
        # A reading tells the present: it can never lie before what is known to be the present value.
        at = max(observed.changed_at or observed.began_at, state.last_effective_at)
        for change in changes:
            appended = found.append(history, change, self._meta(event, tenant, at, state, basis))
            value = value_of(change)
            if value is not None:
                fact_id = f"reading:{observed.observation_id}:{value}"
                found.readings.append(OpenReading(fact_id, state.id, value, at, appended.version))
                found.also.append(remember(fact_id, state.id, value, at, appended.version, is_open=True))

    async def _fact(
        self,
        event: Recorded[ExternalStateObserved],
        state: Subscription,
        history: list[Recorded[Any]],
        found: "_Found",
    ) -> None:
        """An audit record: written once, at its own time, even if later facts are known already."""
        observed = event.data
        at = observed.changed_at or observed.began_at
        fact_id = f"audit:{observed.audit_id}"
        change = audited(observed, history, at, state)
        value = None if change is None else value_of(change)
        if value is None or change is None or fact_id in found.facts or await self._is_known(fact_id):
            return
        found.facts.add(fact_id)
        tenant = (await self._tenants.known(event.meta.reseller, [observed.tenant_id])).get(
            observed.tenant_id
        )
        meta = self._meta(event, tenant, at, state, EffectiveBasis.AUDIT)
        corrected = await self._same_fact(observed, history, value, at, found)
        if corrected is None:
            superseded = at < state.last_effective_at
            if not superseded and await self._is_before_open_reading(observed, at, history, found):
                superseded = True
                found.also.append(_reread(event, self._clock.now() + self._visibility))
            appended = found.append(history, change, replace(meta, superseded=superseded))
            found.also.append(remember(fact_id, state.id, value, at, appended.version, is_open=False))
            return
        found.also.append(remember(fact_id, state.id, value, at, corrected.version, is_open=False))
        if differs_in_time(corrected, at):
            correction = EffectiveTimeCorrected(
                subscription_id=state.id, tenant_id=state.tenant_id, corrected_version=corrected.version
            )
            found.append(history, correction, meta)

    async def _is_before_open_reading(
        self,
        observed: ExternalStateObserved,
        at: datetime,
        history: list[Recorded[Any]],
        found: "_Found",
    ) -> bool:
        """Whether a record of a quantity is older than the reading that decides the present one.

        A reading carries our clock's time and a record Microsoft's: close together, the times do not order them. While the
        reading's own record is not known, what the record says of the quantity before it does.
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
        if (
            last is None
            or not isinstance(previous, int)
            or previous == last.data.quantity
            or last.meta.effective_basis not in (EffectiveBasis.READING, EffectiveBasis.WEBHOOK)
            or at >= last.meta.effective_at + _CLOCKS_DIFFER
        ):
            return False
        value = value_of(last.data) or ""
        open_ones = [*found.readings, *await self._open_readings(observed.resource_id, value)]
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
        found: "_Found",
    ) -> Recorded[Any] | None:
        """The event that this audit record is about: of our own command, or of a reading that came before it."""
        own = own_operation(observed)
        if own is not None:
            for event in history:
                if event.meta.causation_id == own and value_of(event.data) == value:
                    return event
        for reading in [*found.readings, *await self._open_readings(observed.resource_id, value)]:
            fits = reading.subscription_id == observed.resource_id and reading.value == value
            if fits and reading.at >= at - _SAME_MOMENT and reading.fact_id not in found.facts:
                found.facts.add(reading.fact_id)
                found.also.append(matched(reading.fact_id))
                return next((event for event in history if event.version == reading.version), None)
        return None

    async def _open_readings(self, subscription_id: str, value: str) -> list[OpenReading]:
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "select fact_id, subscription_id, value, effective_at, version from seen_facts "
                "where subscription_id = %s and value = %s and is_open_reading order by effective_at",
                [subscription_id, value],
            )
            rows = await cursor.fetchall()
        return [
            OpenReading(
                row["fact_id"], row["subscription_id"], row["value"], row["effective_at"], row["version"]
            )
            for row in rows
        ]

    async def _is_known(self, fact_id: str) -> bool:
        async with self._database.connection() as connection:
            cursor = await connection.execute("select 1 from seen_facts where fact_id = %s", [fact_id])
            return await cursor.fetchone() is not None

    async def _is_target_of_open_operation(self, state: Subscription, seen: ObservedState) -> bool:
        """A reading that shows what an open operation wants confirms it; its own answer writes the fact."""
        operation_id = await self._operations.open_on(state.reseller_id, state.id)
        if operation_id is None:
            return False
        requested = (await self._store.load(operation_id))[0].data
        match requested.kind:
            case "subscription.change_quantity":
                return bool(requested.target["quantity"] == seen.quantity)
            case "subscription.suspend":
                return seen.status == "suspended"
            case "subscription.reactivate":
                return seen.status == "active"
            case "subscription.cancel":
                return seen.status == "deleted"
            case _:
                return bool(seen.auto_renew == (requested.target.get("end_of_term") == "renew"))

    def _meta(
        self,
        event: Recorded[ExternalStateObserved],
        tenant: Tenant | None,
        effective_at: datetime,
        state: Subscription | None,
        basis: EffectiveBasis,
    ) -> Meta:
        now = self._clock.now()
        return Meta(
            reseller=event.meta.reseller,
            customer=tenant.customer_id if tenant else None,
            tenant=event.data.tenant_id,
            partition_key=state.partition_key if state else event.data.tenant_id,
            effective_at=effective_at,
            recorded_at=now if state is None else max(now, state.last_recorded_at),
            origin=Origin.MICROSOFT,
            actor="microsoft",
            correlation_id=event.data.microsoft_correlation_id,
            causation_id=event.event_id,
            effective_basis=basis,
            trace=event.meta.trace,
        )


class _Found:
    """What the decisions of a batch have come to so far."""

    def __init__(self) -> None:
        self.events: list[Recorded[Any]] = []
        self.also: list[Also] = []
        self.facts: set[str] = set()
        self.readings: list[OpenReading] = []

    def append(
        self, history: list[Recorded[Any]], data: Any, meta: Meta
    ) -> Recorded[Any]:  # any contract event
        """Add an event to a stream, and to what later decisions of this batch see of it."""
        version = history[-1].version + 1 if history else 1
        recorded = Recorded(
            stream=data.subscription_id,
            version=version,
            data=data,
            meta=meta
            if not history
            else replace(meta, recorded_at=max(meta.recorded_at, history[-1].meta.recorded_at)),
        )
        history.append(recorded)
        self.events.append(recorded)
        return recorded


def _reread(event: Recorded[ExternalStateObserved], due: datetime) -> Also:
    observed = event.data
    return reread_at("subscription", observed.resource_id, event.meta.reseller, observed.tenant_id, due)
