"""Reading a JSON story field by field: every fault is kept with its path, and reading goes on to find the next one."""

import json
import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from difflib import get_close_matches
from typing import TypeVar, cast

from csp_commerce_rules.money import NotADecimal, parse_decimal

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
EARLIEST, LATEST = date(1980, 1, 1), date(2199, 12, 31)
"""Days that a story may name: room for terms and virtual cycles on both sides within the calendar tables."""

_SHOWN, _LONGEST = 60, 500
"""Characters of a value that a fault repeats, and of a whole fault."""

Literals = TypeVar("Literals", bound=str)


class StoryRefused(Exception):
    """The story cannot be rated. `faults` are lines of `path: what is wrong`, in the order of the file."""

    code = "story-refused"

    def __init__(self, faults: list[str]) -> None:
        self.faults = list(dict.fromkeys(_one_line(fault) for fault in faults))  # each told once
        super().__init__("\n".join(self.faults))


class Doubled(dict[str, object]):
    """A JSON object in which a name stands twice; JSON readers differ in which of the values they take."""

    twice: tuple[str, ...] = ()


def object_of(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """The object of its members, `Doubled` where a name stands twice (a hook of `json.loads`)."""
    content = dict(pairs)
    if len(content) == len(pairs):
        return content
    names = [name for name, _ in pairs]
    doubled = Doubled(content)
    doubled.twice = tuple(name for name in content if names.count(name) > 1)
    return doubled


class Reader:
    """One JSON object of the story at its path. Getters return None where they note a fault."""

    def __init__(self, content: object, path: str, faults: list[str]) -> None:
        """`path` is the JSON path of the object, empty for the story itself."""
        self.path = path
        self.faults = faults
        self.content: Mapping[str, object] = {}
        self.is_object = isinstance(content, dict)
        if isinstance(content, dict):
            self.content = content
            for name in content.twice if isinstance(content, Doubled) else ():
                self.fault(name, "stands twice in this object")
        else:
            faults.append(f"{path or '$'}: must be an object, is {shown(content)}")

    def at(self, name: str) -> str:
        """JSON path of a field."""
        return f"{self.path}.{name}" if self.path else name

    def fault(self, name: str, text: str) -> None:
        """Note what is wrong with a field."""
        self.faults.append(f"{self.at(name)}: {text}")

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self.content.get(name) is not None

    def only(self, known: Collection[str]) -> None:
        """Refuse fields that nothing reads, because a misspelt setting would silently do nothing."""
        for name in self.content:
            if name not in known:
                self.fault(name, "is unknown here")

    def unread(self, known: Collection[str]) -> list[str]:
        """Notes on fields that nothing reads. One that looks like a misspelling of an absent field is a fault instead."""
        notes: list[str] = []
        for name in self.content:
            if name in known:
                continue
            absent = [other for other in known if other not in self.content]
            if near := get_close_matches(name, absent, n=1, cutoff=0.8):
                self.fault(name, f"is unknown here, {near[0]} is meant")
            else:
                notes.append(_one_line(f"{self.at(name)}: is unknown here and was ignored"))
        return notes

    def _get(self, name: str, what: str, *, required: bool) -> object:
        value = self.content.get(name)
        if value is None and required and self.is_object:
            self.fault(name, f"is missing, must be {what}")
        return value

    def text(self, name: str, *, required: bool = True) -> str | None:
        """A text that is not empty."""
        value = self._get(name, "a text", required=required)
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip():
            self.fault(name, f"must be a text that is not empty, is {shown(value)}")
            return None
        return value

    def choice(self, name: str, choices: Collection[Literals], *, required: bool = True) -> Literals | None:
        """One of some words."""
        what = "one of " + ", ".join(choices)
        value = self._get(name, what, required=required)
        if value is None:
            return None
        if not isinstance(value, str) or value not in choices:
            self.fault(name, f"must be {what}, is {shown(value)}")
            return None
        return cast(Literals, value)

    def whole(
        self, name: str, *, at_least: int, at_most: int | None = None, required: bool = True
    ) -> int | None:
        """A whole number in a range."""
        what = f"{at_least} or more" if at_most is None else f"{at_least} to {at_most}"
        value = self._get(name, what, required=required)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            self.fault(name, f"must be a whole number, is {shown(value)}")
            return None
        if value < at_least or (at_most is not None and value > at_most):
            self.fault(name, f"must be {what}, is {shown(value)}")
            return None
        return value

    def flag(self, name: str) -> bool | None:
        """True, false, or absent."""
        value = self.content.get(name)
        if value is not None and not isinstance(value, bool):
            self.fault(name, f"must be true or false, is {shown(value)}")
            return None
        return value

    def day(self, name: str, *, required: bool = True) -> int | None:
        """A UTC day as an ordinal."""
        value = self._get(name, "a date such as 2024-03-01", required=required)
        if value is None:
            return None
        return self.day_of(name, value)

    def day_of(self, name: str, value: object) -> int | None:
        """The same for a value that was already taken out of the field."""
        if isinstance(value, str) and _DAY.fullmatch(value):
            try:
                on = date.fromisoformat(value)
            except ValueError:
                pass
            else:
                if EARLIEST <= on <= LATEST:
                    return on.toordinal()
                self.fault(name, f"must be between {EARLIEST} and {LATEST}, is {value}")
                return None
        self.fault(name, f"must be a date such as 2024-03-01, is {shown(value)}")
        return None

    def instant(self, name: str, day: int | None) -> datetime | None:
        """An RFC 3339 date-time on the UTC day given, or absent."""
        value = self.content.get(name)
        if value is None:
            return None
        at: datetime | None = None
        if isinstance(value, str) and _INSTANT.fullmatch(value):
            with suppress(ValueError, OverflowError):  # no such day or hour, or none in UTC
                at = datetime.fromisoformat(value.upper()).astimezone(UTC)
        if at is None:
            self.fault(
                name, f"must be a date-time with offset such as 2024-03-01T18:00:00Z, is {shown(value)}"
            )
            return None
        if day is not None and at.toordinal() != day:
            self.fault(name, f"must lie on {date.fromordinal(day)} in UTC, is {shown(value)}")
            return None
        return at

    def decimal(
        self, name: str, digits: int, *, at_least: int | None = None, required: bool = True
    ) -> int | None:
        """Decimal text, scaled by 10**digits; `at_least` is on the same scale."""
        value = self._get(name, 'decimal text such as "10.00"', required=required)
        if value is None:
            return None
        if not isinstance(value, str):
            self.fault(name, f'must be decimal text such as "10.00", is {shown(value)}')
            return None
        try:
            number = parse_decimal(value, digits)
        except NotADecimal as error:
            self.fault(name, str(error))
            return None
        if at_least is not None and number < at_least:
            self.fault(name, f'must be {at_least // 10**digits} or more, is "{value}"')
            return None
        return number

    def each(self, name: str, *, required: bool = True) -> list["Reader"]:
        """The objects of an array."""
        value = self._get(name, "an array", required=required)
        if value is None:
            return []
        if not isinstance(value, list):
            self.fault(name, f"must be an array, is {shown(value)}")
            return []
        return [Reader(item, f"{self.at(name)}[{i}]", self.faults) for i, item in enumerate(value)]

    def inner(self, name: str) -> "Reader":
        """An object inside this one; an absent one reads as empty."""
        value = self.content.get(name)
        return Reader({} if value is None else value, self.at(name), self.faults)


def _one_line(text: str) -> str:
    """The text without line breaks and control characters, cut where it is endless."""
    plain = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[:_LONGEST])
    return plain if len(text) <= _LONGEST else f"{plain}..."


def shown(value: object) -> str:
    """A value as it stands in the file, cut where it is long."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    try:
        # Escaped, so that a fault is one line whatever stands in the file.
        text = json.dumps(value, ensure_ascii=False)
    except RecursionError:
        text = "an array" if isinstance(value, list) else "an object"
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
