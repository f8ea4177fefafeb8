"""Subscriptions that prices are locked to: written from their events, read inside a scope."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from csp_contracts.envelope import Recorded
from csp_contracts.ids import Kind
from csp_contracts.subscriptions_v1 import (
    SubscriptionCancelled,
    SubscriptionConverted,
    SubscriptionCreated,
    SubscriptionExpired,
    SubscriptionReactivated,
    SubscriptionRenewed,
)
from csp_pricing.ports import PricedSubscription
from csp_runtime.database import Connection, Database
from csp_runtime.scope import Scope

COLUMNS = (
    "s.subscription_id, s.reseller_id as reseller, t.customer_id, s.tenant_id, s.product, s.product_title, s.term, "
    "s.charge_cycle, s.segment, s.currency, case when c.country = r.country then '' else c.country end as market"
)
TENANT = (
    "left join tenant_customer t on t.reseller_id = s.reseller_id and t.tenant_id = s.tenant_id "
    "left join customers c on c.reseller_id = s.reseller_id and c.customer_id = t.customer_id "
    "left join resellers r on r.reseller_id = s.reseller_id"
)


class KeptSubscriptions:
    """As `Subscriptions`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def one(self, scope: Scope, subscription_id: str) -> PricedSubscription | None:
        """A subscription; None where there is none in scope."""
        if "\0" in subscription_id:  # no text of PostgreSQL can hold it
            return None
        async with self._database.transaction(scope) as tx:
            cursor = await tx.execute(
                f"select {COLUMNS} from subscriptions s {TENANT} where s.reseller_id = %s and s.subscription_id = %s "
                "and (%s::text is null or t.customer_id = %s)",
                [scope.reseller, subscription_id, scope.customer, scope.customer],
            )
            row = await cursor.fetchone()
        return None if row is None else PricedSubscription(**row)

    async def some(self, wanted: set[tuple[str, str]]) -> dict[str, PricedSubscription]:
        """Subscriptions by id, of (reseller, id); those that are known. For this service's own work."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                f"select {COLUMNS} from unnest(%s::text[], %s::text[]) as w (reseller, id) join subscriptions s "
                f"on s.reseller_id = w.reseller and s.subscription_id = w.id {TENANT}",
                [[reseller for reseller, _ in wanted], [name for _, name in wanted]],
            )
            return {row["subscription_id"]: PricedSubscription(**row) for row in await cursor.fetchall()}

    async def customers_of(
        self, tenants: set[tuple[str, str]]
    ) -> dict[tuple[str, str], tuple[str, str | None]]:
        """Whose tenants are, and the customer's market, by (reseller, tenant); those that are known."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "select t.reseller_id, t.tenant_id, t.customer_id, "
                "case when c.country = r.country then '' else c.country end as market "
                "from unnest(%s::text[], %s::text[]) as w (reseller, id) "
                "join tenant_customer t on t.reseller_id = w.reseller and t.tenant_id = w.id "
                "left join customers c on c.reseller_id = t.reseller_id and c.customer_id = t.customer_id "
                "left join resellers r on r.reseller_id = t.reseller_id",
                [[reseller for reseller, _ in tenants], [name for _, name in tenants]],
            )
            return {
                (row["reseller_id"], row["tenant_id"]): (row["customer_id"], row["market"])
                for row in await cursor.fetchall()
            }

    async def running(self, reseller: str, *, tenant_id: str) -> list[tuple[PricedSubscription, date]]:
        """The subscriptions of a tenant that have not ended, each with the day it began."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                f"select {COLUMNS}, s.began_on from subscriptions s {TENANT} "
                "where s.reseller_id = %s and s.tenant_id = %s and not s.ended order by s.subscription_id",
                [reseller, tenant_id],
            )
            rows = await cursor.fetchall()
        return [(PricedSubscription(**row), began_on) for row in rows for began_on in (row.pop("began_on"),)]

    async def repriced(
        self, reseller: str, product: str, customer_id: str | None, day: date, policies: Sequence[str]
    ) -> list[tuple[PricedSubscription, str]]:
        """Running subscriptions to a product, of a customer or of all, whose policy on a day is one of these; with it.

        The customer's policy counts, else the reseller's; of several the one that began last, and was said last.
        """
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                f"select {COLUMNS}, p.policy from subscriptions s {TENANT} cross join lateral ("
                "select policy from price_policies p where p.reseller_id = s.reseller_id "
                "and p.customer_id in ('', t.customer_id) and p.effective_on <= %s "
                "order by p.customer_id = '', p.effective_on desc, p.stream_version desc limit 1) as p "
                "where s.reseller_id = %s and s.product = %s and not s.ended and s.began_on <= %s "
                "and (%s::text is null or t.customer_id = %s) and p.policy = any(%s) order by s.subscription_id",
                [day, reseller, product, day, customer_id, customer_id, list(policies)],
            )
            rows = await cursor.fetchall()
        return [(PricedSubscription(**row), policy) for row in rows for policy in (row.pop("policy"),)]


class SubscriptionsProjection:
    """Fills `subscriptions`."""

    name = "pricing.subscriptions"
    contexts = ("subscriptions",)
    streams = frozenset({Kind.SUBSCRIPTION})
    types = frozenset(
        {
            SubscriptionCreated,
            SubscriptionRenewed,
            SubscriptionConverted,
            SubscriptionCancelled,
            SubscriptionExpired,
            SubscriptionReactivated,
        }
    )

    async def project(self, tx: Connection, events: Sequence[Recorded[Any]]) -> None:
        """One row each; what was superseded when it was told changes no present state."""
        for event in events:
            reseller, data = event.meta.reseller, event.data
            if isinstance(data, SubscriptionCreated):
                await _keep(tx, event)
                continue
            if event.meta.superseded:
                continue
            match data:
                case SubscriptionRenewed():
                    changes = {
                        "product": data.product,
                        "product_title": data.product_title,
                        "term": data.term,
                    }
                    changes |= {"charge_cycle": data.charge_cycle}
                case SubscriptionConverted():
                    changes = {"product": data.product, "product_title": data.product_title}
                    changes |= {"charge_cycle": data.charge_cycle}
                case _:
                    changes = {}
            is_over = isinstance(data, SubscriptionCancelled | SubscriptionExpired)
            assignments = "".join(f", {column} = %s" for column in changes)
            await tx.execute(
                f"update subscriptions set ended = %s{assignments} where reseller_id = %s and subscription_id = %s",
                [is_over, *changes.values(), reseller, event.stream],
            )


async def _keep(tx: Connection, event: Recorded[SubscriptionCreated]) -> None:
    data = event.data
    await tx.execute(
        "insert into subscriptions (subscription_id, reseller_id, tenant_id, product, product_title, term, charge_cycle, "
        "segment, currency, began_on) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
        [
            data.subscription_id,
            event.meta.reseller,
            data.tenant_id,
            data.product,
            data.product_title,
            data.term,
            data.charge_cycle,
            data.segment,
            data.currency,
            event.meta.effective_at.date(),
        ],
    )
