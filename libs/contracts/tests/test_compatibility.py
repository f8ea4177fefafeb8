"""The release gate of the contract: what an older reader survives passes, everything else is named and refused."""

import copy
import json
from pathlib import Path

import pytest

from csp_contracts.compatibility import breaks
from csp_contracts.schemas import all_schemas

RELEASED = Path(__file__).parents[1] / "released.json"
NAME = "csp.subscriptions.quantity-changed.v1"
LOT = f"{NAME}/seat_lots/*"


@pytest.fixture
def now():
    return copy.deepcopy(all_schemas())


@pytest.fixture
def definitions(now):
    return now[NAME]["$defs"]


def refused(now):
    return [str(found) for found in breaks(all_schemas(), now)]


def test_the_contract_of_today_keeps_the_promises_of_the_last_release():
    found = [
        str(refused) for refused in breaks(json.loads(RELEASED.read_text(encoding="utf-8")), all_schemas())
    ]
    assert found == [], (
        "publish a new version of the type; while nothing is released yet: `csp contracts release`"
    )


def test_nothing_changed_passes(now):
    assert refused(now) == []


def test_a_new_type_passes(now):
    now["csp.subscriptions.quantity-guessed.v1"] = now[NAME]
    assert refused(now) == []


def test_a_new_optional_field_passes_also_inside_a_list(now, definitions):
    definitions["QuantityChanged"]["properties"]["note"] = {"type": "string", "default": ""}
    definitions["SeatLot"]["properties"]["note"] = {"type": "string", "default": ""}
    assert refused(now) == []


def test_new_words_of_description_pass(now, definitions):
    definitions["SeatLot"]["description"] = "Said better."
    assert refused(now) == []


def test_a_renamed_definition_passes_because_the_wire_does_not_carry_its_name(now, definitions):
    definitions["Lot"] = definitions.pop("SeatLot")
    definitions["QuantityChanged"]["properties"]["seat_lots"]["items"] = {"$ref": "#/$defs/Lot"}
    assert refused(now) == []


def test_a_removed_type_is_refused(now):
    del now[NAME]
    assert refused(now) == [f"{NAME}: the type was removed"]


def test_a_removed_or_renamed_field_is_refused(now, definitions):
    fields = definitions["QuantityChanged"]["properties"]
    fields["seats"] = fields.pop("quote")
    assert refused(now) == [f"{NAME}/quote: the field was removed or renamed"]


def test_a_new_required_field_is_refused(now, definitions):
    definitions["SeatLot"]["properties"]["price"] = {"type": "integer"}
    definitions["SeatLot"]["required"].append("price")
    assert refused(now) == [f"{LOT}/price: a new field must be optional"]


def test_an_optional_field_that_becomes_required_is_refused(now, definitions):
    definitions["QuantityChanged"]["required"].append("quote")
    assert refused(now) == [f"{NAME}/quote: was optional and is now required"]


def test_a_required_field_that_becomes_optional_is_refused(now, definitions):
    definitions["QuantityChanged"]["required"].remove("quantity")
    assert refused(now) == [f"{NAME}/quantity: was required and may now be absent"]


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("quantity", {"type": "string"}),
        ("quantity", {"type": "integer", "maximum": 300}),
        ("quantity", {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        ("quote", {"$ref": "#/$defs/AcceptedQuote"}),
        ("seat_lots", {"type": "array"}),
    ],
)
def test_a_field_of_another_type_is_refused(now, definitions, field, changed):
    definitions["QuantityChanged"]["properties"][field] = changed
    (only,) = breaks(all_schemas(), now)
    assert only.where == f"{NAME}/{field}"


def test_another_default_is_refused_because_it_gives_old_records_another_meaning(now):
    definitions = now["csp.subscriptions.subscription-created.v1"]["$defs"]
    definitions["SubscriptionCreated"]["properties"]["auto_renew"]["default"] = False
    assert len(refused(now)) == 1


@pytest.mark.parametrize(("promise", "value"), [("x-csp-stream", "ten"), ("x-csp-visibility", "reseller")])
def test_another_stream_or_visibility_is_refused(now, promise, value):
    now[NAME][promise] = value
    assert len(refused(now)) == 1
