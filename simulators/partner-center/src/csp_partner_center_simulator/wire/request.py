"""A request as handlers see it: names without case, bodies tolerant of casing (PC 2.3, 14.4)."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from csp_partner_center_simulator.wire.errors import invalid

# The keys of a map are the caller's own words and come back as they were sent.
MAPS = frozenset({"provisioningcontext"})


def fold(value: Any) -> Any:
    """Give the value with member names in lower case; of two casings of one name the first is taken."""
    if isinstance(value, dict):
        folded: dict[str, Any] = {}
        for name, member in value.items():
            folded.setdefault(name.lower(), member if name.lower() in MAPS else fold(member))
        return folded
    if isinstance(value, list):
        return [fold(member) for member in value]
    return value


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


@dataclass(slots=True)
class Request:
    """An HTTP request; header names in lower case, query names also without underscores. `notes`: what was found out before.

    The pages write one name in several ways (`migration_id`, `migrationId`, `TermDuration`, `term_duration`).
    """

    method: str
    path: str
    raw_query: str
    headers: dict[str, str]
    content: bytes
    query: dict[str, list[str]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Split the query once."""
        for name, value in parse_qsl(self.raw_query, keep_blank_values=True):
            self.query.setdefault(_plain(name), []).append(value)

    def param(self, name: str) -> str | None:
        """Give the first value of a query parameter, None when absent or empty."""
        values = self.query.get(_plain(name))
        return values[0] if values and values[0] != "" else None

    def number(self, name: str) -> int | None:
        """Give a query parameter as a whole number; 400 when it is none."""
        text = self.param(name)
        if text is None:
            return None
        try:
            return int(text)
        except ValueError:
            raise invalid(f"Query parameter {name} must be a whole number, got '{text[:40]}'.") from None

    @property
    def goes_on(self) -> bool:
        """Whether a further page of a list is asked for, by token or by offset (PC 2.4, 13.5)."""
        asks = {"seekoperation", "$skiptoken", "$deltatoken"} & set(self.query)
        return bool(asks) or "ms-continuationtoken" in self.headers or self.param("offset") not in {None, "0"}

    def form(self) -> dict[str, str]:
        """Give the body as a form: the first value of each field, names in lower case."""
        fields: dict[str, str] = {}
        for name, value in parse_qsl(self.content.decode("utf-8", errors="replace"), keep_blank_values=True):
            fields.setdefault(name.lower(), value)
        return fields

    def json(self) -> Any:
        """Give the body with its own casing; {} when there is none; 400 when it is no JSON."""
        text = self.content.decode("utf-8-sig", errors="replace").strip()
        if not text:
            return {}
        try:
            return json.loads(text)
        except ValueError:
            raise invalid("The request body is not valid JSON.") from None

    def object(self) -> "Body":
        """Give the body as an object with names in any casing; 400 when it is something else."""
        body = self.json()
        if not isinstance(body, dict):
            raise invalid("The request body must be a JSON object.")
        return Body(fold(body))


class Body:
    """Reads members of a folded JSON object; refuses wrong types with a message naming the field."""

    def __init__(self, members: dict[str, Any], path: str = "") -> None:
        self.members = members
        self.path = path

    def __contains__(self, name: str) -> bool:
        return name.lower() in self.members

    def get(self, name: str) -> Any:
        """Give a member as it came, None when absent."""
        return self.members.get(name.lower())

    def text(self, name: str, default: str = "") -> str:
        """Give a member as text; numbers are taken as their digits."""
        value = self.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise invalid(f"{self.path}{name} must be a string.", code=3000)
        return str(value)

    def required(self, name: str) -> str:
        """Give a member as text; 400 when it is absent or blank."""
        value = self.text(name).strip()
        if not value:
            raise invalid(f"{self.path}{name} is required.", code=3000)
        return value

    def whole(self, name: str) -> int | None:
        """Give a member as a whole number (also written as a string), None when absent."""
        value = self.get(name)
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, str) and value.strip().removeprefix("-").isdecimal():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise invalid(f"{self.path}{name} must be a whole number.", code=3000)
        return value

    def flag(self, name: str) -> bool | None:
        """Give a member as a boolean, None when absent."""
        value = self.get(name)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in {"true", "false"}:
            return value.lower() == "true"
        raise invalid(f"{self.path}{name} must be true or false.", code=3000)

    def at(self, name: str) -> datetime | None:
        """Give a member as a UTC time, None when absent."""
        value = self.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise invalid(f"{self.path}{name} must be a date.", code=3000)
        return parse_instant(value, f"{self.path}{name}")

    def object(self, name: str) -> "Body":
        """Give a member as an object; an absent one is empty."""
        value = self.get(name)
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise invalid(f"{self.path}{name} must be an object.", code=3000)
        return Body(value, f"{self.path}{name}.")

    def objects(self, name: str) -> list["Body"]:
        """Give a member as a list of objects; an absent one is empty."""
        value = self.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise invalid(f"{self.path}{name} must be a list of objects.", code=3000)
        return [Body(one, f"{self.path}{name}[{number}].") for number, one in enumerate(value)]

    def texts(self, name: str) -> list[str]:
        """Give a member as a list of strings; an absent one is empty."""
        value = self.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise invalid(f"{self.path}{name} must be a list of strings.", code=3000)
        return value


def parse_instant(text: str, name: str) -> datetime:
    """Read an ISO 8601 time with 0 to 7 fraction digits, any offset or none (= UTC) (PC 2.3)."""
    cleaned = text.strip().replace(" ", "T", 1) if "T" not in text else text.replace(" ", "")
    head, dot, tail = cleaned.partition(".")
    if dot:
        digits = len(tail) - len(tail.lstrip("0123456789"))
        cleaned = f"{head}.{tail[: min(digits, 6)]}{tail[digits:]}"
    try:
        at = datetime.fromisoformat(cleaned)
    except ValueError:
        raise invalid(f"{name} must be an ISO 8601 date, got '{text[:40]}'.", code=3000) from None
    if at.tzinfo is None:
        return at.replace(tzinfo=UTC)
    try:
        return at.astimezone(UTC)
    except OverflowError:
        return at.replace(tzinfo=UTC)
