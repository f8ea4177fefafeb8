"""Margin rules: what price a base leads to, and which rules make no sense."""

import pytest

from csp_pricing.domain.margins import MarginRule, derive, rule_faults
from csp_pricing.domain.products import Product


def product(**changes):
    fields = {
        "product": "P:1",
        "term": "P1Y",
        "charge_cycle": "P1M",
        "commerce": "nce",
        "category": "New commerce, commercial",
        "product_group": "Business Premium",
        "title": "Business Premium",
        "segment": "commercial",
        "is_addon": False,
        "is_trial": False,
        "minimum_quantity": 1,
        "maximum_quantity": None,
        "directory_sku_id": None,
    }
    return Product(**{**fields, **changes})


def price(base, cycle="P1M", **rule):
    return derive(MarginRule(**rule), base, cycle, product(), 2).unit_price_micro


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, 10_000_000),
        ({"add_percent": "20"}, 12_000_000),
        ({"add_amount": "1.50"}, 11_500_000),
        ({"add_percent": "20", "add_amount": "-0.50"}, 11_500_000),
        ({"add_percent": "12.5"}, 11_250_000),
        # 10.00 + 11.11 % = 11.111
        ({"add_percent": "11.11"}, 11_110_000),
        ({"add_percent": "11.11", "rounding": "up"}, 11_120_000),
        # x9: the next price that ends in 9 cents
        ({"add_percent": "11.11", "round_to": "0.10", "ending": "0.09", "rounding": "up"}, 11_190_000),
        ({"add_percent": "11.11", "round_to": "0.10", "ending": "0.09", "rounding": "down"}, 11_090_000),
        ({"add_percent": "11.11", "round_to": "0.10", "ending": "0.09"}, 11_090_000),
        ({"round_to": "1", "ending": "0.99", "rounding": "up"}, 10_990_000),
        ({"add_amount": "0.99", "round_to": "1", "ending": "0.99", "rounding": "up"}, 10_990_000),
        ({"add_percent": "-100"}, 0),
        ({"add_amount": "-11"}, -1_000_000),
    ],
)
def test_a_rule_makes_a_price_of_ten(rule, expected):
    assert price(10_000_000, **rule) == expected


def test_the_premium_of_monthly_charges_comes_from_the_annual_price():
    """120 a year is 10 a month; 5 % more for paying monthly (8.7)."""
    assert price(120_000_000, "P1Y", base_charge_cycle="P1Y", add_percent="5") == 10_500_000


def test_a_row_shows_its_formula():
    rule = MarginRule(
        add_percent="5", add_amount="-0.10", base_charge_cycle="P1Y", round_to="0.10", ending="0.09"
    )
    found = derive(rule, 120_000_000, "P1Y", product(), 2)
    assert found.formula == "cost 120.00 of P1Y x 1/12 + 5% - 0.10, nearest to 0.10 ending in 0.09"


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({"add_percent": "many"}, "add_percent"),
        ({"add_amount": "1,5"}, "add_amount"),
        ({"round_to": "0"}, "round_to"),
        ({"ending": "0.01"}, "ending"),
        ({"round_to": "0.10", "ending": "-0.01"}, "ending"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_by_field(rule, field):
    assert [fault.field for fault in rule_faults(MarginRule(**rule), "rules.0.")] == [f"rules.0.{field}"]


@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        ({}, True),
        ({"category": "New commerce, commercial", "term": "P1Y"}, True),
        ({"category": "Legacy, other"}, False),
        ({"product": "P:2"}, False),
        ({"charge_cycle": "P1Y"}, False),
        ({"segment": "education"}, False),
    ],
)
def test_a_rule_is_for_products_that_match_all_of_it(rule, matches):
    assert MarginRule(**rule).matches(product()) is matches
