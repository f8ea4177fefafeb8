"""An event as a CloudEvent 1.0: binary mode (`ce_` headers, as on Kafka) and structured mode (one JSON object).

Both carry everything a reader needs to rebuild the `Meta`. Of the trace carrier only the W3C trace context travels: baggage
may hold anything.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import msgspec

from csp_contracts.envelope import Instant, Meta, Visibility
from csp_contracts.errors import MalformedCloudEvent
from csp_contracts.registry import type_named
from csp_contracts.schemas import schema_path

Headers = list[tuple[str, bytes]]

_SOURCE = "/csp/"
_TRACE = {"traceparent": "traceparent", "tracestate": "tracestate", "tracemade": "made"}
"""Attribute to key of the stored carrier; `made` is the real time at which the trace was running."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What surrounds an event's data on the wire. `context` owns the stream; `version` counts from 1 without gaps."""

    context: str
    wire_name: str
    stream: str
    version: int
    meta: Meta


def to_headers(envelope: Envelope, data: bytes) -> Headers:
    """The record headers of binary mode; `data` is the event's JSON, from which only its visibility is read.

    Raises `UnknownEventType` where the wire name is not registered.
    """
    headers = [(_HEADER[name], value.encode()) for name, value in _attributes(envelope)]
    visibility = type_named(envelope.wire_name).visibility_of(data)
    headers += _fixed_headers(envelope.context, envelope.wire_name, visibility)
    return headers


def from_headers(headers: Iterable[tuple[str, bytes]]) -> Envelope:
    """The envelope behind record headers; `MalformedCloudEvent` names the attribute that is missing or wrong."""
    try:
        return _envelope(
            {_FIELD_OF_HEADER[name]: raw.decode() for name, raw in headers if name in _FIELD_OF_HEADER}
        )
    except UnicodeDecodeError as fault:
        raise MalformedCloudEvent("headers", "must be UTF-8") from fault


def to_structured(envelope: Envelope, data: bytes) -> bytes:
    """One JSON object with the data inside; `data` is the event's JSON."""
    visibility = type_named(envelope.wire_name).visibility_of(data)
    fixed = _fixed_attributes(envelope.context, envelope.wire_name, visibility)
    document: dict[str, Any] = {**fixed, **dict(_attributes(envelope))}
    if envelope.meta.superseded:
        document["superseded"] = True
    return msgspec.json.encode({**document, "data": msgspec.Raw(data)})


def from_structured(document: bytes) -> tuple[Envelope, bytes]:
    """The envelope and the data's JSON; `MalformedCloudEvent` names the attribute that is missing or wrong."""
    try:
        parts = msgspec.json.decode(document, type=dict[str, msgspec.Raw])
        data = bytes(parts.pop("data"))
        fields = {
            _FIELD[name]: "true" if (text := bytes(value)) == b"true" else msgspec.json.decode(text, type=str)
            for name, value in parts.items()
            if name in _FIELD
        }
    except KeyError:
        raise MalformedCloudEvent("data", "is missing") from None
    except msgspec.DecodeError as fault:
        raise MalformedCloudEvent("document", "must be a JSON object of strings") from fault
    return _envelope(fields), data


@cache
def _fixed_attributes(context: str, wire_name: str, visibility: Visibility) -> dict[str, str]:
    return {
        "specversion": "1.0",
        "source": _SOURCE + context,
        "type": wire_name,
        "datacontenttype": "application/json",
        "dataschema": schema_path(wire_name),
        "visibility": str(visibility),
    }


@cache
def _fixed_headers(context: str, wire_name: str, visibility: Visibility) -> tuple[tuple[str, bytes], ...]:
    # The Kafka binding maps `datacontenttype` to the plain header `content-type`.
    return tuple(
        ("content-type" if name == "datacontenttype" else f"ce_{name}", value.encode())
        for name, value in _fixed_attributes(context, wire_name, visibility).items()
    )


