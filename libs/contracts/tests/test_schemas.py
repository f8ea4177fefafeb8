"""The committed JSON Schemas are what the code says, and they describe what the codec writes."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from csp_contracts.registry import published_types
from csp_contracts.schemas import all_schemas, render

CONTRACTS = Path(__file__).parents[1]
SCHEMAS = CONTRACTS / "schemas"
GOLDEN = CONTRACTS / "golden"


def test_the_committed_schemas_are_what_the_code_says():
    committed = {path.stem: path.read_text(encoding="utf-8") for path in SCHEMAS.glob("*.json")}
    assert committed == {name: render(schema) for name, schema in all_schemas().items()}, (
        "run `make contracts`"
    )


@pytest.mark.parametrize("wire_name", [event_type.wire_name for event_type in published_types()])
def test_a_sample_satisfies_the_schema_of_its_type_and_a_sample_without_its_first_field_does_not(wire_name):
    schema = all_schemas()[wire_name]
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    data = json.loads((GOLDEN / f"{wire_name}.json").read_text(encoding="utf-8"))["data"]
    validator.validate(data)
    data.pop(next(iter(data)))
    assert not validator.is_valid(data)


def test_every_moment_names_its_format():
    lot = all_schemas()["csp.subscriptions.quantity-changed.v1"]["$defs"]["SeatLot"]
    assert lot["properties"]["refundable_until"] == {"type": "string", "format": "date-time"}
