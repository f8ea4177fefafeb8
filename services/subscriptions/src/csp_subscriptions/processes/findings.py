"""What a batch of observations comes to: events on top of what each stream already holds, rows beside them, readings again."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from csp_contracts.envelope import EffectiveBasis, Meta, Origin, Recorded
from csp_contracts.partner_feed_v1 import ExternalStateObserved
from csp_runtime.rereads import reread_at
from csp_runtime.store import Also
from csp_subscriptions.adapters.seen_facts import OpenReading
from csp_subscriptions.adapters.waiting_records import WaitingRecord, decided, wait
from csp_subscriptions.domain.subscription import Subscription
from csp_subscriptions.ports import Tenant


class Findings:
    """What the decisions of a batch have come to so far."""

    def __init__(self, waiting: Sequence[WaitingRecord] = ()) -> None:
        self._waiting = {record.fact_id: record for record in waiting}
        self.events: list[Recorded[Any]] = []
        self.also: list[Also] = []
        self.facts: set[str] = set()
        self.readings: list[OpenReading] = []
        self.recorded: dict[tuple[str, int], datetime] = {}
        """When events happened by their own audit records: by stream and version."""

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

    def wait(self, record: WaitingRecord) -> None:
        """Keep a record until it can be decided."""
        if self._waiting.setdefault(record.fact_id, record) is record:
            self.also.append(wait(record))

    def waits_no_longer(self, record: WaitingRecord) -> None:
        """A record is decided."""
        del self._waiting[record.fact_id]
        self.also.append(decided(record))

    def waiting_of(self, subscription_id: str) -> list[WaitingRecord]:
        """The records of a subscription that wait, by when they say that it happened."""
        records = (each for each in self._waiting.values() if each.event.data.resource_id == subscription_id)
        return sorted(records, key=lambda each: each.event.data.changed_at or each.event.data.began_at)

    def read_again(self, event: Recorded[ExternalStateObserved], due: datetime) -> None:
        """Ask for another reading of the resource, at an instant."""
        observed = event.data
        self.also.append(
            reread_at("subscription", observed.resource_id, event.meta.reseller, observed.tenant_id, due)
        )


def meta_of(
    event: Recorded[ExternalStateObserved],
    tenant: Tenant | None,
    effective_at: datetime,
    state: Subscription | None,
    basis: EffectiveBasis,
    now: datetime,
) -> Meta:
    """The meta of what an observation caused: Microsoft's doing, true since `effective_at`."""
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
