"""A book of subscriptions for billing, as events in its log of record: who buys what, and what happens to it each month.

The same seed gives the same book. Mixed as real ones are: seven of ten subscriptions new commerce, annual term billed
monthly; the others legacy; customers' sizes by Zipf's law, or all alike.
"""

import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import psycopg

from csp_contracts.codec import encode_event, encode_meta
from csp_contracts.envelope import Meta
from csp_contracts.ids import Kind, api_id
from csp_contracts.pricing_v1 import SubscriptionCostLocked, SubscriptionPriceEdited, SubscriptionPriceLocked
from csp_contracts.subscriptions_v1 import (
    QuantityChanged,
    SubscriptionCancelled,
    SubscriptionCreated,
    SubscriptionRenewed,
    SubscriptionSuspended,
)

SCHEMA = "billing"
RESELLER = api_id(Kind.RESELLER, UUID(int=1))
FIRST = date(2026, 1, 16)
"""First day of the first report window; the close day is the 15th."""

_TOLD_EVERY = 500_000

Row = tuple[str, str, str, int, str, bytes, bytes]


@dataclass(slots=True)
class Held:
    """One subscription as the generator knows it."""

    subscription: str
    prices: str
    tenant: str
    legacy: bool
    bought: date
    quantity: int
    price: int
    version: int = 1
    price_version: int = 2
    over: bool = False
    renews: date = date.max


