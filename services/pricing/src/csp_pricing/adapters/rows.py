"""Rows of products, prices, customers and quotes."""

import json
from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Any

from csp_pricing.domain.products import Product
from csp_pricing.domain.rows import ListedPrice
from csp_runtime.database import Connection, Database
from csp_runtime.positions import position_of
from csp_runtime.scope import Scope

_PRODUCT = (
    "product, term, charge_cycle, commerce, category, product_group, title, segment, is_addon, is_trial, "
    "minimum_quantity, maximum_quantity, directory_sku_id, prerequisites"
)
PRICE = (
    "row_id, version, price_list_id, ledger, customer_id, product, term, charge_cycle, segment, currency, "
    "valid_from, valid_until, unit_price_micro, preview, market, formula"
)


class PricingRows:
    """What this service reads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def currency_of(self, reseller: str) -> str | None:
        """The reseller's currency; None for an unknown one."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "select currency from resellers where reseller_id = %s", [reseller]
            )
            row = await cursor.fetchone()
        return None if row is None else str(row["currency"])

    async def country_of(self, reseller: str) -> str | None:
        """The reseller's country; None for an unknown one."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "select country from resellers where reseller_id = %s", [reseller]
            )
            row = await cursor.fetchone()
        return None if row is None else str(row["country"])

    async def market_of(self, scope: Scope, customer_id: str) -> str:
        """A customer's country where it is not the reseller's, else nothing."""
        async with self._database.transaction(scope) as tx:
            cursor = await tx.execute(
                "select c.country from customers c join resellers r on r.reseller_id = c.reseller_id "
                "and r.country <> c.country where c.reseller_id = %s and c.customer_id = %s "
                "and (%s::text is null or c.customer_id = %s)",
                [scope.reseller, customer_id, scope.customer, scope.customer],
            )
            row = await cursor.fetchone()
        return "" if row is None else str(row["country"])

    async def has_customer(self, scope: Scope, customer_id: str) -> bool:
        """Whether the customer lies inside the scope."""
        async with self._database.transaction(scope) as tx:
            cursor = await tx.execute(
                "select 1 from customers where customer_id = %s and reseller_id = %s "
                "and (%s::text is null or customer_id = %s)",
                [customer_id, scope.reseller, scope.customer, scope.customer],
            )
            return await cursor.fetchone() is not None

    async def products(
        self, scope: Scope, filters: dict[str, str], *, after: str | None, limit: int
    ) -> list[Product]:
        """A page of products, in order of title and key; `filters` by column."""
        where = ["reseller_id = %s"]
        values: list[Any] = [scope.reseller]
        for column in ("category", "term", "charge_cycle", "product_group", "product", "commerce", "segment"):
            if column in filters:
                where.append(f"{column} = %s")
                values.append(filters[column])
        if (behind := position_of(after, 4)) is not None:
            where.append("(title, product, term, charge_cycle) > (%s, %s, %s, %s)")
            values += behind
        async with self._database.transaction(scope) as tx:
            cursor = await tx.execute(
                f"select {_PRODUCT} from products where {' and '.join(where)} "
                "order by title, product, term, charge_cycle limit %s",
                [*values, limit],
            )
            rows = await cursor.fetchall()
        return [Product(**row) for row in rows]

    async def choices(self, scope: Scope, column: str, filters: dict[str, str]) -> list[str]:
        """The distinct values of one step of the guided choice, given the steps before it."""
        where = ["reseller_id = %s"]
        values: list[Any] = [scope.reseller]
        for name in ("category", "term", "charge_cycle", "product_group"):
            if name in filters:
                where.append(f"{name} = %s")
                values.append(filters[name])
        async with self._database.transaction(scope) as tx:
            cursor = await tx.execute(
                f"select distinct {column} as value from products where {' and '.join(where)} order by 1",
                values,
            )
            rows = await cursor.fetchall()
        return [str(row["value"]) for row in rows]

    async def prices(
        self, scope: Scope, products: list[str], *, ledger: str, customer_id: str | None
    ) -> list[ListedPrice]:
        """Rows that may price these products for a customer: its own and the global ones."""
        async with self._database.transaction(scope) as tx:
            cursor = await tx.execute(
                f"select {PRICE} from price_rows where reseller_id = %s and product = any(%s) and ledger = %s "
                "and (customer_id is null or customer_id = %s)",
                [scope.reseller, products, ledger, customer_id],
            )
            rows = await cursor.fetchall()
        return [ListedPrice(**row) for row in rows]

    async def candidates(
        self, wanted: Collection[tuple[str, str, str]], customers: Collection[str]
    ) -> dict[tuple[str, str, str], list[ListedPrice]]:
        """Rows by (reseller, ledger, product): the global ones, and those of these customers. For this service's own work."""
        found: dict[tuple[str, str, str], list[ListedPrice]] = defaultdict(list)
        if not wanted:
            return found
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                f"select reseller_id, {PRICE} from price_rows where (reseller_id, ledger, product) in "
                "(select * from unnest(%s::text[], %s::text[], %s::text[])) "
                "and (customer_id is null or customer_id = any(%s))",
                [*(list(column) for column in zip(*wanted, strict=True)), list(customers)],
            )
            for row in await cursor.fetchall():
                reseller = row.pop("reseller_id")
                found[reseller, row["ledger"], row["product"]].append(ListedPrice(**row))
        return found

    async def quote(self, scope: Scope, quote_id: str) -> dict[str, Any] | None:
        """A quote inside the scope."""
        async with self._database.transaction(scope) as tx:
            cursor = await tx.execute(
                "select body from quotes where quote_id = %s and reseller_id = %s "
                "and (%s::text is null or customer_id = %s)",
                [quote_id, scope.reseller, scope.customer, scope.customer],
            )
            row = await cursor.fetchone()
        return None if row is None else row["body"]


