"""The guided choice and quotes: what is sold, for whom, in which quantities, and who sees what of a price."""

from dataclasses import replace

import pytest

from csp_runtime.scope import Role

CUSTOMER = {"role": Role.CUSTOMER_ADMIN, "customer": "cus_a"}
ADDON = "CFQ7TTC0HDK0:0001"


@pytest.fixture
async def offered(pricing, premium):
    """Business Premium at 20 with cost 15, the same for schools, and an add-on that needs it and has no price."""
    await pricing.has_customer("cus_a")
    school = replace(
        premium,
        product="SCHOOL:1",
        segment="education",
        category="New commerce, education",
        minimum_quantity=5,
    )
    addon = replace(
        premium,
        product=ADDON,
        title="Calling Plan",
        product_group="Calling Plan",
        is_addon=True,
        prerequisites=[premium.product],
    )
    annual = replace(premium, charge_cycle="P1Y")
    await pricing.costs(15_000_000)
    await pricing.sells([premium, school, addon, annual])
    await pricing.lists("20")
    return pricing


async def test_the_choice_narrows_from_category_to_product(offered):
    assert (await offered.get("/choices/category")).json() == [
        "New commerce, commercial",
        "New commerce, education",
    ]
    chosen = "category=New commerce, commercial"
    assert (await offered.get(f"/choices/charge_cycle?{chosen}")).json() == ["P1M", "P1Y"]
    chosen += "&charge_cycle=P1M"
    assert (await offered.get(f"/choices/product_group?{chosen}")).json() == [
        "Calling Plan",
        "Microsoft 365 Business Premium",
    ]
    found = (await offered.get(f"/products?{chosen}&product_group=Calling Plan")).json()
    assert [each["product"] for each in found] == [ADDON]
    assert (await offered.get("/choices/colour")).status_code == 422


async def test_a_product_says_segment_limits_and_what_it_needs(offered):
    by_code = {each["product"]: each for each in (await offered.get("/products?charge_cycle=P1M")).json()}
    assert by_code[ADDON]["is_addon"] is True
    assert by_code[ADDON]["prerequisites"] == ["CFQ7TTC0LH18:0001"]
    school = by_code["SCHOOL:1"]
    assert (school["segment"], school["minimum_quantity"], school["maximum_quantity"]) == (
        "education",
        5,
        300,
    )


async def test_a_price_of_one_segment_is_not_that_of_another(offered):
    await offered.lists("9", product="SCHOOL:1", segment="commercial")
    (school,) = (await offered.get("/products?product=SCHOOL:1")).json()
    assert school["unit_price_micro"] is None
    await offered.lists("8", product="SCHOOL:1", segment="education")
    (school,) = (await offered.get("/products?product=SCHOOL:1")).json()
    assert school["unit_price_micro"] == 8_000_000


async def _quote(pricing, product="CFQ7TTC0LH18:0001", quantity=10, **who):
    wish = {"customer_id": "cus_a", "product": product, "term": "P1Y", "charge_cycle": "P1M"}
    return (await pricing.post("/quotes", wish | {"quantity": quantity}, **who)).json()


async def test_a_quote_tells_the_reseller_cost_and_margin_and_keeps_neither(offered):
    quote = await _quote(offered)
    assert (quote["unit_cost_micro"], quote["margin_micro"], quote["margin_percent"]) == (
        15_000_000,
        5_000_000,
        "25.00",
    )
    kept = (await offered.get(f"/quotes/{quote['quote_id']}", **CUSTOMER)).json()
    assert kept["unit_price_micro"] == 20_000_000
    assert not [name for name in kept if "cost" in name or "margin" in name]
    own = await _quote(offered, **CUSTOMER)
    assert not [name for name in own if "cost" in name or "margin" in name]


async def test_a_quote_without_a_price_has_none_and_no_zero(offered):
    quote = await _quote(offered, ADDON)
    assert (quote["unit_price_micro"], quote["price_ref"], quote["margin_micro"]) == (None, None, None)


async def test_a_quote_names_the_version_of_the_row_that_it_comes_from(offered):
    first = (await _quote(offered))["price_ref"]
    await offered.lists("21")
    second = (await _quote(offered))["price_ref"]
    assert (first.rpartition("/")[2], second.rpartition("/")[2]) == ("1", "2")


async def test_what_is_not_sold_so_is_refused_by_field(offered):
    wish = {"customer_id": "cus_a", "product": "P:9", "term": "P1Y", "charge_cycle": "P1M", "quantity": 1}
    answer = await offered.post("/quotes", wish)
    assert [fault["field"] for fault in answer.json()["invalid_parameters"]] == ["product"]


async def test_a_customer_cannot_ask_for_another(offered):
    await offered.has_customer("cus_b")
    wish = {"customer_id": "cus_b", "product": ADDON, "term": "P1Y", "charge_cycle": "P1M", "quantity": 1}
    assert (await offered.post("/quotes", wish, **CUSTOMER)).status_code == 404
