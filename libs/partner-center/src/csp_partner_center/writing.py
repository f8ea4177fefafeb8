"""Request bodies: camel case, nulls left out, decimals as numbers (PC 2.3). Secrets are revealed only here."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import msgspec

from csp_partner_center.reading import fold
from csp_partner_center.secrets import Secret

_ENCODER = msgspec.json.Encoder(decimal_format="number")


def encode(value: object) -> bytes:
    """A body; the same value gives the same bytes."""
    return _ENCODER.encode(plain(value))


def plain(value: object) -> Any:  # Any: JSON of any shape
    """Dataclasses as objects in camel case, without their nulls."""
    match value:
        case Secret():
            return value.reveal()
        case Enum():
            return value.value
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        case date():
            return value.isoformat()
        case None | str() | int() | Decimal():
            return value
        case Mapping():
            return {str(key): plain(each) for key, each in value.items()}
        case list() | tuple():
            return [plain(each) for each in value]
    if is_dataclass(value) and not isinstance(value, type):
        found = {
            each.metadata.get("wire", camel(each.name)): getattr(value, each.name)
            for each in fields(value)
            if each.name != "raw"
        }
        return {name: plain(each) for name, each in found.items() if each is not None}
    raise TypeError(f"{type(value).__name__} has no form on the wire")


def camel(name: str) -> str:
    """`friendly_name` as `friendlyName`."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def changed(resource: Mapping[str, Any], changes: Mapping[str, object]) -> dict[str, Any]:
    """A resource as it was read with some members changed in place, in the casing they came in; all others untouched."""
    whole = dict(resource)
    names = {fold(name): name for name in whole}
    for name, value in changes.items():
        whole[names.get(fold(name), name)] = plain(value)
    return whole
