"""What a list is asked for, as the SQL of the screens understands it."""

from dataclasses import dataclass
from typing import Any, Literal

from csp_gateway.adapters.paging import Page

Operator = Literal["eq", "neq", "in", "contains", "lt", "lte", "gt", "gte"]
SqlType = Literal["text", "bigint", "date", "timestamptz"]


@dataclass(frozen=True, slots=True)
class Condition:
    """A column compared with a value; a list of values for `in`."""

    column: str
    operator: Operator
    value: Any  # what the column's type takes


@dataclass(frozen=True, slots=True)
class SortKey:
    """A term of an order: an expression that is never null, and its type."""

    expression: str
    type: SqlType
    is_descending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A page behind a cursor, of the rows that meet all conditions, in an order; without one in the screen's own."""

    page: Page
    conditions: tuple[Condition, ...] = ()
    sort: tuple[SortKey, ...] = ()

    @property
    def identity(self) -> dict[str, Any]:
        """What a cursor of this list is bound to."""
        conditions = [(each.column, each.operator, each.value) for each in self.conditions]
        return {"c": conditions, "s": [(key.expression, key.is_descending) for key in self.sort]}
