"""Cursors: opaque, bound to their filters, over a total and stable order."""

import base64
import binascii
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec

from csp_runtime.problems import InvalidParameter, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a caller asked for."""

    size: int
    after: str | None


def cursor_of(key: list[Any], filters: dict[str, Any]) -> str:
    """The cursor behind a row."""
    raw = msgspec.json.encode({"k": key, "f": _digest(filters)})
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def key_of(cursor: str | None, filters: dict[str, Any]) -> list[Any] | None:
    """The key to go on behind; a `Problem` for a cursor of other filters or none of ours."""
    if cursor is None:
        return None
    try:
        read = msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        key, digest = read["k"], read["f"]
    except (binascii.Error, ValueError, KeyError, TypeError):
        raise _refused("is not a cursor of this list") from None
    if digest != _digest(filters) or not isinstance(key, list):
        raise _refused("belongs to other filters")
    return key


def _refused(reason: str) -> Problem:
    parameter = InvalidParameter(field="page[after]", rule="cursor", reason=reason, source="query")
    return Problem("validation", "The request breaks a rule", invalid=[parameter])


def _digest(filters: dict[str, Any]) -> str:
    return sha256(msgspec.json.encode(filters, order="sorted")).hexdigest()[:12]
