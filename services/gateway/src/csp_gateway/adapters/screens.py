"""The rows of the screens, read inside the caller's scope."""

from collections.abc import Sequence
from typing import Any

from csp_gateway.adapters.paging import Page, cursor_of, key_of
from csp_runtime.database import Database
from csp_runtime.scope import Scope

Row = dict[str, Any]
_SCOPED = "reseller_id = %s and (%s::text is null or customer_id = %s)"


class Screens:
    """Reads of this service's own tables."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def one(self, scope: Scope, table: str, key: str, value: str) -> Row | None:
        """A row by its id, if it lies inside the scope."""
        rows = await self._rows(scope, f"select * from {table} where {_SCOPED} and {key} = %s", [value])
        return rows[0] if rows else None

    async def page(
        self, scope: Scope, table: str, order: Sequence[str], filters: dict[str, Any], page: Page
    ) -> tuple[list[Row], str | None]:
        """A page of a table in this order (last column unique), and the cursor of the next one."""
        where, values = [_SCOPED], []
        for column, value in filters.items():
            if value is not None:
                where.append(f"{column} = %s")
                values.append(value)
        after = key_of(page.after, filters)
        if after is not None:
            where.append(f"({', '.join(order)}) > ({', '.join(['%s'] * len(order))})")
            values += after
        rows = await self._rows(
            scope,
            f"select * from {table} where {' and '.join(where)} order by {', '.join(order)} limit %s",
            [*values, page.size + 1],
        )
        if len(rows) <= page.size:
            return rows, None
        last = rows[page.size - 1]
        return rows[: page.size], cursor_of([last[column] for column in order], filters)

    async def history(self, scope: Scope, subscription_id: str) -> list[Row]:
        """A subscription's history in order of what became true when."""
        return await self._rows(
            scope,
            f"select * from history where {_SCOPED} and subscription_id = %s order by effective_at, recorded_at, version",
            [subscription_id],
        )

    async def operations(self, scope: Scope, page: Page) -> tuple[list[Row], str | None]:
        """Newest first."""
        after = key_of(page.after, {})
        beyond = "" if after is None else "and (requested_at, operation_id) < (%s, %s) "
        rows = await self._rows(
            scope,
            f"select * from operations where {_SCOPED} {beyond}order by requested_at desc, operation_id desc limit %s",
            [*(after or []), page.size + 1],
        )
        if len(rows) <= page.size:
            return rows, None
        last = rows[page.size - 1]
        return rows[: page.size], cursor_of([last["requested_at"], last["operation_id"]], {})

    async def events(self, scope: Scope, after: int, wanted: str | None, limit: int) -> list[Row]:
        """The change feed behind a position; cost events never reach a customer."""
        return await self._rows(
            scope,
            f"select position, body from feed where {_SCOPED} and position > %s "
            "and (%s::text is null or type = %s) and (%s::text is null or visibility = 'customer') "
            "order by position limit %s",
            [after, wanted, wanted, scope.customer, limit],
        )

    async def _rows(self, scope: Scope, statement: str, values: list[Any]) -> list[Row]:
        return await self._database.read(
            scope, statement, [scope.reseller, scope.customer, scope.customer, *values]
        )
