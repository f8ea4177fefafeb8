"""What a historic price edit promises: checked field by field, once, inside the scope, told with who and why."""

from datetime import UTC, date, datetime

import pytest

from csp_runtime.scope import Role

EDIT = {
    "from_on": "2026-01-10",
    "until_on": "2026-02-10",
    "unit_price": "18.50",
    "currency": "EUR",
    "reason": "agreed on the phone",
}


@pytest.fixture
async def sold(pricing):
    """A subscription bought for 20 from the global list."""
    await pricing.has_customer("cus_a")
    await pricing.lists("20")
    await pricing.bought("sub_a", "ten_a", "2026-01-05")
    return pricing


async def test_an_edit_becomes_an_event_of_the_subscriptions_prices(sold):
    answer = await sold.post("/subscriptions/sub_a/price-edits", EDIT)
    assert answer.status_code == 200, answer.text
    (edit,) = await sold.edits()
    assert (edit.subscription_id, edit.tenant_id, edit.currency) == ("sub_a", "ten_a", "EUR")
    assert (edit.unit_price_micro, edit.from_on, edit.until_on) == (
        18_500_000,
        date(2026, 1, 10),
        date(2026, 2, 10),
    )
    assert edit.price_ref == answer.json()["id"]


async def test_an_edit_may_be_open(sold):
    assert (await sold.post("/subscriptions/sub_a/price-edits", EDIT | {"until_on": None})).is_success
    (edit,) = await sold.edits()
    assert edit.until_on is None


async def test_the_same_key_edits_once_and_is_told_the_same(sold):
    first = await sold.post("/subscriptions/sub_a/price-edits", EDIT, key="k")
    again = await sold.post("/subscriptions/sub_a/price-edits", EDIT, key="k")
    assert first.json() == again.json()
    assert len(await sold.edits()) == 1
    other = await sold.post("/subscriptions/sub_a/price-edits", EDIT | {"unit_price": "1"}, key="k")
    assert other.json()["code"] == "idempotency_key_reused"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"unit_price": "-1"}, "unit_price"),
        ({"unit_price": "ten"}, "unit_price"),
        ({"currency": "USD"}, "currency"),
        ({"until_on": "2026-01-10"}, "until_on"),
        ({"until_on": "2026-01-09"}, "until_on"),
        ({"reason": "  "}, "reason"),
        ({"reason": None}, "reason"),
        ({"from_on": "1999-12-31"}, "from_on"),
        ({"from_on": "2031-01-01", "until_on": None}, "from_on"),
    ],
)
@pytest.mark.parametrize("path", ["price-edits", "price-edit-checks"])
async def test_what_cannot_be_is_refused_by_field(sold, change, field, path):
    answer = await sold.post(f"/subscriptions/sub_a/{path}", EDIT | change)
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.json()["invalid_parameters"]] == [field]
    assert await sold.edits() == []


async def test_every_fault_is_named_at_once(sold):
    broken = EDIT | {"unit_price": "-1", "currency": "USD", "until_on": "2026-01-01", "reason": " "}
    answer = await sold.post("/subscriptions/sub_a/price-edits", broken)
    fields = {fault["field"] for fault in answer.json()["invalid_parameters"]}
    assert fields == {"unit_price", "currency", "until_on", "reason"}


@pytest.mark.parametrize("path", ["price-edits", "price-edit-checks"])
async def test_a_subscription_of_another_reseller_does_not_exist(sold, path):
    await sold.has_reseller("res_south")
    for subscription in ("sub_a", "sub_none"):
        answer = await sold.post(f"/subscriptions/{subscription}/{path}", EDIT, reseller="res_south")
        assert answer.status_code == 404
    assert (await sold.get("/subscriptions/sub_a/price-edits", reseller="res_south")).status_code == 404


@pytest.mark.parametrize("role", [Role.RESELLER_SUPPORT, Role.RESELLER_AUDITOR])
async def test_other_roles_may_not(sold, role):
    assert (await sold.post("/subscriptions/sub_a/price-edits", EDIT, role=role)).status_code == 403


async def test_the_customer_sees_what_changed_and_why_and_another_does_not(sold):
    await sold.has_customer("cus_b")
    await sold.post("/subscriptions/sub_a/price-edits", EDIT)
    await sold.post("/subscriptions/sub_a/price-edits", EDIT | {"unit_price": "17", "until_on": None})
    customer = {"role": Role.CUSTOMER_VIEWER, "customer": "cus_a"}
    first, second = (await sold.get("/subscriptions/sub_a/price-edits", **customer)).json()
    assert (first["previous_unit_price_micro"], first["unit_price_micro"]) == (20_000_000, 18_500_000)
    assert (second["previous_unit_price_micro"], second["unit_price_micro"]) == (18_500_000, 17_000_000)
    assert first["reason"] == "agreed on the phone"
    assert datetime.fromisoformat(first["edited_at"]) == datetime(2026, 2, 16, 9, tzinfo=UTC)
    stranger = {"role": Role.CUSTOMER_VIEWER, "customer": "cus_b"}
    assert (await sold.get("/subscriptions/sub_a/price-edits", **stranger)).status_code == 404


async def test_a_check_says_what_the_price_was_and_writes_nothing(sold):
    answer = (await sold.post("/subscriptions/sub_a/price-edit-checks", EDIT)).json()
    assert (answer["unit_price_micro"], answer["previous_unit_price_micro"]) == (18_500_000, 20_000_000)
    assert await sold.edits() == []
