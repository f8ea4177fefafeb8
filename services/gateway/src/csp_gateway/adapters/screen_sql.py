"""The SQL of the screens: statements differ by what was asked for, never by what was given."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

from csp_gateway.adapters.asking import Operator, SortKey
from csp_gateway.adapters.screen_links import Links

Asked = tuple[tuple[str, Operator], ...]
Order = tuple[SortKey, ...]
Direction = Literal["first", "after", "before"]
"""Which page: the first, the one behind a key, the one before it (whose rows come in reverse)."""

_COMPARED: dict[Operator, str] = {
    "eq": "{} = %s",
    "neq": "{} is distinct from %s",
    "in": "{} = any(%s)",
    "contains": "strpos(lower({}), lower(%s)) > 0",
    "lt": "{} < %s",
    "lte": "{} <= %s",
    "gt": "{} > %s",
    "gte": "{} >= %s",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """A table, the column of its id, the total order of its pages (last column unique), and the JSON of a row.

    `shown_customer` is the JSON for customers where it is another.
    """

    table: str
    key: str
    order: tuple[str, ...]
    newest_first: bool = False
    shown: str = "shown"
    shown_customer: str | None = None
    links: Links | None = None
    linked: tuple[str, ...] = ()
    """The columns that the links are made of."""

    def body(self, *, is_customer: bool) -> str:
        """The expression of a row's JSON, as such a caller is shown it."""
        return self.shown_customer if is_customer and self.shown_customer is not None else self.shown

    def whole(self, body: str, ids: Sequence[str], *, is_customer: bool) -> str:
        """A row's JSON with its links."""
        if self.links is None:
            return body
        surface = "/portal/v1" if is_customer else "/v1"
        return f'{body[:-1]},"links":{self.links(surface, *ids)}}}'


def scoped(*, is_customer: bool) -> str:
    """The condition that every statement here begins with."""
    whose = "reseller_id = scope.reseller"
    return f"{whose} and customer_id = scope.customer" if is_customer else whose


def order_of(screen: Screen, sort: tuple[SortKey, ...]) -> Order | None:
    """A total order for what was asked; None for the screen's own."""
    return (*sort, SortKey(screen.key, "text")) if sort else None


@lru_cache
def one(screen: Screen, is_customer: bool) -> str:  # noqa: FBT001 - the cache's key
    """A row by its id."""
    whose = scoped(is_customer=is_customer)
    shown = screen.body(is_customer=is_customer)
    return f"select *, {shown} as body from {screen.table} where {whose} and {screen.key} = %s"


@lru_cache
def some(screen: Screen, is_customer: bool) -> str:  # noqa: FBT001 - the cache's key
    """Rows by their ids."""
    whose = scoped(is_customer=is_customer)
    columns = ", ".join((screen.body(is_customer=is_customer), *screen.linked))
    return (
        f"select {columns} from {screen.table} where {whose} and {screen.key} = any(%s) order by {screen.key}"
    )


@lru_cache(maxsize=1000)
def page(
    screen: Screen,
    is_customer: bool,  # noqa: FBT001 - the cache's key
    asked: Asked,
    order: Order | None,
    direction: Direction,
) -> str:
    """A page; each row's JSON, and the columns of its cursor."""
    where = _where(is_customer, asked)
    is_back = direction == "before"
    if order is None:
        columns = ", ".join(screen.order)
        is_descending = screen.newest_first is not is_back
        if direction != "first":
            compared = "<" if is_descending else ">"
            where += f" and ({columns}) {compared} ({', '.join(['%s'] * len(screen.order))})"
        by = ", ".join(f"{column} desc" for column in screen.order) if is_descending else columns
    else:
        if is_back:
            order = tuple(replace(key, is_descending=not key.is_descending) for key in order)
        columns = ", ".join(f"({key.expression})::text" for key in order)
        if direction != "first":
            where += f" and ({_behind(order)})"
        by = ", ".join(f"{key.expression}{' desc' if key.is_descending else ''}" for key in order)
    shown = ", ".join((screen.body(is_customer=is_customer), *screen.linked))
    return f"select {shown}, {columns} from {screen.table} where {where} order by {by} limit %s"


def values_behind(order: Order | None, after: list[Any] | None) -> list[Any]:
    """What `page` has to be given of a cursor's key."""
    if after is None:
        return []
    if order is None:
        return after
    return [value for last in range(len(order)) for value in after[: last + 1]]


@lru_cache(maxsize=1000)
def count(screen: Screen, is_customer: bool, asked: Asked) -> str:  # noqa: FBT001 - the cache's key
    """How many rows there are, up to a limit."""
    where = _where(is_customer, asked)
    return f"select count(*) from (select 1 from {screen.table} where {where} limit %s) as counted"


def _where(is_customer: bool, asked: Asked) -> str:  # noqa: FBT001 - as above
    conditions = (_COMPARED[operator].format(column) for column, operator in asked)
    return " and ".join([scoped(is_customer=is_customer), *conditions])


def _behind(order: Order) -> str:
    """Rows behind a key whose parts do not all run the same way: the first part that differs decides."""
    return " or ".join(
        " and ".join(
            [
                *(f"{key.expression} = %s::{key.type}" for key in order[:last]),
                f"{order[last].expression} {'<' if order[last].is_descending else '>'} %s::{order[last].type}",
            ]
        )
        for last in range(len(order))
    )


UNALLOCATED = """
select t.tenant_id, t.customer_id, t.domain, t.company_name, t.created_at as discovered_at, coalesce(s.currency, '') as currency,
    count(s.subscription_id) as subscriptions, coalesce(sum(s.quantity), 0)::bigint as seats,
    count(s.subscription_id) filter (where s.unit_cost_micro is null) as without_cost,
    sum(round(s.quantity::numeric * s.unit_cost_micro / case s.charge_cycle when 'P1Y' then 12 when 'P3Y' then 36 else 1 end))
        ::bigint as monthly_cost_micro
from tenants t
join customers c on c.reseller_id = t.reseller_id and c.customer_id = t.customer_id and c.status = 'unallocated'
left join subscriptions s on s.reseller_id = t.reseller_id and s.tenant_id = t.tenant_id
    and (s.status = 'active' or s.status = 'suspended' and s.commerce = 'nce')
where t.reseller_id = scope.reseller and (%s::text is null or (t.tenant_id, coalesce(s.currency, '')) > (%s, %s))
group by t.tenant_id, coalesce(s.currency, '')
order by t.tenant_id, coalesce(s.currency, '') limit %s
"""
