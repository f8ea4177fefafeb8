"""How a list is asked for: a page and filters, the same for every list. What a list does not know is refused by name."""

from dataclasses import dataclass, field
from typing import Any, get_args

from fastapi import Request

from csp_gateway.adapters.paging import Page
from csp_gateway.models.base import Cycle
from csp_runtime.problems import InvalidParameter, Problem

_SIZE, _AFTER = "page[size]", "page[after]"
DEFAULT_SIZE, LARGEST_SIZE, LONGEST_CURSOR = 50, 500, 2000


@dataclass(frozen=True, slots=True)
class Filter:
    """`filter[<name>]=…`: equal to this; `column` where the row calls it otherwise. A perspective is asked for by its plain name."""

    name: str
    column: str | None = None
    choices: tuple[str, ...] = ()
    longest: int = 200
    is_perspective: bool = False

    @property
    def parameter(self) -> str:
        """Its name in the query."""
        return self.name if self.is_perspective else f"filter[{self.name}]"

    @property
    def schema(self) -> dict[str, Any]:
        """Its JSON Schema."""
        return {
            "type": "string",
            **({"enum": list(self.choices)} if self.choices else {"maxLength": self.longest}),
        }


CYCLES: tuple[str, ...] = get_args(Cycle)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A page of a list, and the filters by column; None where one was not given."""

    page: Page
    filters: dict[str, Any]


@dataclass(slots=True)
class Listing:
    """The query of one list. Read by hand and not by declared parameters: those cost each request several times the query."""

    filters: tuple[Filter, ...] = ()
    _known: dict[str, Filter] = field(init=False)

    def __post_init__(self) -> None:
        self._known = {each.parameter: each for each in self.filters}

    @property
    def documented(self) -> dict[str, Any]:
        """The parameters for the OpenAPI document."""
        sizes = {"type": "integer", "minimum": 1, "maximum": LARGEST_SIZE, "default": DEFAULT_SIZE}
        return {
            "parameters": [
                _parameter(_SIZE, sizes, "How many at most"),
                _parameter(
                    _AFTER, {"type": "string", "maxLength": LONGEST_CURSOR}, "The cursor of an earlier page"
                ),
                *(_parameter(name, each.schema, "") for name, each in self._known.items()),
                CONSISTENCY_TOKEN,
            ]
        }

    def asked(self, request: Request) -> Asked:
        """What the request asks for. A `Problem` (400) names parameters that this list does not have, or (422) wrong values."""
        size, after = DEFAULT_SIZE, None
        filters: dict[str, Any] = {each.column or each.name: None for each in self.filters}
        invalid: list[InvalidParameter] = []
        for name, value in request.query_params.multi_items():
            reason = None
            if name == _SIZE:
                size, reason = _size(value)
            elif name == _AFTER:
                after, reason = value, _fault(value, Filter(name, longest=LONGEST_CURSOR))
            elif name in self._known:
                wanted = self._known[name]
                filters[wanted.column or wanted.name], reason = value, _fault(value, wanted)
            else:
                raise _unknown(name)
            if reason is not None:
                invalid.append(InvalidParameter(field=name, rule="value", reason=reason, source="query"))
        if invalid:
            raise Problem("validation", "The request breaks a rule", invalid=invalid)
        return Asked(page=Page(size=size, after=after), filters=filters)


def _size(value: str) -> tuple[int, str | None]:
    if value.isascii() and value.isdigit() and 1 <= int(value[:9]) <= LARGEST_SIZE:
        return int(value), None
    return DEFAULT_SIZE, f"must be a number from 1 to {LARGEST_SIZE}"


def _fault(value: str, wanted: Filter) -> str | None:
    if wanted.choices and value not in wanted.choices:
        return f"must be one of {', '.join(wanted.choices)}"
    if len(value) > wanted.longest:
        return f"has more than {wanted.longest} characters"
    return "contains a NUL character" if "\0" in value else None


def _unknown(name: str) -> Problem:
    parameter = InvalidParameter(
        field=name[:200], rule="unknown", reason="is not a parameter of this list", source="query"
    )
    return Problem("bad-request", "The list has no such parameter", invalid=[parameter])


def _parameter(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "schema": schema,
        **({"description": description} if description else {}),
    }


CONSISTENCY_TOKEN = {
    "name": "Consistency-Token",
    "in": "header",
    "required": False,
    "description": "Of an earlier answer: wait (bounded) until what it tells of is visible",
    "schema": {"type": "string"},
}
