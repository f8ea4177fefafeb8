"""How a list is asked for, the same for every list: a page, filters, an order, extras. What a list does not know is refused by name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from fastapi import Request
from pydantic import BaseModel

from csp_gateway.adapters.asking import Condition, Operator, Question, SortKey
from csp_gateway.adapters.paging import Page
from csp_gateway.surfaces.filters import Filter, label_of
from csp_gateway.surfaces.shown_fields import filters_of, names_of
from csp_runtime.problems import InvalidParameter, Problem

_SIZE, _AFTER, _BEFORE = "page[size]", "page[after]", "page[before]"
_SORT, _INCLUDE, FIELDS = "sort", "include", "fields"
_LABELS = (
    "filter[labels.x]",
    {"type": "string", "maxLength": 200},
    "A label; any key in the place of `x`, `[neq]` or `[in]` behind it",
)
DEFAULT_SIZE, LARGEST_SIZE, LONGEST_CURSOR = 50, 500, 4000
TOTAL_ESTIMATE = "total_estimate"
SPARSE = "application/vnd.csp.sparse+json"
"""The media type of a list of which only some fields were asked for: another shape than the one that is promised."""

Sorts = dict[str, SortKey]
"""What a list can be sorted by, by its name in the query."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A page of a list, what its rows must be like, their order, and what is wanted beside them."""

    page: Page
    filters: dict[str, Any]
    """Every filter of the list by column, for owners, who compare for equality only; None where it was not given."""
    conditions: tuple[Condition, ...] = ()
    sort: tuple[SortKey, ...] = ()
    include: frozenset[str] = frozenset()
    fields: tuple[str, ...] = ()
    """What of each row is answered; nothing named: all of it."""
    goes_back: bool = False
    """Whether the page before is asked for by its own parameter: screens are read both ways."""
    residual: tuple[tuple[Filter, Operator, Any], ...] = ()
    """Conditions that the owner of the rows does not know: what it shows is compared."""

    @property
    def identity(self) -> dict[str, Any]:
        """What a cursor of an owner's list is bound to."""
        compared = [(each.name, operator, value) for each, operator, value in self.residual]
        return {**self.filters, **({"?": compared} if compared else {})}

    def meets(self, shown: Mapping[str, Any]) -> bool:
        """Whether a row that is shown so meets the conditions that its owner does not know."""
        return all(
            each.holds(operator, shown.get(each.column), value) for each, operator, value in self.residual
        )

    def question(self, **also: str) -> Question:
        """For a screen; `also` are columns that the path fixes."""
        if not also:
            return Question(page=self.page, conditions=self.conditions, sort=self.sort)
        fixed = (Condition(column, "eq", value) for column, value in also.items())
        return Question(page=self.page, conditions=(*fixed, *self.conditions), sort=self.sort)


