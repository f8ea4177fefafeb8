"""Observations in, subscription events out: readings are compared, facts are written once at their own time."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from csp_contracts.envelope import EffectiveBasis, Recorded
from csp_contracts.ids import Kind, named_id
from csp_contracts.partner_feed_v1 import ExternalStateObserved
from csp_runtime.clock import Clock
from csp_runtime.handlers import Reaction
from csp_runtime.operations import Operations
from csp_runtime.store import EventStore
from csp_subscriptions.adapters.seen_facts import OpenReading, remember
from csp_subscriptions.adapters.tenants import Tenants
from csp_subscriptions.domain.observed import ObservedState, differences, status_of
from csp_subscriptions.domain.subscription import Subscription, fold
from csp_subscriptions.facts import value_of
from csp_subscriptions.processes.audit_facts import AuditFacts
from csp_subscriptions.processes.findings import Findings, meta_of
from csp_subscriptions.readings import created, moment, observed_state


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
        facts: AuditFacts,
        tenants: Tenants,
        operations: Operations,
        clock: Clock,
        visibility: timedelta,
    ) -> None:
        self._store = store
        self._facts = facts
        self._tenants = tenants
        self._operations = operations
        self._clock = clock
        self._visibility = visibility

    async def react(self, events: Sequence[Recorded[Any]]) -> Reaction:
        """Each observation in turn, on the state that the ones before it left."""
        seen = [event for event in events if event.data.resource == "subscription"]
        if not seen:
            return Reaction()
        streams = await self._store.load_many(sorted({event.data.resource_id for event in seen}))
        found = Findings(await self._facts.waiting({event.meta.reseller for event in seen}, set(streams)))
        for event in seen:
            history = streams[event.data.resource_id]
            await self._decide(event, history, found)
            await self._facts.take_up(event.data.resource_id, history, found)
        return Reaction(events=found.events, also=found.also)

    async def _decide(
        self, event: Recorded[ExternalStateObserved], history: list[Recorded[Any]], found: Findings
    ) -> None:
        observed = event.data
        state = fold(history)
        if state is None:
            if observed.audit_id is None and observed.state is not None:
                await self._first_seen(event, history, found)
            return
        if observed.audit_id is not None:
            await self._facts.decide(event, history, found)
        else:
            await self._reading(event, state, history, found)

    async def _first_seen(
        self, event: Recorded[ExternalStateObserved], history: list[Recorded[Any]], found: Findings
    ) -> None:
        """A subscription nobody told us of; while a creation of ours that fits is open, it is that one's."""
        observed, state = event.data, event.data.state or {}
        keys = [f"{observed.microsoft_tenant_id}/{state.get('product')}".lower()]
        if await self._operations.open_matching(event.meta.reseller, keys) is not None:
            found.read_again(event, self._clock.now() + self._visibility)
            return
        status = status_of(str(state.get("status")))
        if status is None:
            found.read_again(event, self._clock.now() + self._visibility)
            return
        tenant = await self._tenants.known(event.meta.reseller, observed.tenant_id)
        currency = await self._tenants.currency_of(event.meta.reseller)
        predecessor = await self._predecessor(event.meta.reseller, state)
        first = created(observed, tenant, status, currency, event.meta.reseller, predecessor)
        started = moment(state.get("started_at")) or observed.began_at
        found.append(
            history, first, meta_of(event, tenant, started, None, EffectiveBasis.READING, self._clock.now())
        )

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
        found: Findings,
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
            found.read_again(event, written + self._visibility)
            return
        if await self._is_target_of_open_operation(state, seen):
            return
        tenant = await self._tenants.known(event.meta.reseller, observed.tenant_id)
        basis = EffectiveBasis.READING if observed.changed_at is None else EffectiveBasis.WEBHOOK
        # A reading tells the present: it can never lie before what is known to be the present value.
        at = max(observed.changed_at or observed.began_at, state.last_effective_at)
        for change in changes:
            appended = found.append(
                history, change, meta_of(event, tenant, at, state, basis, self._clock.now())
            )
            value = value_of(change)
            if value is not None:
                fact_id = f"reading:{observed.observation_id}:{value}"
                found.readings.append(OpenReading(fact_id, state.id, value, at, appended.version))
                found.also.append(remember(fact_id, state.id, value, at, appended.version, is_open=True))

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
