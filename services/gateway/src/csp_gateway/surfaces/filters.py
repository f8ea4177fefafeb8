"""The filters of lists: `filter[<name>]=…` is equal to this, `filter[<name>][<operator>]=…` compares otherwise."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from operator import eq, ge, gt, le, lt, ne
from typing import Any, get_args

from csp_gateway.adapters.asking import Operator
from csp_gateway.models.base import Cycle
from csp_runtime.labels import KEY

CYCLES: tuple[str, ...] = get_args(Cycle)
MOST_CHOSEN = 100
LARGEST_NUMBER = 2**31 - 1
_EQUAL: tuple[Operator, ...] = ("eq",)
_ANY: tuple[Operator, ...] = ("eq", "neq", "in")
_ORDERED: tuple[Operator, ...] = ("eq", "lt", "lte", "gt", "gte")

Parse = Callable[[str], Any]
"""Text to a value; `ValueError` says what it must be."""

_HOLDS: dict[Operator, Callable[[Any, Any], bool]] = {
    "eq": eq,
    "neq": ne,
    "in": lambda shown, chosen: shown in chosen,
    "contains": lambda shown, part: part.lower() in shown.lower(),
    "lt": lt,
    "lte": le,
    "gt": gt,
    "gte": ge,
}


@dataclass(frozen=True, slots=True)
class Filter:
    """`column` where the row calls it otherwise. A perspective is no filter of rows: it is asked for by its plain name."""

    name: str
    column: str
    operators: tuple[Operator, ...]
    schema: dict[str, Any]
    parse: Parse
    is_perspective: bool = False
    of_shown: Callable[[Any], Any] = str
    """What a row shows of it, as it is compared."""
    is_of_shown: bool = False
    """Compared with what is shown, because the owner of the rows does not compare it."""

    def parameter(self, operator: Operator) -> str:
        """Its name in the query; a perspective is asked for by its plain name as well."""
        return f"filter[{self.name}]" if operator == "eq" else f"filter[{self.name}][{operator}]"

    def read(self, operator: Operator, value: str) -> Any:
        """The value that is compared with. Raises `ValueError` where it breaks a rule."""
        if operator == "contains":
            return _text(value, 200)
        if operator != "in":
            return self.parse(value)
        chosen = value.split(",")
        if len(chosen) > MOST_CHOSEN:
            raise ValueError(f"has more than {MOST_CHOSEN} values")
        return [self.parse(each) for each in chosen]

    def holds(self, operator: Operator, shown: Any, value: Any) -> bool:
        """Whether a row that shows this of it meets the condition; what is unknown is only unlike everything."""
        if shown is None:
            return operator == "neq"
        return _HOLDS[operator](self.of_shown(shown), value)

    def documented(self, operator: Operator, name: str) -> dict[str, Any]:
        """The parameter in the OpenAPI document, by one of its names."""
        schema = self.schema
        if operator == "in":
            schema = {"type": "array", "items": schema, "minItems": 1, "maxItems": MOST_CHOSEN}
        elif operator == "contains":
            schema = {"type": "string", "minLength": 1, "maxLength": 200}
        return {
            "name": name,
            "in": "query",
            "required": False,
            "schema": schema,
            **({"style": "form", "explode": False} if operator == "in" else {}),
        }


def text(
    name: str,
    *,
    column: str | None = None,
    choices: tuple[str, ...] = (),
    longest: int = 200,
    operators: tuple[Operator, ...] = _ANY,
    is_perspective: bool = False,
) -> Filter:
    """A text, or one of a few."""
    schema = {"type": "string", **({"enum": list(choices)} if choices else {"maxLength": longest})}
    parse = _one_of(choices) if choices else lambda value: _text(value, longest)
    return Filter(name, column or name, operators, schema, parse, is_perspective)


def searched(name: str, *, column: str | None = None) -> Filter:
    """A text of which a part can be asked for, in whatever case."""
    return text(name, column=column, operators=(*_ANY, "contains"))


def shown(filter_: Filter) -> Filter:
    """The filter, compared with what is shown instead of by the owner."""
    return replace(filter_, is_of_shown=True)


def equal(name: str, *, choices: tuple[str, ...] = (), longest: int = 200) -> Filter:
    """A text that an owner compares for equality only."""
    return text(name, choices=choices, longest=longest, operators=_EQUAL)


def perspective(name: str, *, choices: tuple[str, ...] = (), longest: int = 200) -> Filter:
    """What a list is looked at from, such as the customer whose prices are meant."""
    return text(name, choices=choices, longest=longest, operators=_EQUAL, is_perspective=True)


def perspective_day(name: str) -> Filter:
    """A UTC day on which a list is looked at; the owner is told it as text."""
    schema = {"type": "string", "format": "date"}
    return Filter(name, name, _EQUAL, schema, lambda value: _day(value).isoformat(), is_perspective=True)


def perspective_number(name: str, least: int, largest: int) -> Filter:
    """A whole number that a list is asked with by its plain name."""
    schema = {"type": "integer", "minimum": least, "maximum": largest}
    return Filter(
        name, name, _EQUAL, schema, lambda value: _number(value, least, largest), is_perspective=True
    )


def number(name: str) -> Filter:
    """A whole number."""
    schema = {"type": "integer", "minimum": 0, "maximum": LARGEST_NUMBER}
    return Filter(name, name, _ORDERED, schema, lambda value: _number(value, 0, LARGEST_NUMBER), of_shown=int)


def day(name: str) -> Filter:
    """A UTC day."""
    schema = {"type": "string", "format": "date"}
    return Filter(name, name, _ORDERED, schema, _day, of_shown=_shown_day)


def moment(name: str, *, column: str | None = None) -> Filter:
    """A moment with its offset."""
    schema = {"type": "string", "format": "date-time"}
    return Filter(name, column or name, _ORDERED[1:], schema, _moment, of_shown=_shown_moment)


def truth(name: str) -> Filter:
    """`true` or `false`."""
    schema = {"type": "string", "enum": ["true", "false"]}
    parse = _one_of(("true", "false"))
    return Filter(name, name, _EQUAL, schema, parse, of_shown=lambda value: str(value).lower())


def _text(value: str, longest: int) -> str:
    if len(value) > longest:
        raise ValueError(f"has more than {longest} characters")
    if "\0" in value:
        raise ValueError("contains a NUL character")
    return value


def _one_of(choices: tuple[str, ...]) -> Parse:
    def parse(value: str) -> str:
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return value

    return parse


def _number(value: str, least: int, largest: int) -> int:
    if not (value.isascii() and value.isdigit()) or len(value) > 20 or not least <= int(value) <= largest:
        raise ValueError(f"must be a number from {least} to {largest}")
    return int(value)


def _day(value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("must be a day such as 2026-03-31") from None


def _shown_day(value: str | date) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)


def _shown_moment(value: str | datetime) -> datetime:
    shown = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return shown if shown.tzinfo is not None else shown.replace(tzinfo=UTC)


def _moment(value: str) -> datetime:
    # A plus that was not quoted is a space by now.
    try:
        read = datetime.fromisoformat(value.replace(" ", "+"))
        if read.tzinfo is None:
            raise ValueError
        return read.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be a moment such as 2026-03-31T09:00:00Z") from None


_OF_LABELS: dict[str | None, Operator] = {None: "eq", "neq": "neq", "in": "in"}
_LABEL = re.compile(rf"filter\[labels\.({KEY})\](?:\[(neq|in)\])?")


def label_of(parameter: str) -> tuple[Filter, Operator] | None:
    """The filter that a parameter asks for by a label's key; None for another parameter."""
    found = _LABEL.fullmatch(parameter)
    if found is None:
        return None
    key, operator = found.groups()  # a key is letters, digits and underscores
    return text(f"labels.{key}", column=f"(labels ->> '{key}')"), _OF_LABELS[operator]