class Book:
    """Makes the events of a book month by month, and puts them into the log."""

    def __init__(self, sizes: list[int], seed: int = 7, *, ledgers: int = 2) -> None:
        """`sizes`: subscriptions of each customer."""
        self._random = random.Random(seed)
        self._sizes = sizes
        self._ledgers = ledgers
        self.held: list[Held] = []

    def customers(self) -> Iterator[tuple[str, str, str]]:
        """Customer, tenant, name."""
        for number in range(len(self._sizes)):
            yield (
                api_id(Kind.CUSTOMER, UUID(int=1_000_000 + number)),
                api_id(Kind.TENANT, UUID(int=2_000_000 + number)),
                f"Customer {number}",
            )

    def purchases(self) -> Iterator[Row]:
        """Every subscription is bought on some day of the first window."""
        number = 0
        for size, (customer, tenant, _) in zip(self._sizes, self.customers(), strict=True):
            for _ in range(size):
                number += 1
                held = Held(
                    subscription=api_id(Kind.SUBSCRIPTION, UUID(int=10_000_000 + number)),
                    prices=api_id(Kind.SUBSCRIPTION_PRICE, UUID(int=10_000_000 + number)),
                    tenant=tenant,
                    legacy=self._random.random() < 0.3,
                    bought=FIRST + timedelta(days=self._random.randrange(12)),
                    quantity=self._random.randrange(1, 60),
                    price=self._random.choice((5_100_000, 11_700_000, 20_600_000, 32_000_000)),
                )
                held.renews = held.bought.replace(year=held.bought.year + 1)
                self.held.append(held)
                yield from self._bought(held, customer)

    def month(self, first: date, *, ends: bool = True) -> Iterator[Row]:
        """What happens in the window that begins on a day: renewals, and the shares of changes the bench names.

        Without `ends` nothing is cancelled or suspended, so that every month is as large as the first.
        """
        for held in self.held:
            if held.over:
                continue
            if first <= held.renews < first + timedelta(days=28):
                yield from self._renewed(held)
            chance = self._random.random()
            day = first + timedelta(days=self._random.randrange(27))
            if chance < 0.10:
                before, held.quantity = held.quantity, self._random.randrange(1, 60)
                yield self._event(
                    held,
                    QuantityChanged(
                        subscription_id=held.subscription,
                        tenant_id=held.tenant,
                        previous=before,
                        quantity=held.quantity,
                    ),
                    day,
                )
            elif ends and chance < 0.12:
                held.over = True
                yield self._event(
                    held, SubscriptionCancelled(subscription_id=held.subscription, tenant_id=held.tenant), day
                )
            elif ends and chance < 0.13:
                held.over = True  # nothing more happens to it; new commerce goes on being billed
                yield self._event(
                    held, SubscriptionSuspended(subscription_id=held.subscription, tenant_id=held.tenant), day
                )
            elif 0.13 <= chance < 0.135:
                held.price_version += 1
                edit = SubscriptionPriceEdited(
                    subscription_id=held.subscription,
                    tenant_id=held.tenant,
                    currency="EUR",
                    unit_price_micro=held.price + 1_000_000,
                    price_ref="edit",
                    from_on=day,
                    until_on=day + timedelta(days=60),
                )
                yield self._row(held, held.prices, held.price_version, edit, day)

    def _bought(self, held: Held, customer: str) -> Iterator[Row]:
        created = SubscriptionCreated(
            subscription_id=held.subscription,
            tenant_id=held.tenant,
            microsoft_subscription_id=held.subscription,
            commerce="legacy" if held.legacy else "nce",
            rule_set="legacy_anniversary" if held.legacy else "nce",
            product="CFQ7TTC0LCHC:0002",
            product_title="Microsoft 365 Business Premium",
            term="P1Y",
            charge_cycle="P1M",
            quantity=held.quantity,
            status="active",
            currency="EUR",
            customer_id=customer,
        )
        yield self._row(held, held.subscription, 1, created, held.bought)
        yield from self._locked(held, held.bought, 1)

    def _locked(self, held: Held, day: date, version: int) -> Iterator[Row]:
        for kind, price in (
            (SubscriptionPriceLocked, held.price),
            (SubscriptionCostLocked, held.price * 4 // 5),
        )[: self._ledgers]:
            lock = kind(
                subscription_id=held.subscription,
                tenant_id=held.tenant,
                currency="EUR",
                unit_price_micro=price,
                price_ref=f"{held.prices}/1",
                from_on=day,
                product="CFQ7TTC0LCHC:0002",
                product_title="Microsoft 365 Business Premium",
                charge_cycle="P1M",
            )
            yield self._row(held, held.prices, version, lock, day)
            version += 1

    def _renewed(self, held: Held) -> Iterator[Row]:
        day = held.renews
        held.renews = day.replace(year=day.year + 1)
        renewed = SubscriptionRenewed(
            subscription_id=held.subscription,
            tenant_id=held.tenant,
            product="CFQ7TTC0LCHC:0002",
            product_title="Microsoft 365 Business Premium",
            term="P1Y",
            charge_cycle="P1M",
            quantity=held.quantity,
            commitment_ends_on=held.renews - timedelta(days=1),
        )
        yield self._event(held, renewed, day)
        version = held.price_version + 1
        held.price_version += self._ledgers
        yield from self._locked(held, day, version)

    def _event(self, held: Held, data: object, day: date) -> Row:
        held.version += 1
        return self._row(held, held.subscription, held.version, data, day)

    def _row(self, held: Held, stream: str, version: int, data: object, day: date) -> Row:
        moment = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
        meta = Meta(
            reseller=RESELLER,
            partition_key=held.tenant,
            tenant=held.tenant,
            effective_at=moment,
            recorded_at=moment + timedelta(hours=1),
        )
        wire_name, encoded = encode_event(data)
        return (RESELLER, held.subscription, stream, version, wire_name, encoded, encode_meta(meta))


def zipf(subscriptions: int, customers: int) -> list[int]:
    """Sizes of customers by Zipf's law, each at least one, together so many subscriptions."""
    weights = [1 / rank for rank in range(1, customers + 1)]
    total = sum(weights)
    sizes = [max(1, int(subscriptions * weight / total)) for weight in weights]
    sizes[0] += subscriptions - sum(sizes)
    return sizes


def keep(connection: psycopg.Connection, rows: Iterator[Row]) -> int:
    """Copy events into the log; the owner of the database may, whatever row-level security says."""
    count = 0
    with connection.cursor().copy(
        f"copy {SCHEMA}.inbox (reseller_id, subscription_id, stream, version, type, data, meta) from stdin (format binary)"
    ) as copy:
        copy.set_types(["text", "text", "text", "int8", "text", "bytea", "bytea"])
        for row in rows:
            copy.write_row(row)
            count += 1
            if count % _TOLD_EVERY == 0:
                print(f"{count:,} events in the log", file=sys.stderr)
    return count


def make_known(connection: psycopg.Connection, book: Book) -> None:
    """The rows beside the log that billing's consumer would have written."""
    with connection.cursor() as cursor:
        cursor.execute(f"set search_path to {SCHEMA}")
        with cursor.copy("copy customers (customer_id, reseller_id, name, status) from stdin") as copy:
            for customer, _, name in book.customers():
                copy.write_row((customer, RESELLER, name, "active"))
        with cursor.copy("copy tenant_customer (tenant_id, reseller_id, customer_id) from stdin") as copy:
            for customer, tenant, _ in book.customers():
                copy.write_row((tenant, RESELLER, customer))
        cursor.execute(
            "insert into subscriptions (subscription_id, reseller_id, tenant_id, product_title, currency, rule_set, term, "
            "charge_cycle, auto_renew, began_on, bills_from, customer_id, known_at) "
            "select i.subscription_id, i.reseller_id, d ->> 'tenant_id', d ->> 'product_title', d ->> 'currency', "
            "d ->> 'rule_set', d ->> 'term', d ->> 'charge_cycle', true, "
            "m.day, m.day, "
            "d ->> 'customer_id', i.arrival from inbox i cross join lateral "
            "(select convert_from(i.data, 'utf8')::jsonb) as e (d) cross join lateral "
            "(select ((convert_from(i.meta, 'utf8')::jsonb ->> 'effective_at')::timestamptz at time zone 'utc')::date) as m (day) "
            "where i.type = 'csp.subscriptions.subscription-created.v1'"
        )
        cursor.execute("reset search_path")
