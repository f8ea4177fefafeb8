"""JSON Schema (2020-12) of every published event type: what `csp contracts schemas` prints and a release freezes."""

import json
from inspect import cleandoc
from typing import Any

import msgspec

from csp_contracts.registry import EventType, published_types

Json = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_path(wire_name: str) -> str:
    """The `dataschema` of a CloudEvent, and where the gateway serves it."""
    return f"/v1/schemas/{wire_name}.json"


def schema_of(event_type: EventType) -> Json:
    """The schema of one type's data. `x-csp-…` tell what its envelope promises: stream, visibility."""
    schema = tidy(msgspec.json.schema(event_type.cls))
    return {
        "$schema": DIALECT,
        "$id": schema_path(event_type.wire_name),
        "x-csp-stream": str(event_type.stream),
        "x-csp-visibility": str(event_type.visibility),
        **schema,
    }


def all_schemas() -> dict[str, Json]:
    """Wire name to schema, for the whole published contract."""
    return {event_type.wire_name: schema_of(event_type) for event_type in published_types()}


def render(document: Json) -> str:
    """The text that is committed."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def tidy(schema: Any) -> Any:
    """A schema whose descriptions have lost the indentation of the docstrings they came from."""
    match schema:
        case dict():
            return {
                key: cleandoc(value) if key == "description" and isinstance(value, str) else tidy(value)
                for key, value in schema.items()
            }
        case list():
            return [tidy(item) for item in schema]
        case _:
            return schema
