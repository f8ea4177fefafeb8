"""Reads Microsoft's JSON into frozen dataclasses, tolerantly (PC 2.3).

Names match in any casing; unknown members are ignored; absent and null are the same; numbers may be texts; numbers with
a point become decimals, never floats; times come with 0 to 7 digits, with or without an offset, even with blanks.
A word outside a known set is kept as it came (`OpenEnum`). What still cannot be read names its field (`UnreadableField`).
"""

import re
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any, NewType, Self, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import msgspec

T = TypeVar("T")

Guid = NewType("Guid", str)
"""An id of Microsoft's, in lower case: links and bodies differ in case (PC 2.3)."""

_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class UnreadableField(ValueError):
    """A member is missing, or of a form that cannot be read. Names the path, never the value."""

    def __init__(self, path: str, rule: str) -> None:
        super().__init__(f"{path or 'body'}: {rule}")
        self.path = path
        self.rule = rule


class OpenEnum(StrEnum):
    """A set of words that Microsoft may widen at any time; compared without case and underscores."""

    @classmethod
    def _missing_(cls, value: object) -> Self:
        folded = fold(str(value))
        for member in cls:
            if fold(member.value) == folded:
                return member
        stranger = str.__new__(cls, str(value))
        stranger._name_ = "UNRECOGNISED"
        stranger._value_ = str(value)
        return stranger

    @property
    def is_recognised(self) -> bool:
        """Whether the word was known when this was written."""
        return self._name_ != "UNRECOGNISED"


def decode(body: bytes) -> Any:  # Any: JSON of any shape
    """The JSON of a body, or None for an empty one.

    Raises `UnreadableField` for what is not JSON.
    """
    text = body.removeprefix(_BYTE_ORDER_MARK)
    if not text.strip():
        return None
    try:
        return _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        reason = "is not JSON"
    raise UnreadableField("", reason)


def read(kind: type[T], value: object) -> T:
    """A `kind` (dataclass) out of decoded JSON.

    Raises `UnreadableField`.
    """
    return cast("T", _reader(cast("Any", kind))(value, ""))


def member(value: object, name: str) -> Any:  # Any: JSON of any shape
    """One member of an object in any casing; None where there is none."""
    if not isinstance(value, Mapping):
        return None
    if name in value:
        return value[name]
    wanted = fold(name)
    return next((found for key, found in value.items() if fold(str(key)) == wanted), None)


def wire(name: str) -> dict[str, str]:
    """Metadata of a dataclass field whose name on the wire is not its own in camel case."""
    return {"wire": name}


def off_wire() -> dict[str, str]:
    """Metadata of a dataclass field that is no member of the JSON."""
    return {"wire": ""}


@lru_cache(maxsize=4096)
def fold(name: str) -> str:
    """A name without case, underscores, hyphens and blanks."""
    return re.sub(r"[_\-\s]", "", name).lower()


def read_time(text: str, path: str = "time") -> datetime | None:
    """An instant in UTC; None for Microsoft's "no date" (0001-01-01).

    Raises `UnreadableField`.
    """
    found = _TIME.fullmatch(re.sub(r"\s+", " ", text.strip()).replace(" :", ":").replace(": ", ":"))
    if not found:
        raise UnreadableField(path, "is not a time")
    year, month, day, hour, minute, second = (int(found[i] or 0) for i in range(1, 7))
    if year <= 1:
        return None
    micro = int((found[7] or "").ljust(6, "0")[:6])
    try:
        return datetime(year, month, day, hour, minute, second, micro, _offset(found[8])).astimezone(UTC)
    except (ValueError, OverflowError):
        if year == 9999:
            return datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    raise UnreadableField(path, "is not a time")


_TIME = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ] ?(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)? ?(Z|z|[+-]\d{2}:?\d{2})?"
)


def _offset(text: str | None) -> timezone:
    if text is None or text in "Zz":
        return UTC
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[-2:])))


_Reader = Callable[[Any, str], Any]  # Any: JSON in, the field's type out


@cache
def _reader(kind: Any) -> _Reader:  # Any: type annotations have no common type
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _optional(next(each for each in arguments if each is not types.NoneType))
    if origin in (list, tuple):
        return _sequence(arguments[0], origin)
    if origin is dict or kind is dict or kind is object or kind is Any:
        return _raw if origin is not dict or arguments[1] in (Any, object) else _mapping(arguments[1])
    if is_dataclass(kind):
        return _object(cast("type", kind))
    if isinstance(kind, type) and issubclass(kind, OpenEnum):
        return lambda value, path: kind(_text(value, path).strip())
    return _SCALARS[kind]


