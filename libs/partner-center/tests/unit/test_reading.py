from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from csp_partner_center.audit import AuditRecord
from csp_partner_center.catalogue import Availability
from csp_partner_center.reading import Guid, OpenEnum, UnreadableField, decode, read, read_time, wire
from csp_partner_center.subscriptions import Subscription


class Colour(OpenEnum):
    DEEP_RED = "deep_red"
    BLUE = "Blue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    name: str
    price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    id: Guid
    unit_count: int = 0
    price: Decimal | None = None
    is_new: bool = False
    colour: Colour | None = None
    made_at: datetime | None = None
    parts: list[Part] = field(default_factory=list)
    part: Part | None = None
    next_link: str | None = field(default=None, metadata=wire("@odata.nextLink"))
    raw: dict[str, Any] = field(default_factory=dict, repr=False)


def thing(body: str) -> Thing:
    return read(Thing, decode(body.encode()))


@pytest.mark.parametrize(
    "body",
    [
        '{"id": "AB-1", "unitCount": 5}',
        '{"Id": "ab-1", "UnitCount": 5}',
        '{"ID": "Ab-1", "unit_count": "5", "unknown": {"deep": [1]}}',
        '{"id": "ab-1", "unitCount": 5.0, "colour": null}',
        '\ufeff{"id": "ab-1", "unitCount": 5}',
    ],
)
def test_casing_unknown_members_nulls_texts_and_a_byte_order_mark_do_not_matter(body: str):
    found = thing(body)
    assert (found.id, found.unit_count, found.colour) == ("ab-1", 5, None)


@pytest.mark.parametrize("price", ["16", '"16"', "16.10", '"16.10"', "1.61e1"])
def test_a_price_is_a_decimal_whether_it_came_as_number_or_text(price: str):
    found = thing(f'{{"id": "x", "price": {price}}}')
    assert isinstance(found.price, Decimal)
    assert found.price == Decimal(price.strip('"'))


def test_no_digit_of_a_price_is_lost():
    assert str(thing('{"id": "x", "price": 0.10000000000000000001}').price) == "0.10000000000000000001"


@pytest.mark.parametrize("word", ["deep_red", "DeepRed", "DEEPRED", "deep red"])
def test_words_are_compared_without_case_and_underscores(word: str):
    assert thing(f'{{"id": "x", "colour": "{word}"}}').colour is Colour.DEEP_RED


def test_an_unknown_word_is_kept_as_it_came():
    colour = thing('{"id": "x", "colour": "ultraViolet"}').colour
    assert colour == "ultraViolet"
    assert not colour.is_recognised
    assert Colour.BLUE.is_recognised


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-05T10:15:30Z", datetime(2026, 3, 5, 10, 15, 30, tzinfo=UTC)),
        ("2026-03-05T10:15:30.1234567Z", datetime(2026, 3, 5, 10, 15, 30, 123456, tzinfo=UTC)),
        ("2026-03-05T10:15:30+00:00", datetime(2026, 3, 5, 10, 15, 30, tzinfo=UTC)),
        ("2026-03-05T10:15:30.5-07:00", datetime(2026, 3, 5, 17, 15, 30, 500000, tzinfo=UTC)),
        ("2026-03-05T10:15:30", datetime(2026, 3, 5, 10, 15, 30, tzinfo=UTC)),
        ("2026-03-05 10:15: 30Z", datetime(2026, 3, 5, 10, 15, 30, tzinfo=UTC)),
        ("2026-03-05", datetime(2026, 3, 5, tzinfo=UTC)),
        ("0001-01-01T00:00:00", None),
        ("9999-12-31T23:59:59.9999999-05:00", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_every_form_of_a_time_is_read(text: str, expected: datetime | None):
    assert read_time(text) == expected


@given(st.datetimes(timezones=st.just(UTC)), st.integers(0, 6))
def test_a_time_survives_writing_with_any_number_of_digits(moment: datetime, digits: int):
    assume(moment.year > 1)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0") + (
        f".{moment.microsecond:06d}"[: digits + 1] if digits else ""
    )
    found = read_time(text + "Z")
    assert found is not None
    assert abs((found - moment).total_seconds()) < 10**-digits


def test_one_object_stands_for_a_list_and_a_list_of_one_for_an_object():
    found = thing('{"id": "x", "parts": {"name": "a"}, "part": [{"name": "b"}]}')
    assert [each.name for each in found.parts] == ["a"]
    assert found.part is not None
    assert found.part.name == "b"


def test_names_with_signs_are_read_and_the_whole_is_kept():
    found = thing('{"id": "x", "@odata.nextLink": "/next", "strange": 1.50}')
    assert found.next_link == "/next"
    assert found.raw["strange"] == Decimal("1.50")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ('{"unitCount": 5}', "id"),
        ('{"id": "x", "unitCount": "many"}', "unitCount"),
        ('{"id": "x", "unitCount": 1.5}', "unitCount"),
        ('{"id": "x", "parts": [{"name": "a"}, {"price": 1}]}', "parts[1].name"),
        ('{"id": "x", "madeAt": "yesterday"}', "madeAt"),
        ('{"id": "x", "isNew": "perhaps"}', "isNew"),
        ('{"id": "x", "price": "NaN"}', "price"),
        ("[1, 2]", ""),
        ("<html>", ""),
        ('{"id": "x"', ""),
    ],
)
def test_what_cannot_be_read_names_its_field_and_not_its_value(body: str, path: str):
    with pytest.raises(UnreadableField) as raised:
        thing(body)
    assert raised.value.path == path
    assert "many" not in str(raised.value)
    assert "perhaps" not in str(raised.value)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (Subscription, '{"id": "s", "refundOptions": [{"type": null, "expiresAt": "2026-01-08T00:00:00Z"}]}'),
        (
            Availability,
            '{"id": "a", "productId": "p", "skuId": "s", "catalogItemId": "p:s:a", "terms": [{"duration": "P1Y"}, {"id": "azure"}]}',
        ),
        (
            AuditRecord,
            '{"id": "r", "operationDate": "2026-01-08T00:00:00Z", "customizedData": [{"value": "7"}]}',
        ),
    ],
)
def test_a_detail_that_leaves_its_name_out_does_not_make_the_whole_unreadable(kind: type, body: str):
    assert read(kind, decode(body.encode())).id in {"s", "a", "r"}
