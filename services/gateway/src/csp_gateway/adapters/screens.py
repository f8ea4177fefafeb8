"""The rows of the screens, read inside the caller's scope. What the API shows of a row lies in it as JSON text already."""

from dataclasses import dataclass, replace
from typing import Any

import psycopg

from csp_gateway.adapters import screen_links, screen_sql
from csp_gateway.adapters.asking import Condition, Question
from csp_gateway.adapters.paging import Around, cursor_of, key_of, unknown_cursor
from csp_gateway.adapters.screen_sql import Direction, Screen
from csp_runtime.database import Database
from csp_runtime.scope import Scope

Row = dict[str, Any]
MOST_COUNTED = 10_000


CUSTOMERS = Screen(
    table="customers",
    key="customer_id",
    order=("name", "customer_id"),
    links=screen_links.of_customer,
    linked=("customer_id",),
)
TENANTS = Screen(
    table="tenants",
    key="tenant_id",
    order=("domain", "tenant_id"),
    links=screen_links.of_tenant,
    linked=("tenant_id", "customer_id"),
)
SUBSCRIPTIONS = Screen(
    table="subscriptions",
    key="subscription_id",
    order=("product_title", "subscription_id"),
    shown="shown || '}'",
    links=screen_links.of_subscription,
    linked=("subscription_id", "tenant_id", "customer_id"),
)
SUBSCRIPTIONS_WITH_COST = replace(SUBSCRIPTIONS, shown="shown || shown_cost")
OPERATIONS = Screen(
    table="operations",
    key="operation_id",
    order=("requested_at", "operation_id"),
    newest_first=True,
    shown="shown || shown_reseller",
    shown_customer="shown || shown_portal",
)
HISTORY = Screen(table="history", key="version", order=("effective_at", "recorded_at", "version"))


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows there are; at least so many where counting them all would take too long."""

    count: int
    is_exact: bool


class Screens:
    """Reads of this service's own tables."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def one(self, scope: Scope, screen: Screen, key: str) -> Row | None:
        """A row by its id, if it lies inside the scope; its JSON is `body`."""
        if "\0" in key:  # no text of PostgreSQL can hold it
            return None
        rows = await self._database.read(scope, screen_sql.one(screen, scope.is_customer), [key])
        if not rows:
            return None
        row = rows[0]
        ids = [row[column] for column in screen.linked]
        return {**row, "body": screen.whole(row["body"], ids, is_customer=scope.is_customer)}

    async def some(self, scope: Scope, screen: Screen, keys: list[str]) -> list[str]:
        """The JSON of the rows with these ids, those inside the scope."""
        rows = await self._database.read_tuples(scope, screen_sql.some(screen, scope.is_customer), [keys])
        return [screen.whole(row[0], row[1:], is_customer=scope.is_customer) for row in rows]

    async def page(self, scope: Scope, screen: Screen, question: Question) -> tuple[list[str], Around]:
        """The JSON of each row of a page, and the cursors of the pages around it."""
        order = screen_sql.order_of(screen, question.sort)
        page, width = question.page, len(screen.order if order is None else order)
        direction: Direction = "first" if page.after is None else "after"
        if page.before is not None:
            direction = "before"
        at = None
        if direction != "first":
            at = key_of(page.after if page.before is None else page.before, question.identity, width)
        asked = tuple((each.column, each.operator) for each in question.conditions)
        statement = screen_sql.page(screen, scope.is_customer, asked, order, direction)
        values = [
            *(each.value for each in question.conditions),
            *screen_sql.values_behind(order, at),
            page.size + 1,
        ]
        try:
            rows = await self._database.read_tuples(scope, statement, values)
        except (psycopg.DataError, psycopg.ProgrammingError):  # of a key that is not of these columns
            if at is None:
                raise
            raise unknown_cursor() from None
        goes_on = len(rows) > page.size
        rows = rows[: page.size]
        if direction == "before":
            rows = rows[::-1]
        last, whole, is_customer = 1 + len(screen.linked), screen.whole, scope.is_customer
        shown = [whole(row[0], row[1:last], is_customer=is_customer) for row in rows]
        return shown, _around(rows, last, question, direction, goes_on=goes_on)

    async def count(self, scope: Scope, screen: Screen, conditions: tuple[Condition, ...]) -> Count:
        """How many rows meet the conditions."""
        asked = tuple((each.column, each.operator) for each in conditions)
        statement = screen_sql.count(screen, scope.is_customer, asked)
        values = [*(each.value for each in conditions), MOST_COUNTED + 1]
        ((found,),) = await self._database.read_tuples(scope, statement, values)
        return Count(min(found, MOST_COUNTED), is_exact=found <= MOST_COUNTED)

    async def unallocated(self, scope: Scope, after: list[str] | None, limit: int) -> list[Row]:
        """Discovered tenants that nobody is billed for, with what their subscriptions cost a month, by tenant and currency."""
        tenant, currency = (None, None) if after is None else after
        return await self._database.read(scope, screen_sql.UNALLOCATED, [tenant, tenant, currency, limit])

    async def events(self, scope: Scope, after: int, wanted: str | None, limit: int) -> tuple[list[str], int]:
        """The change feed behind a position, and the position of its last event; cost events never reach a customer."""
        rows = await self._database.read_tuples(
            scope,
            f"select body::text, position from feed where {screen_sql.scoped(is_customer=scope.is_customer)} "
            "and position > %s and (%s::text is null or type = %s) and (not %s or visibility = 'customer') "
            "order by position limit %s",
            [after, wanted, wanted, scope.is_customer, limit],
        )
        return [row[0] for row in rows], rows[-1][1] if rows else after


def _around(
    rows: list[tuple[Any, ...]], first: int, question: Question, direction: Direction, *, goes_on: bool
) -> Around:
    """The keys stand in a row from its column `first` on. What was come from is there; in the direction of the read there is more where a row too many was found."""
    if not rows or (direction == "first" and not goes_on):
        return Around()
    is_back = direction == "before"
    has_following, has_previous = (is_back or goes_on), (goes_on if is_back else direction == "after")
    return Around(
        following=cursor_of(list(rows[-1][first:]), question.identity) if has_following else None,
        previous=cursor_of(list(rows[0][first:]), question.identity) if has_previous else None,
    )
