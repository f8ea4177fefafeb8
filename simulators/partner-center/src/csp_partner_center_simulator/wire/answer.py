"""Answers and their JSON forms: camelCase or PascalCase, no nulls, decimals as numbers (PC 2.3, 14.4)."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import msgspec

_encoder = msgspec.json.Encoder(decimal_format="number")
NO_DATE = "0001-01-01T00:00:00"


@dataclass(slots=True)
class Answer:
    """A status, a JSON body (or bytes with their own content type), and headers of its own."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json; charset=utf-8"
    nulls: bool = (
        False  # Graph writes the properties of a user that are empty as null; Partner Center leaves them out
    )


def instant(at: datetime | None) -> str | None:
    """Write a time as .NET does: up to seven fraction digits, trailing zeros cut, `Z`."""
    if at is None:
        return None
    text = at.strftime("%Y-%m-%dT%H:%M:%S")
    if at.microsecond:
        # The virtual clock counts microseconds; the seventh digit is made of the others, so a time always looks the same.
        text += f".{at.microsecond:06d}{at.microsecond * 7 % 10}".rstrip("0")
    return text + "Z"


def instant_of_ticks(at: datetime, ticks: int) -> str:
    """Write a time with the seven digits of its ticks."""
    return f"{at.strftime('%Y-%m-%dT%H:%M:%S')}.{ticks % 10_000_000:07d}Z"


def day(value: date) -> str:
    """Write a day as midnight UTC."""
    return f"{value.isoformat()}T00:00:00Z"


def link(uri: str, method: str = "GET", headers: list[dict[str, str]] | None = None) -> dict[str, Any]:
    """Make a link: without host and without `/v1` (PC 2.6)."""
    return {"uri": uri, "method": method, "headers": headers or []}


def attributes(kind: str, etag: str | None = None) -> dict[str, Any]:
    """Make the `attributes` of a resource."""
    return {"etag": etag, "objectType": kind}


def collection(
    items: list[Any],
    self_uri: str,
    *,
    total: int | None = None,
    next_link: dict[str, Any] | None = None,
    previous_link: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Make a collection; `totalCount` counts this page unless told otherwise (PC 2.4)."""
    return {
        "totalCount": len(items) if total is None else total,
        "items": items,
        "links": {"self": link(self_uri), "next": next_link, "previous": previous_link},
        "attributes": {"objectType": "Collection"},
    }


def without_nulls(value: Any) -> Any:
    """Leave out members that are null."""
    if isinstance(value, dict):
        return {name: without_nulls(member) for name, member in value.items() if member is not None}
    if isinstance(value, list):
        return [without_nulls(member) for member in value]
    return value


def pascal(value: Any) -> Any:
    """Write member names in PascalCase."""
    if isinstance(value, dict):
        return {name[:1].upper() + name[1:]: pascal(member) for name, member in value.items()}
    if isinstance(value, list):
        return [pascal(member) for member in value]
    return value


def encode(body: Any, *, casing: str = "camel", byte_order_mark: bool = False, nulls: bool = False) -> bytes:
    """Encode a JSON body; members that are null are left out unless `nulls` keeps them."""
    body = body if nulls else without_nulls(body)
    if casing == "pascal":
        body = pascal(body)
    encoded = _encoder.encode(body)
    return b"\xef\xbb\xbf" + encoded if byte_order_mark else encoded
