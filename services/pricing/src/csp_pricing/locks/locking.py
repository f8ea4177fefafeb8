"""How a price is locked to a subscription: what is wished, which row answers, which event says so, and what waits."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, time
from typing import Any

from psycopg import Cursor
from psycopg.rows import DictRow

from csp_contracts.envelope import Meta, Origin, Recorded
from csp_contracts.pricing_v1 import SubscriptionCostLocked, SubscriptionPriceLocked
from csp_pricing.adapters.rows import PricingRows
from csp_pricing.domain.rows import ListedPrice, Wanted, price_at_takeover, price_of
from csp_pricing.domain.streams import price_stream
from csp_pricing.ports import PricedSubscription
from csp_runtime.store import Also

LEDGERS = ("sell", "cost")
Lock = SubscriptionPriceLocked | SubscriptionCostLocked


@dataclass(frozen=True, slots=True, kw_only=True)
class LockWish:
    """A price that a subscription needs from a day on; kept while no list has it.

    What is None or empty is not known yet: whose it is, or what only its first event says. `policy` as in the event.
    """

    subscription_id: str
    tenant_id: str
    reseller: str
    customer_id: str | None
    product: str
    product_title: str
    term: str | None
    charge_cycle: str
    segment: str | None
    currency: str | None
    from_on: date
    partition_key: str
    is_takeover: bool
    promotion_percent: str | None
    causation_id: str
    policy: str | None = None
    market: str | None = None

    def completed(self, known: PricedSubscription | None) -> "LockWish":
        """With what the subscription's own row says, where the wish does not know it."""
        if known is None:
            return self
        return replace(
            self,
            customer_id=self.customer_id or known.customer_id,
            product=self.product or known.product,
            product_title=self.product_title or known.product_title,
            charge_cycle=self.charge_cycle or known.charge_cycle,
            term=self.term or known.term,
            segment=self.segment or known.segment,
            currency=self.currency or known.currency,
            market=known.market if self.market is None else self.market,
        )


def wish_for(subscription: PricedSubscription, *, from_on: date, cause: str, policy: str | None) -> LockWish:
    """Another price for a subscription inside its term."""
    return LockWish(
        subscription_id=subscription.subscription_id,
        tenant_id=subscription.tenant_id,
        reseller=subscription.reseller,
        customer_id=subscription.customer_id,
        product=subscription.product,
        product_title=subscription.product_title,
        term=subscription.term,
        charge_cycle=subscription.charge_cycle,
        segment=subscription.segment,
        currency=subscription.currency,
        from_on=from_on,
        partition_key=subscription.tenant_id,
        is_takeover=False,
        promotion_percent=None,
        causation_id=cause,
        policy=policy,
        market=subscription.market,
    )


async def resolve(rows: PricingRows, asked: Sequence[tuple[LockWish, str]]) -> list[ListedPrice | None]:
    """The row that prices each wish in a ledger, of one look at the lists; None where none has one, or too little is known.

    A sales price of nobody's subscription would be the global one for good: it waits until its tenant's customer is known.
    """
    known = [each for each in asked if _can_be_asked(*each)]
    found = await rows.candidates(
        {(wish.reseller, ledger, wish.product) for wish, ledger in known},
        {wish.customer_id for wish, ledger in known if ledger == "sell" and wish.customer_id is not None},
    )
    return [
        _price_of(found.get((wish.reseller, ledger, wish.product), ()), wish, ledger)
        if _can_be_asked(wish, ledger)
        else None
        for wish, ledger in asked
    ]


def _can_be_asked(wish: LockWish, ledger: str) -> bool:
    if wish.term is None or wish.segment is None or wish.currency is None:
        return False
    return ledger == "cost" or wish.customer_id is not None


def _price_of(rows: Sequence[ListedPrice], wish: LockWish, ledger: str) -> ListedPrice | None:
    customer = wish.customer_id if ledger == "sell" else None
    wanted = Wanted(
        customer_id=customer,
        product=wish.product,
        term=wish.term or "",
        charge_cycle=wish.charge_cycle,
        segment=wish.segment or "",
        currency=wish.currency or "",
        market="" if ledger == "sell" else wish.market or "",
    )
    find = price_at_takeover if wish.is_takeover else price_of
    return find([row for row in rows if row.customer_id in (None, customer)], wanted, wish.from_on)