def _raw(value: Any, _path: str) -> Any:
    return value


def _text(value: Any, path: str) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | Decimal():
            return str(value)
    raise UnreadableField(path, "is not a text")


def _guid(value: Any, path: str) -> str:
    return _text(value, path).strip().lower()


def _decimal(value: Any, path: str) -> Decimal:
    if isinstance(value, int | str | Decimal) and not isinstance(value, bool):
        try:
            number = Decimal(value.strip() if isinstance(value, str) else value)
        except InvalidOperation:
            raise UnreadableField(path, "is not a number") from None
        if number.is_finite():
            return number
    raise UnreadableField(path, "is not a number")


def _integer(value: Any, path: str) -> int:
    number = _decimal(value, path)
    if number == number.to_integral_value():
        return int(number)
    raise UnreadableField(path, "is not a whole number")


def _boolean(value: Any, path: str) -> bool:
    match value:
        case bool():
            return value
        case 0 | 1:
            return bool(value)
        case str() if value.strip().lower() in ("true", "false"):
            return value.strip().lower() == "true"
    raise UnreadableField(path, "is not true or false")


def _time(value: Any, path: str) -> datetime | None:
    return read_time(_text(value, path), path)


_SCALARS: dict[Any, _Reader] = {
    str: _text,
    Guid: _guid,
    int: _integer,
    Decimal: _decimal,
    bool: _boolean,
    datetime: _time,
}


def _optional(kind: Any) -> _Reader:
    inner = _reader(kind)
    blank_is_absent = kind is not str

    def read_optional(value: Any, path: str) -> Any:
        if value is None or (blank_is_absent and isinstance(value, str) and not value.strip()):
            return None
        return inner(value, path)

    return read_optional


def _sequence(kind: Any, shape: Any) -> _Reader:
    inner = _reader(kind)

    def read_sequence(value: Any, path: str) -> Any:
        items = (
            member(value, "items")
            if isinstance(value, Mapping) and member(value, "items") is not None
            else value
        )
        if items is None:
            return shape()
        if isinstance(items, Mapping):  # PC 5.1: documented as a list, sent as one object
            items = [items]
        if not isinstance(items, list):
            raise UnreadableField(path, "is not a list")
        return shape(inner(item, f"{path}[{i}]") for i, item in enumerate(items) if item is not None)

    return read_sequence


def _mapping(kind: Any) -> _Reader:
    inner = _reader(kind)

    def read_mapping(value: Any, path: str) -> Any:
        if not isinstance(value, Mapping):
            raise UnreadableField(path, "is not an object")
        return {str(key): inner(each, f"{path}.{key}") for key, each in value.items() if each is not None}

    return read_mapping


def _object(kind: type) -> _Reader:
    hints = get_type_hints(kind)
    plan = [
        (
            each.name,
            each.metadata.get("wire", "".join(_camel(each.name))),
            fold(each.metadata.get("wire", each.name)),
            _reader(hints[each.name]),
            each.default is not MISSING or each.default_factory is not MISSING,
        )
        for each in fields(kind)
        if each.name != "raw" and each.metadata.get("wire") != ""
    ]
    keeps_raw = any(each.name == "raw" for each in fields(kind))

    def read_object(value: Any, path: str) -> Any:
        if isinstance(value, list) and len(value) == 1:  # PC 5.1: the same the other way round
            value = value[0]
        if not isinstance(value, Mapping):
            raise UnreadableField(path, "is not an object")
        members = {fold(str(key)): each for key, each in value.items() if each is not None}
        found: dict[str, Any] = {"raw": value} if keeps_raw else {}
        for name, shown, folded, inner, has_default in plan:
            here = f"{path}.{shown}" if path else shown
            if folded in members:
                read_value = inner(members[folded], here)
                if read_value is not None or not has_default:
                    found[name] = read_value
            elif not has_default:
                raise UnreadableField(here, "is missing")
        return kind(**found)

    return read_object


def _camel(name: str) -> list[str]:
    first, *rest = name.split("_")
    return [first, *(part.capitalize() for part in rest)]
