"""The rows of the screens, read inside the caller's scope. What the API shows of a row lies in it as JSON text already."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from csp_gateway.adapters.paging import Page, cursor_of, key_of
from csp_runtime.database import Database
from csp_runtime.scope import Scope

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """A table, the column of its id, the total order of its pages (last column unique), and the JSON of a row."""

    table: str
    key: str
    order: tuple[str, ...]
    newest_first: bool = False
    shown: str = "shown"


CUSTOMERS = Screen(table="customers", key="customer_id", order=("name", "customer_id"))
TENANTS = Screen(table="tenants", key="tenant_id", order=("domain", "tenant_id"))
SUBSCRIPTIONS = Screen(
    table="subscriptions",
    key="subscription_id",
    order=("product_title", "subscription_id"),
    shown="shown || '}'",
)
SUBSCRIPTIONS_WITH_COST = replace(SUBSCRIPTIONS, shown="shown || shown_cost")
OPERATIONS = Screen(
    table="operations", key="operation_id", order=("requested_at", "operation_id"), newest_first=True
)


class Screens:
    """Reads of this service's own tables."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def one(self, scope: Scope, screen: Screen, key: str) -> Row | None:
        """A row by its id, if it lies inside the scope; its JSON is `body`."""
        if "\0" in key:  # no text of PostgreSQL can hold it
            return None
        rows = await self._database.read(scope, _one(screen, scope.is_customer), [key])
        return rows[0] if rows else None

    async def page(
        self, scope: Scope, screen: Screen, filters: dict[str, Any], page: Page
    ) -> tuple[list[str], str | None]:
        """The JSON of each row of a page, and the cursor of the next one. Filters that are None do not count."""
        given = tuple(column for column, value in filters.items() if value is not None)
        after = key_of(page.after, filters)
        statement = _page(screen, scope.is_customer, given, after is not None)
        values = [*(filters[column] for column in given), *(after or ()), page.size + 1]
        rows = await self._database.read_tuples(scope, statement, values)
        if len(rows) <= page.size:
            return [row[0] for row in rows], None
        shown = [row[0] for row in rows[: page.size]]
        return shown, cursor_of(list(rows[page.size - 1][1:]), filters)

    async def history(self, scope: Scope, subscription_id: str) -> list[str]:
        """A subscription's history in order of what became true when."""
        rows = await self._database.read_tuples(
            scope,
            f"select shown from history where {_scoped(is_customer=scope.is_customer)} and subscription_id = %s "
            "order by effective_at, recorded_at, version",
            [subscription_id],
        )
        return [row[0] for row in rows]

    async def unallocated(self, scope: Scope, after: str | None, limit: int) -> list[Row]:
        """Discovered tenants that nobody is billed for, with what their subscriptions cost a month; a page behind a tenant's id."""
        return await self._database.read(scope, _UNALLOCATED, [after, after, limit])

    async def events(self, scope: Scope, after: int, wanted: str | None, limit: int) -> tuple[list[str], int]:
        """The change feed behind a position, and the position of its last event; cost events never reach a customer."""
        rows = await self._database.read_tuples(
            scope,
            f"select body::text, position from feed where {_scoped(is_customer=scope.is_customer)} and position > %s "
            "and (%s::text is null or type = %s) and (not %s or visibility = 'customer') "
            "order by position limit %s",
            [after, wanted, wanted, scope.is_customer, limit],
        )
        return [row[0] for row in rows], rows[-1][1] if rows else after


_UNALLOCATED = """
select t.tenant_id, t.customer_id, t.domain, t.company_name, t.created_at as discovered_at, s.currency,
    count(s.subscription_id) as subscriptions, coalesce(sum(s.quantity), 0)::bigint as seats,
    count(s.subscription_id) filter (where s.unit_cost_micro is null) as without_cost,
    sum(round(s.quantity::numeric * s.unit_cost_micro / case s.charge_cycle when 'P1Y' then 12 when 'P3Y' then 36 else 1 end))
        ::bigint as monthly_cost_micro
from tenants t
join customers c on c.reseller_id = t.reseller_id and c.customer_id = t.customer_id and c.status = 'unallocated'
left join subscriptions s on s.reseller_id = t.reseller_id and s.tenant_id = t.tenant_id
    and (s.status = 'active' or s.status = 'suspended' and s.commerce = 'nce')
where t.reseller_id = scope.reseller and (%s::text is null or t.tenant_id > %s)
group by t.tenant_id, s.currency
order by t.tenant_id, s.currency limit %s
"""


def _scoped(*, is_customer: bool) -> str:
    whose = "reseller_id = scope.reseller"
    return f"{whose} and customer_id = scope.customer" if is_customer else whose


@lru_cache
def _one(screen: Screen, is_customer: bool) -> str:  # noqa: FBT001 - the cache's key
    scoped = _scoped(is_customer=is_customer)
    return f"select *, {screen.shown} as body from {screen.table} where {scoped} and {screen.key} = %s"


@lru_cache
def _page(screen: Screen, is_customer: bool, given: tuple[str, ...], goes_on: bool) -> str:  # noqa: FBT001 - the cache's key
    order = ", ".join(screen.order)
    where = [_scoped(is_customer=is_customer), *(f"{column} = %s" for column in given)]
    if goes_on:
        where.append(
            f"({order}) {'<' if screen.newest_first else '>'} ({', '.join(['%s'] * len(screen.order))})"
        )
    if screen.newest_first:
        order = ", ".join(f"{column} desc" for column in screen.order)
    return (
        f"select {screen.shown}, {', '.join(screen.order)} from {screen.table} "
        f"where {' and '.join(where)} order by {order} limit %s"
    )