def lock_event(ledger: str, wish: LockWish, currency: str, unit_price_micro: int, price_ref: str) -> Lock:
    """The event that locks a price."""
    common: dict[str, Any] = {
        "subscription_id": wish.subscription_id,
        "tenant_id": wish.tenant_id,
        "currency": currency,
        "unit_price_micro": unit_price_micro,
        "price_ref": price_ref,
        "from_on": wish.from_on,
        "product": wish.product,
        "product_title": wish.product_title,
        "charge_cycle": wish.charge_cycle,
        "promotion_percent": wish.promotion_percent,
        "at_takeover": wish.is_takeover,
    }
    if ledger == "cost":
        return SubscriptionCostLocked(**common)
    return SubscriptionPriceLocked(**common, policy=wish.policy)


def recorded_lock(
    wish: LockWish, lock: Lock, history: Sequence[Recorded[Any]], now: datetime
) -> Recorded[Any]:
    """The lock as the next event of its stream; of this service's own accord, effective on its first day."""
    before = history[-1].meta.recorded_at if history else now
    meta = Meta(
        reseller=wish.reseller,
        customer=wish.customer_id,
        tenant=wish.tenant_id,
        partition_key=wish.partition_key,
        effective_at=datetime.combine(wish.from_on, time(), UTC),
        recorded_at=max(now, before),
        origin=Origin.SYSTEM,
        actor="service:pricing",
        causation_id=wish.causation_id,
    )
    stream = price_stream(wish.reseller, wish.subscription_id)
    return Recorded(stream=stream, version=len(history) + 1, data=lock, meta=meta)


def locked(
    wish: LockWish, ledger: str, row: ListedPrice, history: Sequence[Recorded[Any]], now: datetime
) -> Recorded[Any]:
    """A row's price locked to a subscription, as the next event of its stream."""
    lock = lock_event(ledger, wish, row.currency, row.unit_price_micro, row.ref)
    return recorded_lock(wish, lock, history, now)


def newest_lock(history: Sequence[Recorded[Any]]) -> SubscriptionPriceLocked | None:
    """The sales price that was locked last: of the latest first day, the latest event."""
    locks = [event.data for event in history if isinstance(event.data, SubscriptionPriceLocked)]
    latest = max((lock.from_on for lock in locks), default=None)
    return next((lock for lock in reversed(locks) if lock.from_on == latest), None)


def lock_on(history: Sequence[Recorded[Any]], day: date) -> Lock | None:
    """The lock that rules a day, of whichever ledger; where all begin later, the first."""
    locks = [event.data for event in history if isinstance(event.data, Lock)]
    begun = [lock for lock in locks if lock.from_on <= day]
    if begun:
        return max(begun, key=lambda lock: lock.from_on)
    return min(locks, key=lambda lock: lock.from_on, default=None)


def keep_pending(wish: LockWish, ledger: str) -> Also:
    """Keep a wish until a list has its price."""
    body = {field.name: getattr(wish, field.name) for field in fields(LockWish)}
    body["from_on"] = wish.from_on.isoformat()

    def insert(cursor: Cursor[DictRow]) -> None:
        cursor.execute(
            "insert into pending_locks (subscription_id, ledger, cause, reseller_id, body) values (%s, %s, %s, %s, %s) "
            "on conflict (subscription_id, ledger, cause) do update set body = excluded.body",
            [wish.subscription_id, ledger, wish.causation_id, wish.reseller, json.dumps(body)],
        )

    return insert


def kept_wish(body: Mapping[str, Any]) -> LockWish:
    """A wish that was kept."""
    return LockWish(**{**body, "from_on": date.fromisoformat(body["from_on"])})


def forget(wish: LockWish, ledger: str) -> Also:
    """It waits no more."""

    def delete(cursor: Cursor[DictRow]) -> None:
        cursor.execute(
            "delete from pending_locks where subscription_id = %s and ledger = %s and cause = %s and reseller_id = %s",
            [wish.subscription_id, ledger, wish.causation_id, wish.reseller],
        )

    return delete
