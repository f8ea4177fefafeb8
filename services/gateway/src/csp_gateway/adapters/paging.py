"""Cursors: opaque, bound to their filters, over a total and stable order."""

import base64
import binascii
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec

from csp_runtime.problems import InvalidParameter, Problem

LARGEST_NUMBER = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a caller asked for."""

    size: int
    after: str | None


def cursor_of(key: list[Any], filters: dict[str, Any]) -> str:
    """The cursor behind a row."""
    raw = msgspec.json.encode({"k": key, "f": _digest(filters)})
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def key_of(cursor: str | None, filters: dict[str, Any], width: int = 1) -> list[Any] | None:
    """The key to go on behind, of so many parts; a `Problem` for a cursor of other filters or none of ours."""
    if cursor is None:
        return None
    try:
        read = msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        key, digest = read["k"], read["f"]
    except (binascii.Error, ValueError, KeyError, TypeError):
        raise unknown_cursor() from None
    if digest != _digest(filters) or not isinstance(key, list):
        raise unknown_cursor("belongs to other filters")
    if len(key) != width or not all(_is_part(each) for each in key):
        raise unknown_cursor()
    return key


def unknown_cursor(reason: str = "is not a cursor of this list") -> Problem:
    """A cursor that we did not give for this list."""
    parameter = InvalidParameter(field="page[after]", rule="cursor", reason=reason, source="query")
    return Problem("validation", "The request breaks a rule", invalid=[parameter])


def _is_part(value: Any) -> bool:  # JSON of any shape
    """Whether a database can be asked with it: anybody can write a cursor."""
    if isinstance(value, str):
        return "\0" not in value
    return isinstance(value, int) and abs(value) < LARGEST_NUMBER


def _digest(filters: dict[str, Any]) -> str:
    return sha256(msgspec.json.encode(filters, order="sorted")).hexdigest()[:12]