def _attributes(envelope: Envelope) -> list[tuple[str, str]]:
    meta = envelope.meta
    stream, version = envelope.stream, envelope.version
    effective_at = _timestamp(meta.effective_at)
    attributes = [
        ("id", f"{stream}:{version}"),
        ("subject", stream),
        ("time", effective_at),
        (
            "recordedtime",
            effective_at if meta.recorded_at == meta.effective_at else _timestamp(meta.recorded_at),
        ),
        ("sequence", f"{version:020d}"),
        ("partitionkey", meta.partition_key),
        ("reseller", meta.reseller),
        ("origin", meta.origin),
        ("authtype", _authtype(meta.actor)),
        ("authid", meta.actor),
        ("effectivebasis", meta.effective_basis),
    ]
    # CloudEvents knows no empty attribute.
    if meta.customer:
        attributes.append(("customer", meta.customer))
    if meta.tenant:
        attributes.append(("tenant", meta.tenant))
    if meta.on_behalf_of:
        attributes.append(("onbehalfof", meta.on_behalf_of))
    if meta.reason:
        attributes.append(("reason", meta.reason))
    if meta.ticket:
        attributes.append(("ticket", meta.ticket))
    if meta.correlation_id:
        attributes.append(("correlationid", meta.correlation_id))
    if meta.causation_id:
        attributes.append(("causationid", meta.causation_id))
    if meta.superseded:
        attributes.append(("superseded", "true"))
    if meta.trace:
        attributes += [(name, meta.trace[key]) for name, key in _TRACE.items() if key in meta.trace]
    return attributes


def _authtype(actor: str) -> str:
    """The kind of principal, in the words of CloudEvents' authcontext extension."""
    if actor == "system":
        return "system"
    return "service_account" if actor.startswith("service:") else "app_user"


def _timestamp(moment: datetime) -> str:
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return _encode(utc)[1:-1].decode()


_encode = msgspec.json.Encoder().encode

_FIELD = {
    "time": "effective_at",
    "recordedtime": "recorded_at",
    "partitionkey": "partition_key",
    "reseller": "reseller",
    "origin": "origin",
    "authid": "actor",
    "effectivebasis": "effective_basis",
    "customer": "customer",
    "tenant": "tenant",
    "onbehalfof": "on_behalf_of",
    "reason": "reason",
    "ticket": "ticket",
    "correlationid": "correlation_id",
    "causationid": "causation_id",
    "superseded": "superseded",
    **{name: name for name in ("id", "source", "type", *_TRACE)},
}
"""Attribute to field of the meta; the last ones are taken out by name. Attributes that follow from these are not read."""

_HEADER = {name: f"ce_{name}" for name in (*_FIELD, "subject", "sequence", "authtype")}
_FIELD_OF_HEADER = {f"ce_{name}": field for name, field in _FIELD.items()}
_REQUIRED = (
    "id",
    "source",
    "type",
    "time",
    "recordedtime",
    "partitionkey",
    "reseller",
    "origin",
    "authid",
    "effectivebasis",
)


def _envelope(fields: dict[str, Any]) -> Envelope:
    """`fields` are those of the meta, as text, and the attributes that are none; the codec makes the meta of them."""
    if fields.keys().isdisjoint(_TRACE):
        fields["trace"] = {}
    else:
        fields["trace"] = {key: fields[name] for name, key in _TRACE.items() if name in fields}
    if "superseded" in fields:
        fields["superseded"] = fields["superseded"] == "true"
    try:
        stream, _, version = fields["id"].rpartition(":")
        envelope = Envelope(
            context=fields["source"].removeprefix(_SOURCE),
            wire_name=fields["type"],
            stream=stream,
            version=int(version),
            meta=msgspec.convert(fields, Meta),
        )
    except (KeyError, msgspec.ValidationError) as fault:
        raise _what_is_wrong(fields) from fault
    except ValueError as fault:
        raise MalformedCloudEvent("id", "must read <stream>:<version>") from fault
    if not fields["source"].startswith(_SOURCE):
        raise MalformedCloudEvent("source", "must read /csp/<context>")
    if not stream or envelope.version < 1:
        raise MalformedCloudEvent("id", "must read <stream>:<version>, the version from 1")
    return envelope


def _what_is_wrong(fields: Mapping[str, Any]) -> MalformedCloudEvent:
    for attribute in _REQUIRED:
        if _FIELD[attribute] not in fields:
            return MalformedCloudEvent(attribute, "is missing")
        if not fields[_FIELD[attribute]]:
            return MalformedCloudEvent(attribute, "must not be empty")
    for attribute in ("time", "recordedtime"):
        try:
            msgspec.convert(fields[_FIELD[attribute]], Instant)
        except msgspec.ValidationError:
            return MalformedCloudEvent(attribute, "must be an RFC 3339 time with its offset from UTC")
    return MalformedCloudEvent("attributes", "do not fit")
