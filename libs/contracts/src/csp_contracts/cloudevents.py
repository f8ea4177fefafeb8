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

from csp_contracts.envelope import Meta
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


def to_headers(envelope: Envelope) -> Headers:
    """The record headers of binary mode. Raises `UnknownEventType` where the wire name is not registered."""
    headers = list(_fixed_headers(envelope.context, envelope.wire_name))
    headers += [(f"ce_{name}", value.encode()) for name, value in _attributes(envelope)]
    return headers


def from_headers(headers: Iterable[tuple[str, bytes]]) -> Envelope:
    """The envelope behind record headers; `MalformedCloudEvent` names the attribute that is missing or wrong."""
    try:
        return _envelope({name[3:]: value.decode() for name, value in headers if name.startswith("ce_")})
    except UnicodeDecodeError as fault:
        raise MalformedCloudEvent("headers", "must be UTF-8") from fault


def to_structured(envelope: Envelope, data: bytes) -> bytes:
    """One JSON object with the data inside; `data` is the event's JSON."""
    fixed = _fixed_attributes(envelope.context, envelope.wire_name)
    document: dict[str, Any] = {**fixed, **dict(_attributes(envelope))}
    if envelope.meta.superseded:
        document["superseded"] = True
    return msgspec.json.encode({**document, "data": msgspec.Raw(data)})


def from_structured(document: bytes) -> tuple[Envelope, bytes]:
    """The envelope and the data's JSON; `MalformedCloudEvent` names the attribute that is missing or wrong."""
    try:
        parts = msgspec.json.decode(document, type=dict[str, msgspec.Raw])
        data = bytes(parts.pop("data"))
        attributes = {
            name: "true" if (text := bytes(value)) == b"true" else msgspec.json.decode(text, type=str)
            for name, value in parts.items()
            if name in _READ
        }
    except KeyError:
        raise MalformedCloudEvent("data", "is missing") from None
    except msgspec.DecodeError as fault:
        raise MalformedCloudEvent("document", "must be a JSON object of strings") from fault
    return _envelope(attributes), data


@cache
def _fixed_attributes(context: str, wire_name: str) -> dict[str, str]:
    return {
        "specversion": "1.0",
        "source": _SOURCE + context,
        "type": wire_name,
        "datacontenttype": "application/json",
        "dataschema": schema_path(wire_name),
        "visibility": str(type_named(wire_name).visibility),
    }


@cache
def _fixed_headers(context: str, wire_name: str) -> tuple[tuple[str, bytes], ...]:
    # The Kafka binding maps `datacontenttype` to the plain header `content-type`.
    return tuple(
        ("content-type" if name == "datacontenttype" else f"ce_{name}", value.encode())
        for name, value in _fixed_attributes(context, wire_name).items()
    )


def _attributes(envelope: Envelope) -> list[tuple[str, str]]:
    meta = envelope.meta
    attributes = [
        ("id", f"{envelope.stream}:{envelope.version}"),
        ("subject", envelope.stream),
        ("time", _timestamp(meta.effective_at)),
        ("recordedtime", _timestamp(meta.recorded_at)),
        ("sequence", f"{envelope.version:020d}"),
        ("partitionkey", meta.partition_key),
        ("reseller", meta.reseller),
        ("origin", meta.origin),
        ("authtype", _authtype(meta.actor)),
        ("authid", meta.actor),
        ("effectivebasis", meta.effective_basis),
    ]
    for name, value in (
        ("customer", meta.customer),
        ("tenant", meta.tenant),
        ("onbehalfof", meta.on_behalf_of),
        ("reason", meta.reason),
        ("correlationid", meta.correlation_id),
        ("causationid", meta.causation_id),
    ):
        if value:  # CloudEvents knows no empty attribute
            attributes.append((name, value))
    if meta.superseded:
        attributes.append(("superseded", "true"))
    attributes += [(name, meta.trace[key]) for name, key in _TRACE.items() if key in meta.trace]
    return attributes


def _authtype(actor: str) -> str:
    """The kind of principal, in the words of CloudEvents' authcontext extension."""
    if actor == "system":
        return "system"
    return "service_account" if actor.startswith("service:") else "app_user"


def _timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()[:-6] + "Z"


_READ = frozenset(
    [
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
        "customer",
        "tenant",
        "onbehalfof",
        "reason",
        "correlationid",
        "causationid",
        "superseded",
        "traceparent",
        "tracestate",
        "tracemade",
    ]
)


def _envelope(attributes: Mapping[str, str]) -> Envelope:
    try:
        stream, _, version = attributes["id"].rpartition(":")
        source = attributes["source"]
        envelope = Envelope(
            context=source.removeprefix(_SOURCE),
            wire_name=attributes["type"],
            stream=stream,
            version=int(version),
            meta=Meta(
                reseller=attributes["reseller"],
                partition_key=attributes["partitionkey"],
                effective_at=_moment("time", attributes["time"]),
                recorded_at=_moment("recordedtime", attributes["recordedtime"]),
                origin=attributes["origin"],
                actor=attributes["authid"],
                tenant=attributes.get("tenant"),
                customer=attributes.get("customer"),
                on_behalf_of=attributes.get("onbehalfof"),
                reason=attributes.get("reason"),
                correlation_id=attributes.get("correlationid"),
                causation_id=attributes.get("causationid"),
                effective_basis=attributes["effectivebasis"],
                superseded=attributes.get("superseded") == "true",
                trace={key: attributes[name] for name, key in _TRACE.items() if name in attributes},
            ),
        )
    except KeyError as fault:
        raise MalformedCloudEvent(fault.args[0], "is missing") from None
    except ValueError as fault:
        raise MalformedCloudEvent("id", "must read <stream>:<version>") from fault
    if not source.startswith(_SOURCE):
        raise MalformedCloudEvent("source", "must read /csp/<context>")
    if not stream or envelope.version < 1:
        raise MalformedCloudEvent("id", "must read <stream>:<version>, the version from 1")
    return envelope


def _moment(attribute: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise MalformedCloudEvent(attribute, "must be an RFC 3339 time") from None
    if moment.tzinfo is None:
        raise MalformedCloudEvent(attribute, "must name its offset from UTC")
    return moment
