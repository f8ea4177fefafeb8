"""Subscription events in, price locks out (R5.2): at purchase the accepted quote, else the list; at renewal the list."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from psycopg import Cursor
from psycopg.rows import DictRow

from csp_contracts.envelope import Meta, Origin, Recorded
from csp_contracts.ids import Kind
from csp_contracts.pricing_v1 import SubscriptionCostLocked, SubscriptionPriceLocked
from csp_contracts.subscriptions_v1 import (
    SubscriptionConverted,
    SubscriptionCreated,
    SubscriptionRenewed,
)
from csp_pricing.adapters.rows import PricingRows
from csp_pricing.application import background
from csp_pricing.domain.rows import ListedPrice, Wanted, price_at_takeover, price_of
from csp_pricing.price_edits import price_stream
from csp_runtime.clock import Clock
from csp_runtime.consumer import Reaction
from csp_runtime.database import Database
from csp_runtime.errors import VersionConflict
from csp_runtime.store import Also, EventStore
from csp_runtime.wakeups import Wakeups, wait_for_wakeup

LEDGERS = ("sell", "cost")
POLL_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LockWish:
    """A price that a subscription needs from a day on; kept while no list has it."""

    subscription_id: str
    tenant_id: str
    reseller: str
    customer_id: str | None
    product: str
    product_title: str
    term: str
    charge_cycle: str
    segment: str
    currency: str
    from_on: date
    partition_key: str
    is_takeover: bool
    promotion_percent: str | None
    causation_id: str


class PriceLocks:
    """Resolves and emits; the only place that locks a price."""

    name = "pricing.locks"
    contexts = ("subscriptions",)
    streams = frozenset({Kind.SUBSCRIPTION})
    types = frozenset({SubscriptionCreated, SubscriptionRenewed, SubscriptionConverted})

    def __init__(self, store: EventStore, rows: PricingRows, database: Database, clock: Clock) -> None:
        self._store = store
        self._rows = rows
        self._database = database
        self._clock = clock

    async def react(self, events: Sequence[Recorded[Any]]) -> Reaction:
        """A lock per ledger and event, or a pending row where no list has a price."""
        streams = {event.stream: price_stream(event.meta.reseller, event.stream) for event in events}
        known = await self._store.load_many(sorted(set(streams.values())))
        created = await self._created(events)
        made: list[Recorded[Any]] = []
        also: list[Also] = []
        for event in events:
            stream = streams[event.stream]
            wish = await self._wish(event, created.get(event.stream), known[stream])
            for ledger in LEDGERS:
                lock = await self._lock(wish, ledger, event)
                if lock is None:
                    also.append(_keep_pending(wish, ledger))
                    continue
                recorded = Recorded(
                    stream=stream,
                    version=len(known[stream]) + 1,
                    data=lock,
                    meta=self._meta(wish, event.meta),
                )
                known[stream].append(recorded)
                made.append(recorded)
        return Reaction(events=made, also=also)

    async def _created(self, events: Sequence[Recorded[Any]]) -> dict[str, SubscriptionCreated]:
        return {event.stream: event.data for event in events if isinstance(event.data, SubscriptionCreated)}

    async def _wish(
        self, event: Recorded[Any], created: SubscriptionCreated | None, history: Sequence[Recorded[Any]]
    ) -> LockWish:
        data = event.data
        before = history[-1].data if history else created
        customer = await self._customer_of(event)
        day = event.meta.effective_at.date()
        is_takeover = isinstance(data, SubscriptionCreated) and data.billing_from is not None
        return LockWish(
            subscription_id=event.stream,
            tenant_id=data.tenant_id,
            reseller=event.meta.reseller,
            customer_id=customer,
            product=data.product,
            product_title=data.product_title,
            term=getattr(data, "term", None) or getattr(before, "term", None) or "P1Y",
            charge_cycle=data.charge_cycle,
            segment=data.segment if isinstance(data, SubscriptionCreated) else "commercial",
            currency=data.currency if isinstance(data, SubscriptionCreated) else _currency_of(before),
            from_on=(data.billing_from or day) if isinstance(data, SubscriptionCreated) else day,
            partition_key=event.meta.partition_key,
            is_takeover=is_takeover,
            promotion_percent=data.promotion_percent if isinstance(data, SubscriptionCreated) else None,
            causation_id=event.event_id,
        )

    async def _customer_of(self, event: Recorded[Any]) -> str | None:
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "select customer_id from tenant_customer where tenant_id = %s and reseller_id = %s",
                [event.data.tenant_id, event.meta.reseller],
            )
            row = await cursor.fetchone()
        return event.meta.customer if row is None else str(row["customer_id"])

    async def _lock(self, wish: LockWish, ledger: str, event: Recorded[Any]) -> Any | None:
        quote = event.data.quote if isinstance(event.data, SubscriptionCreated) else None
        if ledger == "sell" and quote is not None:
            return _event(ledger, wish, quote.currency, quote.unit_price_micro, quote.price_ref)
        row = await self.resolve(wish, ledger)
        return None if row is None else _event(ledger, wish, row.currency, row.unit_price_micro, row.ref)

    async def resolve(self, wish: LockWish, ledger: str) -> ListedPrice | None:
        """The row that prices this wish now."""
        customer = wish.customer_id if ledger == "sell" else None
        rows = await self._rows.prices(
            background(wish.reseller), [wish.product], ledger=ledger, customer_id=customer
        )
        wanted = Wanted(
            customer_id=customer,
            product=wish.product,
            term=wish.term,
            charge_cycle=wish.charge_cycle,
            segment=wish.segment,
            currency=wish.currency,
        )
        find = price_at_takeover if wish.is_takeover else price_of
        return find(rows, wanted, wish.from_on)

    def _meta(self, wish: LockWish, cause: Meta) -> Meta:
        now = self._clock.now()
        return replace(
            cause,
            customer=wish.customer_id,
            partition_key=wish.partition_key,
            recorded_at=max(now, cause.recorded_at),
            causation_id=wish.causation_id,
            origin=Origin.SYSTEM,
            actor="service:pricing",
            superseded=False,
        )


class PendingLocks:
    """Locks the price of subscriptions that waited for one, as soon as a list has it."""

    def __init__(
        self, locks: PriceLocks, store: EventStore, database: Database, clock: Clock, wakeups: Wakeups
    ) -> None:
        self._locks = locks
        self._store = store
        self._database = database
        self._clock = clock
        self._wakeups = wakeups

    async def run(self) -> None:
        """After every change of a list, and from time to time."""
        with self._wakeups.on("csp_prices") as event:
            while True:
                await self._retry_all()
                await wait_for_wakeup(event, POLL_SECONDS)

    async def _retry_all(self) -> None:
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "select subscription_id, ledger, body from pending_locks order by subscription_id, ledger"
            )
            rows = await cursor.fetchall()
        for row in rows:
            await self._retry(_wish_from(row["body"]), row["ledger"])

    async def _retry(self, wish: LockWish, ledger: str) -> None:
        found = await self._locks.resolve(wish, ledger)
        if found is None:
            return
        stream = price_stream(wish.reseller, wish.subscription_id)
        version = len(await self._store.load(stream)) + 1
        now = self._clock.now()
        meta = Meta(
            reseller=wish.reseller,
            customer=wish.customer_id,
            tenant=wish.tenant_id,
            partition_key=wish.partition_key,
            effective_at=now,
            recorded_at=now,
            actor="service:pricing",
            causation_id=wish.causation_id,
        )
        lock = _event(ledger, wish, found.currency, found.unit_price_micro, found.ref)
        try:
            await self._store.save(
                [Recorded(stream=stream, version=version, data=lock, meta=meta)], also=[_forget(wish, ledger)]
            )
        except VersionConflict:
            return


def _event(ledger: str, wish: LockWish, currency: str, unit_price_micro: int, price_ref: str) -> Any:
    cls = SubscriptionPriceLocked if ledger == "sell" else SubscriptionCostLocked
    return cls(
        subscription_id=wish.subscription_id,
        tenant_id=wish.tenant_id,
        currency=currency,
        unit_price_micro=unit_price_micro,
        price_ref=price_ref,
        from_on=wish.from_on,
        product=wish.product,
        product_title=wish.product_title,
        charge_cycle=wish.charge_cycle,
        promotion_percent=wish.promotion_percent,
    )


def _currency_of(before: Any) -> str:
    return str(getattr(before, "currency", "USD"))


def _keep_pending(wish: LockWish, ledger: str) -> Also:
    body = {
        **{name: getattr(wish, name) for name in LockWish.__slots__},
        "from_on": wish.from_on.isoformat(),
    }

    def insert(cursor: Cursor[DictRow]) -> None:
        cursor.execute(
            "insert into pending_locks (subscription_id, ledger, reseller_id, body) values (%s, %s, %s, %s) "
            "on conflict (subscription_id, ledger) do update set body = excluded.body",
            [wish.subscription_id, ledger, wish.reseller, json.dumps(body)],
        )

    return insert


def _wish_from(body: dict[str, Any]) -> LockWish:
    return LockWish(**{**body, "from_on": date.fromisoformat(body["from_on"])})


def _forget(wish: LockWish, ledger: str) -> Also:
    def delete(cursor: Cursor[DictRow]) -> None:
        cursor.execute(
            "delete from pending_locks where subscription_id = %s and ledger = %s and reseller_id = %s",
            [wish.subscription_id, ledger, wish.reseller],
        )

    return delete
