"""Filters in the query string: JSON in any casing of names and operators (PC 2.4)."""

import json
from collections.abc import Callable
from typing import Any, TypeVar

from csp_partner_center_simulator.wire.errors import invalid
from csp_partner_center_simulator.wire.request import fold

T = TypeVar("T")

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "equals": lambda have, want: have == want,
    "notequals": lambda have, want: have != want,
    "greaterthan": lambda have, want: have > want,
    "greaterthanorequals": lambda have, want: have >= want,
    "lessthan": lambda have, want: have < want,
    "lessthanorequals": lambda have, want: have <= want,
    "substring": lambda have, want: want in have,
    "startswith": lambda have, want: have.startswith(want),
    "notstartswith": lambda have, want: not have.startswith(want),
}


def operator(name: str) -> str:
    """Give an enum value without case and underscores, for comparing (PC 2.3)."""
    return name.replace("_", "").lower()


def predicate(
    text: str | None, fields: dict[str, Callable[[T], str]], *, enums: frozenset[str] = frozenset()
) -> Callable[[T], bool]:
    """Make a test out of a filter; `fields` are its members (any casing), as text. 400 for anything else.

    `enums`: the members whose values are compared without underscores (PC 2.3).
    """
    if not text:
        return lambda _: True
    try:
        known = {name.lower(): read for name, read in fields.items()}
        return _test(fold(json.loads(text)), known, frozenset(name.lower() for name in enums))
    except (ValueError, TypeError, AttributeError):
        raise invalid("The filter is not a JSON filter expression.") from None


def _test(
    node: dict[str, Any], fields: dict[str, Callable[[T], str]], enums: frozenset[str]
) -> Callable[[T], bool]:
    name = operator(str(node.get("operator", "")))
    if name in {"and", "or"}:
        left, right = (_test(node[side], fields, enums) for side in ("leftfilter", "rightfilter"))
        if name == "and":
            return lambda item: left(item) and right(item)
        return lambda item: left(item) or right(item)
    field = str(node.get("field", "")).lower()
    read = fields.get(field)
    compare = _COMPARE.get(name)
    if read is None or compare is None:
        known = ", ".join(sorted(fields))
        raise invalid(f"The filter's field must be one of {known}, its operator a known one.")
    plain = operator if field in enums else str.lower
    want = plain(str(node.get("value", "")))
    return lambda item: compare(plain(read(item)), want)
