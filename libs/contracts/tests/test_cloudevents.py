"""Every envelope survives both CloudEvents modes, and a record that is not ours is refused by name."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csp_contracts import UnknownEventType
from csp_contracts.cloudevents import Envelope, from_headers, from_structured, to_headers, to_structured
from csp_contracts.envelope import Meta
from csp_contracts.errors import MalformedCloudEvent
from csp_contracts.registry import published_types

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=30)
MOMENT = st.datetimes(
    min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1),  # noqa: DTZ001  # the zone is drawn beside it
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=2))]),
)  # fmt: skip
META = st.builds(
    Meta,
    reseller=TEXT,
    partition_key=TEXT,
    effective_at=MOMENT,
    recorded_at=MOMENT,
    origin=TEXT,
    actor=TEXT,
    tenant=st.none() | TEXT,
    customer=st.none() | TEXT,
    on_behalf_of=st.none() | TEXT,
    reason=st.none() | TEXT,
    correlation_id=st.none() | TEXT,
    causation_id=st.none() | TEXT,
    effective_basis=TEXT,
    superseded=st.booleans(),
    trace=st.dictionaries(st.sampled_from(["traceparent", "tracestate", "made"]), TEXT),
)
ENVELOPE = st.builds(
    Envelope,
    context=st.sampled_from(["subscriptions", "identity-sync"]),
    wire_name=st.sampled_from([event_type.wire_name for event_type in published_types()]),
    stream=TEXT,
    version=st.integers(min_value=1, max_value=2**62),
    meta=META,
)


@given(ENVELOPE)
def test_binary_mode_carries_the_whole_envelope(envelope):
    assert from_headers(to_headers(envelope, b"{}")) == envelope


@given(ENVELOPE, st.dictionaries(TEXT, st.integers() | TEXT))
def test_structured_mode_carries_the_whole_envelope_and_the_data(envelope, data):
    raw = msgspec.json.encode(data)
    assert from_structured(to_structured(envelope, raw)) == (envelope, raw)


@pytest.fixture
def envelope():
    moment = datetime(2026, 3, 18, 9, 12, 44, tzinfo=UTC)
    meta = Meta(
        reseller="res_a", partition_key="ten_a", effective_at=moment, recorded_at=moment + timedelta(milliseconds=310),
        actor="usr_a", origin="portal", trace={"traceparent": "00-aa-bb-01", "baggage": "private"},
    )  # fmt: skip
    return Envelope(
        context="subscriptions", wire_name="csp.subscriptions.quantity-changed.v1", stream="sub_a", version=42, meta=meta
    )  # fmt: skip


def test_binary_mode_names_the_attributes_as_the_specification_does(envelope):
    headers = dict(to_headers(envelope, b"{}"))
    assert headers["content-type"] == b"application/json"
    assert headers["ce_specversion"] == b"1.0"
    assert headers["ce_id"] == b"sub_a:42"
    assert headers["ce_source"] == b"/csp/subscriptions"
    assert headers["ce_time"] == b"2026-03-18T09:12:44Z"
    assert headers["ce_recordedtime"] == b"2026-03-18T09:12:44.310000Z"
    assert headers["ce_sequence"] == b"00000000000000000042"
    assert headers["ce_dataschema"] == b"/v1/schemas/csp.subscriptions.quantity-changed.v1.json"
    assert headers["ce_visibility"] == b"customer"
    assert headers["ce_authtype"] == b"app_user"
    assert headers["ce_traceparent"] == b"00-aa-bb-01"


@pytest.mark.parametrize("wire_name", ["csp.billing.report-issued.v1", "csp.billing.billing-line-added.v1"])
@pytest.mark.parametrize(("ledger", "visibility"), [("sell", "customer"), ("cost", "reseller")])
def test_what_tells_of_costs_is_for_the_reseller_alone(envelope, wire_name, ledger, visibility):
    told = replace(envelope, context="billing", wire_name=wire_name)
    data = msgspec.json.encode({"ledger": ledger, "net_minor": 9300})
    assert dict(to_headers(told, data))["ce_visibility"] == visibility.encode()
    assert msgspec.json.decode(to_structured(told, data))["visibility"] == visibility


def test_baggage_does_not_travel(envelope):
    assert b"private" not in b"".join(value for _, value in to_headers(envelope, b"{}"))


def test_absent_values_have_no_header(envelope):
    names = {name for name, _ in to_headers(envelope, b"{}")}
    assert names.isdisjoint({"ce_reason", "ce_customer", "ce_superseded", "ce_tracestate"})


def test_a_wire_name_that_nobody_registered_is_not_published(envelope):
    strange = Envelope(context="x", wire_name="csp.x.y.v1", stream="s", version=1, meta=envelope.meta)
    with pytest.raises(UnknownEventType):
        to_headers(strange, b"{}")


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("id", None),
        ("id", b"sub_a"),
        ("id", b"sub_a:x"),
        ("id", b":1"),
        ("id", b"sub_a:0"),
        ("source", b"https://elsewhere"),
        ("type", None),
        ("time", b"yesterday"),
        ("time", b"2026-03-18T09:12:44"),
        ("recordedtime", None),
        ("reseller", None),
        ("partitionkey", None),
    ],
)
def test_a_foreign_record_is_refused_by_the_name_of_the_attribute(envelope, attribute, value):
    headers = [(name, raw) for name, raw in to_headers(envelope, b"{}") if name != f"ce_{attribute}"]
    if value is not None:
        headers.append((f"ce_{attribute}", value))
    with pytest.raises(MalformedCloudEvent) as refused:
        from_headers(headers)
    assert refused.value.attribute == attribute


@pytest.mark.parametrize("document", [b"", b"[]", b"{}", b'{"data": {}}', b'{"data": {}, "id": 7}'])
def test_a_document_that_is_no_event_of_ours_is_refused(document):
    with pytest.raises(MalformedCloudEvent):
        from_structured(document)


def test_headers_that_are_no_text_are_refused(envelope):
    with pytest.raises(MalformedCloudEvent):
        from_headers([*to_headers(envelope, b"{}"), ("ce_reason", b"\xff")])
