"""For every version ever published a golden sample exists, and it decodes for ever without losing a field."""

import json
from pathlib import Path

import pytest

from csp_contracts import decode_event, encode_event
from csp_contracts.cloudevents import from_structured
from csp_contracts.registry import published_types
from csp_contracts.upcasters import has_upcaster

GOLDEN = Path(__file__).parents[1] / "golden"
SAMPLES = sorted(GOLDEN.glob("*.json"))


def test_every_published_type_has_a_sample():
    assert {event_type.wire_name for event_type in published_types()} <= {path.stem for path in SAMPLES}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_decodes_and_keeps_every_field(sample):
    envelope, data = from_structured(sample.read_bytes())
    assert envelope.wire_name == sample.stem
    _, again = encode_event(decode_event(envelope.wire_name, data))
    written, read = json.loads(data), json.loads(again)
    if not has_upcaster(envelope.wire_name):  # a newer version may have other fields
        assert {key: read.get(key) for key in written} == written
