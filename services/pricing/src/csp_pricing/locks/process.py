"""Subscription events in, price locks out (R5.2): at purchase the accepted quote, else the list; at renewal the list.

An imported subscription takes the list of the day from which it is billed (R9.7), and again where that day is changed.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from csp_contracts.envelope import Meta, Origin, Recorded
from csp_contracts.ids import Kind
from csp_contracts.pricing_v1 import SubscriptionPriceLocked
from csp_contracts.provisioning_v1 import TenantLinked
from csp_contracts.subscriptions_v1 import (
    BillingStartChanged,
    SubscriptionConverted,
    SubscriptionCreated,
    SubscriptionRenewed,
)
from csp_pricing.adapters.rows import PricingRows
from csp_pricing.adapters.subscriptions import KeptSubscriptions
from csp_pricing.domain.rows import ListedPrice
from csp_pricing.domain.streams import price_stream
from csp_pricing.locks.locking import (
    LEDGERS,
    Lock,
    LockWish,
    keep_pending,
    lock_event,
    lock_on,
    locked,
    resolve,
    wish_for,
)
from csp_runtime.clock import Clock
from csp_runtime.handlers import Reaction
from csp_runtime.store import Also, EventStore

POLL_SECONDS = 30.0


class PriceLocks:
    """Locks a price for each purchase, renewal and conversion, and for another first billing day."""

    name = "pricing.locks"
    contexts = ("subscriptions",)
    streams = frozenset({Kind.SUBSCRIPTION})
    types = frozenset({SubscriptionCreated, SubscriptionRenewed, SubscriptionConverted, BillingStartChanged})

    def __init__(
        self, store: EventStore, rows: PricingRows, subscriptions: KeptSubscriptions, clock: Clock
    ) -> None:
        self._store = store
        self._rows = rows
        self._subscriptions = subscriptions
        self._clock = clock

    async def react(self, events: Sequence[Recorded[Any]]) -> Reaction:
        """A lock per ledger and event, or a pending row where no list has a price."""
        streams = {event.stream: price_stream(event.meta.reseller, event.stream) for event in events}
        known = await self._store.load_many(sorted(set(streams.values())))
        customers = await self._subscriptions.customers_of(
            {(event.meta.reseller, event.data.tenant_id) for event in events}
        )
        subscriptions = await self._subscriptions.some(
            {(event.meta.reseller, event.stream) for event in events}
        )
        wishes: list[LockWish] = []
        for event in events:
            whose = customers.get((event.meta.reseller, event.data.tenant_id), (event.meta.customer, None))
            if isinstance(event.data, BillingStartChanged):
                wish = _moved(event, lock_on(known[streams[event.stream]], event.data.billing_from), *whose)
            else:
                wish = _wish(event, *whose)
            wishes.append(wish.completed(subscriptions.get(event.stream)))
        asked = [(wish, ledger) for wish in wishes for ledger in LEDGERS]
        prices = await resolve(self._rows, asked)
        made: list[Recorded[Any]] = []
        also: list[Also] = []
        for number, ((wish, ledger), price) in enumerate(zip(asked, prices, strict=True)):
            event = events[number // len(LEDGERS)]
            lock = _lock(wish, ledger, event, price)
            if lock is None:
                also.append(keep_pending(wish, ledger))
                continue
            history = known[streams[event.stream]]
            recorded = Recorded(
                stream=streams[event.stream],
                version=len(history) + 1,
                data=lock,
                meta=self._meta(wish, event.meta),
            )
            history.append(recorded)
            made.append(recorded)
        return Reaction(events=made, also=also)

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


class Reprices:
    """A link that carries `reprice_from`: from that day on the price of the customer linked to. Without it locks stay."""

    name = "pricing.reprices"
    contexts = ("provisioning",)
    streams = frozenset({Kind.TENANT})
    types = frozenset({TenantLinked})

    def __init__(
        self, store: EventStore, rows: PricingRows, subscriptions: KeptSubscriptions, clock: Clock
    ) -> None:
        self._store = store
        self._rows = rows
        self._subscriptions = subscriptions
        self._clock = clock

    async def react(self, events: Sequence[Recorded[Any]]) -> Reaction:
        """A lock for each running subscription of the tenant, or a pending row where the customer's lists have no price."""
        made: list[Recorded[Any]] = []
        also: list[Also] = []
        for event in events:
            link: TenantLinked = event.data
            if link.reprice_from is None:
                continue
            running = await self._subscriptions.running(event.meta.reseller, tenant_id=link.tenant_id)
            streams = {
                each.subscription_id: price_stream(each.reseller, each.subscription_id) for each, _ in running
            }
            known = await self._store.load_many(sorted(streams.values()))
            wishes: list[LockWish] = []
            for subscription, began_on in running:
                stream = streams[subscription.subscription_id]
                moved = replace(subscription, customer_id=link.to_customer_id)
                known[stream] += [each for each in made if each.stream == stream]
                for day, policy in _days_to_reprice(known[stream], max(link.reprice_from, began_on)):
                    cause = f"{event.event_id} {day.isoformat()}"
                    wishes.append(wish_for(moved, from_on=day, cause=cause, policy=policy))
            rows = await resolve(self._rows, [(wish, "sell") for wish in wishes])
            for wish, row in zip(wishes, rows, strict=True):
                if row is None:
                    also.append(keep_pending(wish, "sell"))
                    continue
                history = known[streams[wish.subscription_id]]
                history.append(locked(wish, "sell", row, history, self._clock.now()))
                made.append(history[-1])
        return Reaction(events=made, also=also)


