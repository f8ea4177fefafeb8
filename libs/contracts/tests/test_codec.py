"""Readers tolerate what they do not know, and name what they miss; old versions are carried to the newest."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest

from csp_contracts import UndecodableEvent, UnknownEventType, decode_event, event
from csp_contracts.codec import decode_meta, encode_meta, meta_encoder
from csp_contracts.envelope import Meta, Origin
from csp_contracts.ids import Kind
from csp_contracts.upcasters import upcaster


@event("csp.codec-test.thing-measured.v2", stream=Kind.PROCESS, public=False)
@dataclass(frozen=True, slots=True, kw_only=True)
class ThingMeasured:
    millimetres: int


@upcaster("csp.codec-test.thing-measured.v1", "csp.codec-test.thing-measured.v2")
def _to_millimetres(old):
    return {"millimetres": old["metres"] * 1000}


def test_an_older_version_is_read_as_the_newest():
    assert decode_event("csp.codec-test.thing-measured.v1", b'{"metres": 2}') == ThingMeasured(
        millimetres=2000
    )


@pytest.mark.parametrize("data", [b"{}", b"[]", b'{"metres": null}', b'{"metres": "x"}', b"{"])
def test_an_older_record_that_cannot_be_carried_is_undecodable(data):
    with pytest.raises(UndecodableEvent):
        decode_event("csp.codec-test.thing-measured.v1", data)


def test_unknown_fields_are_ignored():
    assert (
        decode_event("csp.codec-test.thing-measured.v2", b'{"millimetres": 1, "colour": "red"}').millimetres
        == 1
    )


def test_a_missing_field_is_named():
    with pytest.raises(UndecodableEvent, match="millimetres"):
        decode_event("csp.codec-test.thing-measured.v2", b"{}")


def test_an_unknown_type_is_told_apart():
    with pytest.raises(UnknownEventType):
        decode_event("csp.codec-test.thing-lost.v1", b"{}")


def test_a_moment_without_its_offset_is_refused():
    meta = {
        "reseller": "r",
        "partition_key": "k",
        "effective_at": "2026-01-01T00:00:00",
        "recorded_at": "2026-01-01T00:00:00Z",
    }
    with pytest.raises(UndecodableEvent, match="effective_at"):
        decode_meta(msgspec.json.encode(meta))


@pytest.mark.parametrize(
    "wire_name", ["quantity-changed", "csp.a.b", "csp.a.b.v0", "csp.A.b.v1", "csp.a.b.v1 "]
)
def test_a_malformed_wire_name_is_refused_when_it_is_given(wire_name):
    with pytest.raises(ValueError, match="must read"):
        event(wire_name, stream=Kind.PROCESS)(ThingMeasured)


@pytest.mark.parametrize("customer", ["cus_ä", None])
@pytest.mark.parametrize(
    "moment",
    [datetime(2026, 3, 1, 9, 30, 0, 120, UTC), datetime(2026, 3, 1, tzinfo=timezone(timedelta(hours=2)))],
)
def test_many_metas_that_share_nearly_all_are_the_bytes_that_each_would_be(moment, customer):
    shared = Meta(
        reseller="res_a",
        partition_key="",
        effective_at=moment,
        recorded_at=moment,
        origin=Origin.API,
        customer="cus_other",
        reason='"quoted"',
        trace={"traceparent": "00-1"},
    )

    encoded = meta_encoder(shared)("cus_a", customer)

    assert encoded == encode_meta(replace(shared, partition_key="cus_a", customer=customer))
