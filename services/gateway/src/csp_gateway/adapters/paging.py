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
    """What a caller asked for: so many rows behind a cursor, or before one."""

    size: int
    after: str | None
    before: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """The cursors of the pages on both sides; None where there is no such page."""

    following: str | None = None
    previous: str | None = None
    starts_over: bool = False
    """The page before is the first one, which needs no cursor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """Where pages of an owner began, who reads forwards only: the last is the present one's; none is the first page's."""

    keys: tuple[list[Any], ...] = ()
    is_cut: bool = False

    @property
    def here(self) -> list[Any] | None:
        """The key that the present page begins behind."""
        return self.keys[-1] if self.keys else None

    def around(self, following: list[Any] | None, filters: dict[str, Any]) -> Around:
        """The cursors of the page before, as far as the trail goes, and of the one that begins behind `following`."""
        digest = _digest(filters)
        after = (
            None if following is None else _trail_cursor((*self.keys, following), digest, is_cut=self.is_cut)
        )
        if len(self.keys) < 2:
            return Around(following=after, starts_over=bool(self.keys) and not self.is_cut)
        return Around(following=after, previous=_trail_cursor(self.keys[:-1], digest, is_cut=self.is_cut))


LONGEST_TRAIL = 20


def cursor_of(key: list[Any], filters: dict[str, Any]) -> str:
    """The cursor at a row."""
    return _encoded({"k": key, "f": _digest(filters)})


def key_of(cursor: str | None, filters: dict[str, Any], width: int = 1) -> list[Any] | None:
    """The key to go on behind, of so many parts; a `Problem` for a cursor of other filters or none of ours."""
    if cursor is None:
        return None
    key: list[Any] = _read(cursor, filters, width)["k"]
    return key


def trail_of(cursor: str | None, filters: dict[str, Any], width: int = 1) -> Trail:
    """The trail of a cursor; a `Problem` as for `key_of`."""
    if cursor is None:
        return Trail()
    read = _read(cursor, filters, width)
    before = read.get("b", [])
    if not isinstance(before, list) or len(before) > LONGEST_TRAIL:
        raise unknown_cursor()
    for key in before:
        _check(key, width)
    return Trail(keys=(*before, read["k"]), is_cut=bool(read.get("t")))


def _trail_cursor(keys: tuple[list[Any], ...], digest: str, *, is_cut: bool) -> str:
    before = keys[:-1]
    is_cut = is_cut or len(before) > LONGEST_TRAIL
    cut = {"t": 1} if is_cut else {}
    return _encoded({"k": keys[-1], "f": digest, "b": before[-LONGEST_TRAIL:], **cut})


def _encoded(cursor: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).decode().rstrip("=")


def _read(cursor: str, filters: dict[str, Any], width: int) -> dict[str, Any]:
    try:
        read: dict[str, Any] = msgspec.json.decode(
            base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=dict[str, Any]
        )
        key, digest = read["k"], read["f"]
    except (binascii.Error, ValueError, KeyError, TypeError):
        raise unknown_cursor() from None
    if digest != _digest(filters):
        raise unknown_cursor("belongs to other filters")
    _check(key, width)
    return read


def _check(key: Any, width: int) -> None:  # JSON of any shape
    if not isinstance(key, list) or len(key) != width or not all(_is_part(each) for each in key):
        raise unknown_cursor()


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