def _lock(wish: LockWish, ledger: str, event: Recorded[Any], row: ListedPrice | None) -> Lock | None:
    """At a purchase the accepted quote, else the list's row."""
    quote = event.data.quote if isinstance(event.data, SubscriptionCreated) else None
    if ledger == "sell" and quote is not None:
        return lock_event(ledger, wish, quote.currency, quote.unit_price_micro, quote.price_ref)
    return None if row is None else lock_event(ledger, wish, row.currency, row.unit_price_micro, row.ref)


def _days_to_reprice(history: Sequence[Recorded[Any]], asked: date) -> list[tuple[date, str | None]]:
    """The day from which another price is asked for, and each later one on which the old customer's was locked anew.

    Not before the first lock: an imported subscription has no price, and no line, before the day it is billed from (R9.7).
    """
    locks = [event.data for event in history if isinstance(event.data, SubscriptionPriceLocked)]
    begins = max(asked, min((lock.from_on for lock in locks), default=asked))
    later = {lock.from_on: lock.policy for lock in locks if lock.from_on > begins}
    return [(begins, "immediate_prorated"), *sorted(later.items())]


def _wish(event: Recorded[Any], customer: str | None, market: str | None) -> LockWish:
    data, day = event.data, event.meta.effective_at.date()
    created = data if isinstance(data, SubscriptionCreated) else None
    return LockWish(
        subscription_id=event.stream,
        tenant_id=data.tenant_id,
        reseller=event.meta.reseller,
        customer_id=customer,
        product=data.product,
        product_title=data.product_title,
        term=None if isinstance(data, SubscriptionConverted) else data.term,
        charge_cycle=data.charge_cycle,
        segment=None if created is None else created.segment,
        currency=None if created is None else created.currency,
        from_on=day if created is None else created.billing_from or day,
        partition_key=event.meta.partition_key,
        is_takeover=created is not None and created.billing_from is not None,
        promotion_percent=None if created is None else created.promotion_percent,
        causation_id=event.event_id,
        market=market,
    )


def _moved(
    event: Recorded[BillingStartChanged], lock: Lock | None, customer: str | None, market: str | None
) -> LockWish:
    """The price of the day from which it is billed now, of what it was priced as then; without any lock, of what it is."""
    return LockWish(
        subscription_id=event.stream,
        tenant_id=event.data.tenant_id,
        reseller=event.meta.reseller,
        customer_id=customer,
        product="" if lock is None else lock.product,
        product_title="" if lock is None else lock.product_title,
        term=None,
        charge_cycle="" if lock is None else lock.charge_cycle,
        segment=None,
        currency=None,
        from_on=event.data.billing_from,
        partition_key=event.meta.partition_key,
        is_takeover=True,
        promotion_percent=None if lock is None else lock.promotion_percent,
        causation_id=event.event_id,
        market=market,
    )
