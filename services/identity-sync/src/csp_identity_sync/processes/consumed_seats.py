"""Consumed seats, counted anew when licences or seats change."""

from collections.abc import Sequence
from typing import Any

from psycopg import Cursor
from psycopg.rows import DictRow

from csp_contracts.envelope import Meta, Recorded
from csp_contracts.identity_sync_v1 import (
    ConsumedSeatsChanged,
    LicenseAssigned,
    LicenseUnassigned,
    UserDeleted,
)
from csp_contracts.ids import Kind, named_id
from csp_contracts.subscriptions_v1 import (
    QuantityChanged,
    SubscriptionCancelled,
    SubscriptionConverted,
    SubscriptionCreated,
    SubscriptionExpired,
    SubscriptionReactivated,
    SubscriptionRenewed,
    SubscriptionSuspended,
)
from csp_identity_sync.adapters.directory import (
    SeatRows,
)
from csp_identity_sync.domain.seats import OwnedSeats, fill
from csp_runtime.clock import Clock
from csp_runtime.handlers import Reaction
from csp_runtime.store import Also, EventStore

_SUBSCRIPTION_TYPES = frozenset(
    {
        SubscriptionCreated,
        QuantityChanged,
        SubscriptionSuspended,
        SubscriptionReactivated,
        SubscriptionCancelled,
        SubscriptionExpired,
        SubscriptionRenewed,
        SubscriptionConverted,
    }
)


class ConsumedSeats:
    """Counts a tenant's seats anew whenever licences or subscriptions change, and tells what changed."""

    name = "identity-sync.seats"
    contexts = ("subscriptions", "identity-sync")
    streams = frozenset({Kind.SUBSCRIPTION, Kind.USER})
    types = _SUBSCRIPTION_TYPES | {LicenseAssigned, LicenseUnassigned, UserDeleted}

    def __init__(self, store: EventStore, rows: SeatRows, clock: Clock) -> None:
        self._store = store
        self._rows = rows
        self._clock = clock

    async def react(self, events: Sequence[Recorded[Any]]) -> Reaction:
        """One ConsumedSeatsChanged per SKU whose figures differ from the last ones told."""
        also: list[Also] = []
        tenants: dict[str, Recorded[Any]] = {}
        owned: dict[str, dict[str, OwnedSeats]] = {}
        for event in events:
            tenant_id = event.data.tenant_id
            tenants[tenant_id] = event
            if tenant_id not in owned:
                rows = await self._rows.owned(event.meta.reseller, tenant_id)
                owned[tenant_id] = {row.subscription_id: row for row in rows}
            if type(event.data) in _SUBSCRIPTION_TYPES and not event.meta.superseded:
                also.append(_keep_seats(event))
                _apply(owned[tenant_id], event)
        made: list[Recorded[Any]] = []
        for tenant_id, event in tenants.items():
            made += await self._count(tenant_id, event, list(owned[tenant_id].values()))
        return Reaction(events=made, also=also)

    async def _count(
        self, tenant_id: str, cause: Recorded[Any], owned: Sequence[OwnedSeats]
    ) -> list[Recorded[Any]]:
        consumed = await self._rows.consumed(cause.meta.reseller, tenant_id)
        made: list[Recorded[Any]] = []
        for sku in sorted({*consumed, *(each.sku_id for each in owned)}):
            available, parts = fill(consumed.get(sku, 0), [each for each in owned if each.sku_id == sku])
            stream = named_id(Kind.CONSUMED_SEATS, cause.meta.reseller, f"{tenant_id}/{sku}")
            history = await self._store.load(stream)
            told = ConsumedSeatsChanged(
                tenant_id=tenant_id,
                sku_id=sku,
                available=available,
                consumed=consumed.get(sku, 0),
                subscriptions=parts,
            )
            if history and history[-1].data == told:
                continue
            made.append(
                Recorded(
                    stream=stream,
                    version=len(history) + 1,
                    data=told,
                    meta=self._meta(cause, tenant_id, history),
                )
            )
        return made

    def _meta(self, cause: Recorded[Any], tenant_id: str, history: Sequence[Recorded[Any]]) -> Meta:
        now = self._clock.now()
        return Meta(
            reseller=cause.meta.reseller,
            customer=cause.meta.customer,
            tenant=tenant_id,
            partition_key=tenant_id,
            effective_at=now,
            recorded_at=max([now, *(event.meta.recorded_at for event in history)]),
            actor="service:identity-sync",
            causation_id=cause.event_id,
            trace=cause.meta.trace,
        )


def _apply(owned: dict[str, OwnedSeats], event: Recorded[Any]) -> None:
    """The batch's own changes, before they are rows."""
    data = event.data
    before = owned.get(event.stream)
    if isinstance(data, SubscriptionCreated):
        if data.directory_sku_id is None:
            return
        owned[event.stream] = OwnedSeats(
            subscription_id=event.stream,
            sku_id=data.directory_sku_id.lower(),
            quantity=data.quantity,
            status=data.status,
            commitment_ends_on=data.commitment_ends_on,
        )
    elif before is not None:
        owned[event.stream] = OwnedSeats(
            subscription_id=before.subscription_id,
            sku_id=before.sku_id,
            quantity=getattr(data, "quantity", before.quantity),
            status=_status_after(data) or before.status,
            commitment_ends_on=getattr(data, "commitment_ends_on", None) or before.commitment_ends_on,
        )


def _status_after(data: Any) -> str | None:  # an event of a subscription
    match data:
        case SubscriptionSuspended():
            return "suspended"
        case SubscriptionReactivated() | SubscriptionRenewed():
            return "active"
        case SubscriptionCancelled():
            return "cancelled"
        case SubscriptionExpired():
            return "expired"
        case _:
            return None


def _keep_seats(event: Recorded[Any]) -> Also:
    data = event.data

    def write(cursor: Cursor[DictRow]) -> None:
        if isinstance(data, SubscriptionCreated):
            sku = None if data.directory_sku_id is None else data.directory_sku_id.lower()
            cursor.execute(
                "insert into subscriptions (subscription_id, reseller_id, tenant_id, sku_id, quantity, status, "
                "commitment_ends_on) values (%s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
                [
                    event.stream,
                    event.meta.reseller,
                    data.tenant_id,
                    sku,
                    data.quantity,
                    data.status,
                    data.commitment_ends_on,
                ],
            )
            return
        cursor.execute(
            "update subscriptions set quantity = coalesce(%s, quantity), status = coalesce(%s, status), "
            "commitment_ends_on = coalesce(%s, commitment_ends_on) where subscription_id = %s and reseller_id = %s",
            [
                getattr(data, "quantity", None),
                _status_after(data),
                getattr(data, "commitment_ends_on", None),
                event.stream,
                event.meta.reseller,
            ],
        )

    return write
