"""The AsyncAPI 3 document of the published contract: one channel per context, one message per event type."""

from collections.abc import Iterable
from typing import Any

import msgspec

from csp_contracts.registry import EventType, published_types
from csp_contracts.schemas import schema_path, tidy

Json = dict[str, Any]

CONTEXTS = ("provisioning", "subscriptions", "identity-sync", "pricing", "billing", "partner-feed")
OPERATION_OWNERS = ("provisioning", "subscriptions", "identity-sync")
"""An operation is a stream of the service that owns its resource, so its events travel on that service's channel."""

PARTITIONS = 12

_PROMISE = """\
Events of the CSP platform as CloudEvents 1.0, in binary mode on Kafka.

- Delivery: at least once; a duplicate carries the same `ce_id`.
- Order: records with the same key (`ce_partitionkey`) arrive in the order they happened, and the versions of one stream
  (`ce_subject`) are contiguous from 1, so that a reader can prove that it missed nothing. No order between streams.
- Retention: for ever; replay by reading from offset 0.
- Growth: a type only gains optional fields; everything else is a new type with the next version in its name.
- Readers ignore fields, values and types that they do not know.
- No personal data beyond ids, never a secret.
"""

_HEADERS: dict[str, tuple[str, bool]] = {
    "ce_specversion": ("Always 1.0.", True),
    "ce_id": ("`<stream>:<version>`; the same for every delivery of the same event.", True),
    "ce_source": ("`/csp/<context>` of the service that owns the stream.", True),
    "ce_type": ("The wire name, with its version.", True),
    "ce_subject": ("The stream: the id of what the event is about.", True),
    "ce_time": ("When it became true (RFC 3339, UTC).", True),
    "ce_recordedtime": ("When we knew (RFC 3339, UTC); never falls within a stream.", True),
    "ce_sequence": ("The version in the stream, 20 digits, contiguous from 1.", True),
    "ce_partitionkey": ("The record's key: tenant, else customer, else reseller.", True),
    "ce_dataschema": ("Where the gateway serves the JSON Schema of the data.", True),
    "ce_reseller": ("The reseller whose data this is.", True),
    "ce_visibility": (
        "Whose feeds may carry it: `customer` or `reseller`; what tells of costs never says `customer`.",
        True,
    ),
    "ce_origin": ("Who caused it: portal, api, microsoft, reconciliation, import, system.", True),
    "ce_authtype": ("What kind of principal acted: app_user, service_account, system.", True),
    "ce_authid": ("The principal that acted.", True),
    "ce_effectivebasis": ("Where `ce_time` was read from: command, audit, webhook, reading.", True),
    "ce_customer": ("The customer as known when the event was written: information, not truth.", False),
    "ce_tenant": ("The tenant inside which it happened.", False),
    "ce_onbehalfof": ("For whom the principal acted.", False),
    "ce_reason": ("Why, in the words of the person or rule.", False),
    "ce_ticket": ("The ticket that a person named with the command.", False),
    "ce_correlationid": ("The operation or request that it belongs to.", False),
    "ce_causationid": ("The event or command that caused it.", False),
    "ce_superseded": ("`true`: a later fact was known already; touches history and billing only.", False),
    "ce_traceparent": ("W3C trace context of whoever recorded it.", False),
    "ce_tracestate": ("W3C trace state of whoever recorded it.", False),
    "ce_tracemade": ("When that trace was running, in real time.", False),
}


def asyncapi_document(version: str) -> Json:
    """The document; `version` is the contracts' release."""
    types = list(published_types())
    refs, schemas = msgspec.json.schema_components(
        [event_type.cls for event_type in types], ref_template="#/components/schemas/{name}"
    )
    messages = {
        event_type.wire_name: _message(event_type, payload)
        for event_type, payload in zip(types, refs, strict=True)
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "CSP platform events",
            "version": version,
            "description": _PROMISE,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {context: _channel(context, types) for context in CONTEXTS},
        "operations": {f"publish-{context}": _operation(context) for context in CONTEXTS},
        "components": {
            "messageTraits": {"cloud-event": {"headers": _headers()}},
            "messages": messages,
            "schemas": dict(sorted(tidy(schemas).items())),
        },
    }


def channels_of(event_type: EventType) -> tuple[str, ...]:
    """The contexts whose topics carry a type."""
    return OPERATION_OWNERS if event_type.context == "operations" else (event_type.context,)


def _channel(context: str, types: Iterable[EventType]) -> Json:
    carried = [event_type.wire_name for event_type in types if context in channels_of(event_type)]
    return {
        "address": f"csp.{context}",
        "title": f"Events of {context}",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in carried},
        "bindings": {
            "kafka": {
                "topic": f"csp.{context}",
                "partitions": PARTITIONS,
                "topicConfiguration": {"cleanup.policy": ["delete"], "retention.ms": -1},
                "bindingVersion": "0.5.0",
            }
        },
    }


def _operation(context: str) -> Json:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{context}"},
        "summary": f"The relay of {context} publishes every event of its public streams.",
    }


def _message(event_type: EventType, payload: Json) -> Json:
    return {
        "name": event_type.wire_name,
        "title": event_type.cls.__name__,
        "contentType": "application/json",
        "traits": [{"$ref": "#/components/messageTraits/cloud-event"}],
        "payload": payload,
        "bindings": {"kafka": {"key": {"type": "string"}, "bindingVersion": "0.5.0"}},
        "x-csp-stream": str(event_type.stream),
        "x-csp-visibility": str(event_type.visibility),
        "x-csp-schema": schema_path(event_type.wire_name),
    }


def _headers() -> Json:
    return {
        "type": "object",
        "properties": {name: {"type": "string", "description": text} for name, (text, _) in _HEADERS.items()},
        "required": [name for name, (_, always) in _HEADERS.items() if always],
    }