class QuoteWriter:
    """Quotes are kept until they expire; they are no events."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(
        self, quote_id: str, reseller: str, customer_id: str, body: dict[str, Any], expires_at: datetime
    ) -> None:
        """Store a quote, and forget what expired a day ago."""
        async with self._database.transaction() as tx:
            await tx.execute(
                "insert into quotes (quote_id, reseller_id, customer_id, body, expires_at) values (%s, %s, %s, %s, %s)",
                [quote_id, reseller, customer_id, json.dumps(body), expires_at],
            )
            await tx.execute(
                "delete from quotes where reseller_id = %s and expires_at < %s - interval '1 day'",
                [reseller, expires_at],
            )


async def copy_catalogue(
    tx: Connection, reseller: str, products: list[Product], costs: list[ListedPrice]
) -> None:
    """Replace a reseller's products and add cost rows. Bulk goes by COPY, which row-level security allows only into
    scratch tables of our own."""
    await tx.execute("create temporary table new_products (like products) on commit drop")
    await tx.execute("create temporary table new_prices (like price_rows including defaults) on commit drop")
    async with tx.cursor().copy(f"copy new_products (reseller_id, {_PRODUCT}) from stdin") as copy:
        for product in products:
            await copy.write_row(
                [
                    reseller,
                    product.product,
                    product.term,
                    product.charge_cycle,
                    product.commerce,
                    product.category,
                    product.product_group,
                    product.title,
                    product.segment,
                    product.is_addon,
                    product.is_trial,
                    product.minimum_quantity,
                    product.maximum_quantity,
                    product.directory_sku_id,
                    product.prerequisites,
                ]
            )
    async with tx.cursor().copy(f"copy new_prices (reseller_id, {PRICE}) from stdin") as copy:
        for row in costs:
            await copy.write_row(
                [
                    reseller,
                    row.row_id,
                    row.version,
                    row.price_list_id,
                    row.ledger,
                    row.customer_id,
                    row.product,
                    row.term,
                    row.charge_cycle,
                    row.segment,
                    row.currency,
                    row.valid_from,
                    row.valid_until,
                    row.unit_price_micro,
                    row.preview,
                    row.market,
                    row.formula,
                ]
            )
    await tx.execute("delete from products where reseller_id = %s", [reseller])
    await tx.execute(
        "insert into products select * from new_products where reseller_id = %s on conflict do nothing",
        [reseller],
    )
    await tx.execute(
        "insert into price_rows select * from new_prices where reseller_id = %s on conflict do nothing",
        [reseller],
    )
