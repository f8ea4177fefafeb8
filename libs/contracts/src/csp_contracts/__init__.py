"""The published events: dataclasses, envelope, codec, upcasters, schemas."""

from csp_contracts.codec import decode_event, encode_event
from csp_contracts.envelope import Meta, Origin, Recorded, Visibility
from csp_contracts.errors import ContractError, UndecodableEvent, UnknownEventType
from csp_contracts.registry import EventType, event, type_named, type_of

__all__ = [
    "ContractError",
    "EventType",
    "Meta",
    "Origin",
    "Recorded",
    "UndecodableEvent",
    "UnknownEventType",
    "Visibility",
    "decode_event",
    "encode_event",
    "event",
    "type_named",
    "type_of",
]
