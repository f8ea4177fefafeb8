"""Which class carries which wire name. Wire names never change; classes may move."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, is_dataclass
from typing import Any, TypeVar

import msgspec

from csp_contracts.envelope import Visibility
from csp_contracts.errors import UnknownEventType
from csp_contracts.ids import Kind

C = TypeVar("C", bound=type)

_WIRE_NAME = re.compile(r"csp\.[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z]+)*\.v[1-9][0-9]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType:
    """One published type. `stream` is the kind of stream it lives in; private types never leave their service.

    `visibility` is the widest that an event of this type can have.
    """

    wire_name: str
    cls: type[Any]
    stream: Kind
    visibility: Visibility
    public: bool

    @property
    def context(self) -> str:
        """The bounded context in the wire name: `csp.<context>.<event>.v<n>`."""
        return self.wire_name.split(".")[1]

    def visibility_of(self, data: bytes | msgspec.Raw) -> Visibility:
        """Whose feeds may carry the event with these data (JSON): what tells of costs is for the reseller alone."""
        if self.visibility is Visibility.RESELLER or "ledger" not in self.cls.__dataclass_fields__:
            return self.visibility
        ledger = msgspec.json.decode(data, type=_OfLedger).ledger
        return self.visibility if ledger == "sell" else Visibility.RESELLER


class _OfLedger(msgspec.Struct):
    ledger: str = ""


_by_name: dict[str, EventType] = {}
_by_class: dict[type[Any], EventType] = {}


def event(
    wire_name: str,
    *,
    stream: Kind,
    visibility: Visibility = Visibility.CUSTOMER,
    public: bool = True,
) -> Callable[[C], C]:
    """Give a dataclass its wire name; a name is given once and for ever."""

    def register(cls: C) -> C:
        if not is_dataclass(cls):
            raise TypeError(f"{cls.__name__} must be a dataclass")
        if not _WIRE_NAME.fullmatch(wire_name):
            raise ValueError(f"{wire_name} must read csp.<context>.<event>.v<number>")
        if wire_name in _by_name and _by_name[wire_name].cls.__qualname__ != cls.__qualname__:
            raise ValueError(f"{wire_name} already names {_by_name[wire_name].cls.__qualname__}")
        event_type = EventType(
            wire_name=wire_name, cls=cls, stream=stream, visibility=visibility, public=public
        )
        _by_name[wire_name] = event_type
        _by_class[cls] = event_type
        return cls

    return register


def type_of(cls: type[Any]) -> EventType:
    """The registration of a class; `UnknownEventType` if it has none."""
    try:
        return _by_class[cls]
    except KeyError:
        raise UnknownEventType(cls.__qualname__) from None


def type_named(wire_name: str) -> EventType:
    """The registration of a wire name; `UnknownEventType` if it has none."""
    try:
        return _by_name[wire_name]
    except KeyError:
        raise UnknownEventType(wire_name) from None


def all_types() -> Iterator[EventType]:
    """Every registered type, by wire name; a service's private types too, once their module is imported."""
    return iter(sorted(_by_name.values(), key=lambda event_type: event_type.wire_name))


def published_types() -> Iterator[EventType]:
    """The types of the published contract, by wire name: public, and declared in this package."""
    import csp_contracts.event_types  # noqa: F401, PLC0415  # registers them; at the top it would be circular

    own = f"{__package__}."
    return (kind for kind in all_types() if kind.public and kind.cls.__module__.startswith(own))