@dataclass(slots=True)
class Listing:
    """The query of one list. Read by hand and not by declared parameters: those cost each request several times the query.

    `filters` are compared by whoever keeps the rows. With `is_compared_here` the other fields of the `model` that a row is
    shown by are filtered by what they show; the rows of the list are then asked for in larger pieces.
    """

    filters: tuple[Filter, ...] = ()
    model: type[BaseModel] | None = None
    is_compared_here: bool = False
    goes_back: bool = False
    is_labelled: bool = False
    """Rows have labels: any of them can be filtered by, `filter[labels.<key>]`."""
    sorts: Sorts = field(default_factory=dict)
    includes: tuple[str, ...] = ()
    largest: int = LARGEST_SIZE
    is_paged: bool = True
    _known: dict[str, tuple[Filter, Operator]] = field(init=False)
    _fields: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self._fields = () if self.model is None else names_of(self.model)
        compared = filters_of(self.model) if self.model is not None and self.is_compared_here else ()
        self._known = {
            each.parameter(operator): (each, operator)
            for each in (*compared, *self.filters)
            for operator in each.operators
        }
        self._known |= {each.name: (each, "eq") for each in self.filters if each.is_perspective}

    def text(self, row: Any) -> str:
        """The JSON of a row that its owner shows: what the model knows of it, as it spells it, and nothing else."""
        if self.model is None:
            return msgspec.json.encode(row).decode()
        return self.model.model_validate(row).model_dump_json(by_alias=True, exclude_unset=True)

    @property
    def documented(self) -> dict[str, Any]:
        """The parameters for the OpenAPI document."""
        sizes = {"type": "integer", "minimum": 1, "maximum": self.largest, "default": DEFAULT_SIZE}
        cursor = {"type": "string", "maxLength": LONGEST_CURSOR}
        terms = [sign + name for name in self.sorts for sign in ("", "-")]
        pages = [
            _parameter(_SIZE, sizes, "How many at most"),
            _parameter(_AFTER, cursor, "The cursor of an earlier page"),
            *([_parameter(_BEFORE, cursor, "The cursor of a later page")] if self.goes_back else ()),
        ]
        parts = "Only these fields of each row; the answer is then `" + SPARSE + "`"
        return {
            "parameters": [
                *(pages if self.is_paged else ()),
                *(each.documented(operator, name) for name, (each, operator) in self._known.items()),
                *([_parameter(*_LABELS)] if self.is_labelled else []),
                *([_several(_SORT, terms, "The order; `-` for descending")] if terms else []),
                *([_several(_INCLUDE, list(self.includes), "What else to answer")] if self.includes else []),
                *([_several(FIELDS, list(self._fields), parts)] if self._fields else []),
                CONSISTENCY_TOKEN,
            ]
        }

    def asked(self, request: Request) -> Asked:
        """What the request asks for. A `Problem` (400) names parameters that this list does not have, or (422) wrong values."""
        given = request.query_params.multi_items()
        page = Page(size=DEFAULT_SIZE, after=None)
        filters: dict[str, Any] = {each.column: None for each in self.filters}
        if not given:
            return Asked(page=page, filters=filters, goes_back=self.goes_back)
        return self._read(given, filters)

    def _read(self, given: list[tuple[str, str]], filters: dict[str, Any]) -> Asked:
        size, cursors, fields = DEFAULT_SIZE, dict[str, str](), tuple[str, ...]()
        residual: list[tuple[Filter, Operator, Any]] = []
        conditions: list[Condition] = []
        sort: tuple[SortKey, ...] = ()
        include: frozenset[str] = frozenset()
        invalid: list[InvalidParameter] = []
        for name, value in given:
            try:
                if name == _SIZE and self.is_paged:
                    size = self._size(value)
                elif name in (_AFTER, _BEFORE) and self.is_paged and (name == _AFTER or self.goes_back):
                    cursors[name] = _cursor(value)
                elif name in self._known or (self.is_labelled and label_of(name) is not None):
                    wanted, operator = label_of(name) or self._known[name]
                    compared = wanted.read(operator, value)
                    if wanted.is_of_shown:
                        residual.append((wanted, operator, compared))
                        continue
                    conditions.append(Condition(wanted.column, operator, compared))
                    filters[wanted.column] = compared
                elif name == _SORT and self.sorts:
                    sort = self._sort(value)
                elif name == _INCLUDE and self.includes:
                    include = self._include(value)
                elif name == FIELDS and self._fields:
                    fields = self._some_fields(value)
                else:
                    raise _unknown(name, "is not a parameter of this list", sorted(self._known))
            except ValueError as fault:
                invalid.append(InvalidParameter(field=name, rule="value", reason=str(fault), source="query"))
        if len(cursors) > 1:
            both = f"cannot be asked for together with {_AFTER}"
            invalid.append(InvalidParameter(field=_BEFORE, rule="value", reason=both, source="query"))
        if invalid:
            raise Problem("validation", "The request breaks a rule", invalid=invalid)
        return Asked(
            page=Page(size=size, after=cursors.get(_AFTER), before=cursors.get(_BEFORE)),
            filters=filters,
            conditions=tuple(conditions),
            sort=sort,
            include=include,
            fields=fields,
            goes_back=self.goes_back,
            residual=tuple(residual),
        )

    def _size(self, value: str) -> int:
        if value.isascii() and value.isdigit() and 1 <= int(value[:9]) <= self.largest:
            return int(value)
        raise ValueError(f"must be a number from 1 to {self.largest}")

    def _sort(self, value: str) -> tuple[SortKey, ...]:
        keys: dict[str, SortKey] = {}
        for term in value.split(","):
            name = term.removeprefix("-")
            if name not in self.sorts or name in keys:
                raise _unknown(_SORT, f"cannot sort by {term[:100]!r}", list(self.sorts))
            key = self.sorts[name]
            keys[name] = SortKey(key.expression, key.type, is_descending=term != name)
        return tuple(keys.values())

    def _include(self, value: str) -> frozenset[str]:
        wanted = frozenset(value.split(","))
        if unknown := sorted(wanted - set(self.includes)):
            raise _unknown(_INCLUDE, f"cannot include {unknown[0][:100]!r}", list(self.includes))
        return wanted

    def _some_fields(self, value: str) -> tuple[str, ...]:
        wanted = tuple(dict.fromkeys(value.split(",")))
        if unknown := [name for name in wanted if name not in self._fields]:
            raise _unknown(FIELDS, f"has no field {unknown[0][:100]!r}", list(self._fields))
        return wanted


def _cursor(value: str) -> str:
    if len(value) > LONGEST_CURSOR:
        raise ValueError(f"has more than {LONGEST_CURSOR} characters")
    return value


def _unknown(name: str, reason: str, choices: list[str]) -> Problem:
    parameter = InvalidParameter(
        field=name[:200], rule="unknown", reason=reason, source="query", choices=tuple(choices)
    )
    return Problem("bad-request", "The list has no such parameter", invalid=[parameter])


def _parameter(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "schema": schema,
        "description": description,
    }


def _several(name: str, choices: list[str], description: str) -> dict[str, Any]:
    items = {"type": "string", "enum": choices}
    schema = {"type": "array", "items": items, "minItems": 1, "uniqueItems": True}
    return {**_parameter(name, schema, description), "style": "form", "explode": False}


CONSISTENCY_TOKEN = {
    "name": "Consistency-Token",
    "in": "header",
    "required": False,
    "description": "Of an earlier answer: wait (bounded) until what it tells of is visible",
    "schema": {"type": "string"},
}
