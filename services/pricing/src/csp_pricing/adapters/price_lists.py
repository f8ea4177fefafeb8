"""Rows of sales price lists: their versions, pages, and the statements that add to them."""

from collections.abc import Sequence
from typing import Any

from psycopg import Cursor
from psycopg.rows import DictRow

from csp_pricing.adapters.rows import PRICE
from csp_pricing.domain.rows import ListedPrice
from csp_pricing.ports import Made
from csp_runtime.database import Database
from csp_runtime.errors import VersionConflict
from csp_runtime.scope import Scope
from csp_runtime.store import Also

FILTERS = ("product", "term", "charge_cycle", "segment", "currency", "preview")
_SCOPED = "reseller_id = %s and (%s::text is null or customer_id = %s)"


class KeptPriceLists:
    """As `PriceLists`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def version(self, scope: Scope, price_list_id: str) -> int:
        """How many events the list's stream has; 0 for a list that nobody wrote to."""
        async with self._database.transaction(scope) as tx:
            cursor = await tx.execute(
                f"select version from price_lists where {_SCOPED} and price_list_id = %s",
                [scope.reseller, scope.customer, scope.customer, price_list_id],
            )
            row = await cursor.fetchone()
        return 0 if row is None else int(row["version"])

    async def lists(self, scope: Scope, *, after: str | None, limit: int) -> list[tuple[str, int]]:
        """Customer (empty for the global list) and version of the lists that somebody wrote to, by customer."""
        async with self._database.transaction(scope) as tx:
            cursor = await tx.execute(
                f"select coalesce(customer_id, '') as whose, version from price_lists where {_SCOPED} "
                "and (%s::text is null or coalesce(customer_id, '') > %s) order by coalesce(customer_id, '') limit %s",
                [scope.reseller, scope.customer, scope.customer, after, after, limit],
            )
            return [(row["whose"], int(row["version"])) for row in await cursor.fetchall()]

    async def newest(
        self, scope: Scope, price_list_id: str, row_ids: Sequence[str]
    ) -> dict[str, ListedPrice]:
        """The newest version of these rows, by id; those that there are."""
        async with self._database.transaction(scope) as tx:
            cursor = await tx.execute(
                f"select distinct on (row_id) {PRICE} from price_rows where {_SCOPED} "
                "and price_list_id = %s and row_id = any(%s) order by row_id, version desc",
                [scope.reseller, scope.customer, scope.customer, price_list_id, list(row_ids)],
            )
            return {row["row_id"]: ListedPrice(**row) for row in await cursor.fetchall()}

    async def page(
        self, scope: Scope, price_list_id: str, filters: dict[str, Any], *, after: str | None, limit: int
    ) -> list[ListedPrice]:
        """A page of a list, newest version of each row, in order of its id. `filters` by column, and `valid_on`."""
        where = [f"{name} = %s" for name in FILTERS if name in filters]
        values = [filters[name] for name in FILTERS if name in filters]
        if "valid_on" in filters:
            where.append("valid_from <= %s and (valid_until is null or valid_until > %s)")
            values += [filters["valid_on"]] * 2
        async with self._database.transaction(scope) as tx:
            cursor = await tx.execute(
                f"select * from (select distinct on (row_id) {PRICE} from price_rows where {_SCOPED} "
                "and price_list_id = %s and (%s::text is null or row_id > %s) order by row_id, version desc) as newest "
                f"where {' and '.join(where) or 'true'} order by row_id limit %s",
                [
                    scope.reseller,
                    scope.customer,
                    scope.customer,
                    price_list_id,
                    after,
                    after,
                    *values,
                    limit,
                ],
            )
            return [ListedPrice(**row) for row in await cursor.fetchall()]

    async def versions(self, scope: Scope, price_list_id: str, row_id: str) -> list[tuple[ListedPrice, Made]]:
        """All versions of a row, oldest first."""
        if "\0" in row_id:  # no text of PostgreSQL can hold it
            return []
        async with self._database.transaction(scope) as tx:
            cursor = await tx.execute(
                f"select {PRICE}, made_at, made_by, reason from price_rows where {_SCOPED} "
                "and price_list_id = %s and row_id = %s order by version",
                [scope.reseller, scope.customer, scope.customer, price_list_id, row_id],
            )
            rows = await cursor.fetchall()
        return [_version(row) for row in rows]

    async def titles(self, scope: Scope, products: Sequence[str]) -> dict[str, str]:
        """The titles of products that are in the catalogue."""
        async with self._database.transaction(scope) as tx:
            cursor = await tx.execute(
                "select product, min(title) as title from products where reseller_id = %s and product = any(%s) group by product",
                [scope.reseller, list(products)],
            )
            return {row["product"]: row["title"] for row in await cursor.fetchall()}


def _version(row: dict[str, Any]) -> tuple[ListedPrice, Made]:
    made = Made(at=row.pop("made_at"), by=row.pop("made_by"), reason=row.pop("reason"))
    return ListedPrice(**row), made


class PriceStatements:
    """As `RowStatements`."""

    def insert_prices(self, reseller: str, rows: Sequence[ListedPrice], made: Made) -> Also:
        """Versions of rows, in the transaction of their events; whoever waits for a price is woken."""
        columns = PRICE.split(", ")

        def insert(cursor: Cursor[DictRow]) -> None:
            cursor.execute(
                f"insert into price_rows (reseller_id, made_at, made_by, reason, {PRICE}) "
                f"select %s, %s, %s, %s, n.* from unnest({_ARRAYS}) as n",
                [
                    reseller,
                    made.at,
                    made.by,
                    made.reason,
                    *([getattr(row, c) for row in rows] for c in columns),
                ],
            )
            made_on = made.at.date()
            turns = {
                (row.customer_id, row.product, max(day, made_on))
                for row in rows
                for day in (row.valid_from, row.valid_until)
                if row.ledger == "sell" and not row.preview and day is not None
            }
            cursor.execute(
                "insert into price_changes (reseller_id, customer_id, product, due_on) "
                "select %s, n.* from unnest(%s::text[], %s::text[], %s::date[]) as n",
                [reseller, *([turn[n] for turn in turns] for n in range(3))],
            )
            cursor.execute("select pg_notify('csp_prices', %s)", [reseller])

        return insert

    def keep_list(
        self, reseller: str, customer_id: str | None, price_list_id: str, version: int, *, before: int
    ) -> Also:
        """The version of a list's stream; `VersionConflict` where it is not `before` any more. Others wait for its row."""

        def keep(cursor: Cursor[DictRow]) -> None:
            cursor.execute(
                "insert into price_lists (price_list_id, reseller_id, customer_id, version) values (%s, %s, %s, %s) "
                "on conflict (price_list_id) do update set version = excluded.version "
                "where price_lists.reseller_id = excluded.reseller_id and price_lists.version = %s returning 1",
                [price_list_id, reseller, customer_id, version, before],
            )
            if cursor.fetchone() is None:
                raise VersionConflict("the price list has moved on")

        return keep


_TYPES = {
    "version": "int",
    "valid_from": "date",
    "valid_until": "date",
    "unit_price_micro": "bigint",
    "preview": "boolean",
}
_ARRAYS = ", ".join(f"%s::{_TYPES.get(column, 'text')}[]" for column in PRICE.split(", "))
