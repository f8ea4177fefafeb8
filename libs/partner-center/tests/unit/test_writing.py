import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from csp_partner_center.calls import Call, etag_header, path, path_of_link
from csp_partner_center.carts import NewLine
from csp_partner_center.reading import decode, read
from csp_partner_center.secrets import Secret
from csp_partner_center.subscriptions import (
    Instructions,
    NextProduct,
    Subscription,
    changing_auto_renew,
    changing_quantity,
    scheduling,
    suspending,
)
from csp_partner_center.users import PasswordProfile
from csp_partner_center.writing import encode

AS_READ = b"""\xef\xbb\xbf{"Id": "BBBBBBBB-0000-4000-8000-00000000000B", "offerId": "CFQ1:0001:CFQ9", "quantity": 5,
 "autoRenewEnabled": true, "status": "active", "futureMember": {"amount": 12.50, "list": [1, null]},
 "scheduledNextTermInstructions": {"quantity": 3, "product": {"productId": "CFQ1", "skuId": "0001"}},
 "attributes": {"etag": "abc=", "objectType": "Subscription"}}"""


def as_read() -> Subscription:
    return read(Subscription, decode(AS_READ))


def members(call: Call) -> dict[str, object]:
    assert call.body is not None
    found: dict[str, object] = json.loads(call.body)
    return found


def test_a_change_of_quantity_writes_everything_else_back_as_it_was_read():
    before = json.loads(AS_READ.decode("utf-8-sig"))
    assert members(changing_quantity("c", as_read(), 8)) == {**before, "quantity": 8}


def test_members_keep_the_casing_they_came_in():
    assert "Id" in members(changing_quantity("c", as_read(), 8))
    assert "id" not in members(changing_quantity("c", as_read(), 8))


def test_the_etag_goes_into_the_header_too_with_quotes():
    assert changing_quantity("c", as_read(), 8).headers == (("If-Match", '"abc="'),)
    assert etag_header("") == ()
    assert etag_header('"x"') == (("If-Match", '"x"'),)


def test_the_same_change_of_the_same_resource_gives_the_same_bytes_also_after_keeping():
    once, again = changing_quantity("c", as_read(), 8), changing_quantity("c", as_read(), 8)
    assert once == again == Call.from_bytes(once.to_bytes())


def test_each_intent_changes_its_own_members_only():
    before = json.loads(AS_READ.decode("utf-8-sig"))
    assert members(suspending("c", as_read())) == {**before, "status": "suspended"}
    assert members(changing_auto_renew("c", as_read(), enabled=False)) == {
        **before,
        "autoRenewEnabled": False,
    }
    assert members(scheduling("c", as_read(), None)) == {**before, "scheduledNextTermInstructions": None}


def test_scheduling_sets_auto_renewal():
    instructions = Instructions(
        quantity=7,
        product=NextProduct(product_id="CFQ1", sku_id="0001", term_duration="P1Y"),
        custom_term_end_date=datetime(2027, 1, 31, tzinfo=UTC),
    )
    found = members(scheduling("c", as_read(), instructions))
    assert found["autoRenewEnabled"] is True
    assert found["scheduledNextTermInstructions"] == {
        "quantity": 7,
        "product": {"productId": "CFQ1", "skuId": "0001", "termDuration": "P1Y"},
        "customTermEndDate": "2027-01-31T00:00:00.000000Z",
    }


def test_a_subscription_that_was_not_read_whole_is_not_written():
    with pytest.raises(ValueError, match="read it"):
        changing_quantity("c", Subscription(id="x", quantity=5), 8)


def test_bodies_are_camel_case_without_nulls_and_with_decimals_as_numbers():
    line = NewLine(id=0, catalog_item_id="p:s:a", quantity=5, billing_cycle="monthly", term_duration="P1Y")
    assert json.loads(encode({"lineItems": [line]})) == {
        "lineItems": [
            {
                "id": 0,
                "catalogItemId": "p:s:a",
                "quantity": 5,
                "billingCycle": "monthly",
                "termDuration": "P1Y",
            }
        ]
    }
    assert encode({"price": Decimal("30.40"), "on": date(2026, 3, 1)}) == b'{"price":30.40,"on":"2026-03-01"}'


def test_a_secret_shows_only_in_the_body():
    profile = PasswordProfile(password=Secret("canary"))
    assert b"canary" in encode(profile)
    assert "canary" not in repr(profile) + str(profile.password)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("/customers/c/subscriptions/s", "/customers/c/subscriptions/s"),
        ("/v1/customers/c", "/customers/c"),
        ("/v1//customers/c", "/customers/c"),
        ("https://evil.example/v1/customers/c", "/customers/c"),
        ("http://api.example/webhooks/v1/customers/c/subscriptions/s", "/customers/c/subscriptions/s"),
    ],
)
def test_links_are_taken_without_host_and_prefix(uri: str, expected: str):
    assert path_of_link(uri) == expected


def test_parts_of_a_path_are_quoted():
    assert path("customers", "a/../b") == "/customers/a%2F..%2Fb"
