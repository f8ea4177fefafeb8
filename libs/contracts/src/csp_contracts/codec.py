"""Events to bytes and back, by msgspec. Readers ignore unknown fields; a missing required one is named."""

from collections.abc import Callable
from typing import Any

import msgspec

from csp_contracts.envelope import Instant, Meta
from csp_contracts.errors import UndecodableEvent
from csp_contracts.registry import type_named, type_of
from csp_contracts.upcasters import has_upcaster, upcast

_encoder = msgspec.json.Encoder()


class Stored(msgspec.Struct, gc=False):
    """What lies in the store's `state` column: the two halves, not yet decoded."""

    data: msgspec.Raw
    meta: msgspec.Raw


class Times(msgspec.Struct, gc=False):
    """When an event became true and when we knew: of its meta, all that a fold of the log asks for."""

    effective_at: Instant
    recorded_at: Instant


_stored_decoder = msgspec.json.Decoder(Stored)
_meta_decoder = msgspec.json.Decoder(Meta)
_times_decoder = msgspec.json.Decoder(Times)
_decoders: dict[type[Any], msgspec.json.Decoder[Any]] = {}


def _decoder(cls: type[Any]) -> msgspec.json.Decoder[Any]:
    if cls not in _decoders:
        _decoders[cls] = msgspec.json.Decoder(cls)
    return _decoders[cls]


def encode_event(data: object) -> tuple[str, bytes]:
    """The wire name and the JSON of an event; `UnknownEventType` if its class is not registered."""
    return type_of(type(data)).wire_name, _encoder.encode(data)


def decode_event(wire_name: str, data: bytes | msgspec.Raw) -> Any:
    """The event behind a wire name, carried to its newest version.

    Raises `UnknownEventType` for a name that is not registered, `UndecodableEvent` for data that do not fit.
    """
    try:
        if has_upcaster(wire_name):
            return _decode_older(wire_name, data)
        return _decoder(type_named(wire_name).cls).decode(data)
    except msgspec.DecodeError as fault:
        raise UndecodableEvent(wire_name, str(fault)) from fault


def _decode_older(wire_name: str, data: bytes | msgspec.Raw) -> Any:
    fields = msgspec.json.decode(data, type=dict[str, Any])
    try:
        newest_name, fields = upcast(wire_name, fields)
    except (LookupError, TypeError, ValueError, AttributeError) as fault:  # the step met data it cannot carry
        raise UndecodableEvent(wire_name, f"cannot be carried to its newest version: {fault!r}") from fault
    return msgspec.convert(fields, type_named(newest_name).cls)


def encode_meta(meta: Meta) -> bytes:
    """The JSON of an event's meta."""
    return _encoder.encode(meta)


def meta_encoder(shared: Meta) -> Callable[[str, str | None], bytes]:
    """`encode_meta` for thousands of metas that differ in partition key and customer alone, without making each of them."""
    fields = msgspec.to_builtins(shared)

    def encode(partition_key: str, customer: str | None) -> bytes:
        return _encoder.encode({**fields, "partition_key": partition_key, "customer": customer})

    return encode


def decode_meta(meta: bytes | msgspec.Raw) -> Meta:
    """The meta behind its JSON; `UndecodableEvent` where it does not fit."""
    try:
        return _meta_decoder.decode(meta)
    except msgspec.DecodeError as fault:
        raise UndecodableEvent("meta", str(fault)) from fault


def decode_times(meta: bytes | msgspec.Raw) -> Times:
    """The times in a meta's JSON, without the rest; `UndecodableEvent` where they are not there."""
    try:
        return _times_decoder.decode(meta)
    except msgspec.DecodeError as fault:
        raise UndecodableEvent("meta", str(fault)) from fault


def join_state(data: bytes, meta: bytes) -> bytes:
    """The store's `state` column: `{"data": …, "meta": …}`."""
    return b'{"data":%b,"meta":%b}' % (data, meta)


def split_state(state: bytes) -> Stored:
    """The two halves of a `state` column, still encoded; `UndecodableEvent` where it is no such thing."""
    try:
        return _stored_decoder.decode(state)
    except msgspec.DecodeError as fault:
        raise UndecodableEvent("state", str(fault)) from fault
