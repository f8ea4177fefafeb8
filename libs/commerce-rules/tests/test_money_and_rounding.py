"""One rounding per line: the published figures of each profile, and parts that add up to the whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csp_commerce_rules.money import (
    NotADecimal,
    divide_cut,
    divide_half_away,
    format_decimal,
    format_price,
    minor_digits,
    parse_decimal,
)
from csp_commerce_rules.rounding import ROUNDING_PROFILES, discount_of, kept_of, line_amount
from csp_commerce_rules.spreading import spread, spread_tax, tax_of


def price(text: str) -> int:
    return parse_decimal(text, 6)


@pytest.mark.parametrize(
    ("profile", "unit", "quantity", "days", "of_days", "expected"),
    [
        ("line_half_up", "11.00", 15, 31, 31, 165_00),  # W-1
        ("line_half_up", "11.00", 15, 5, 31, 26_61),
        ("line_half_up", "11.00", 12, 11, 31, 46_84),
        ("line_half_up", "11.00", 18, 10, 31, 63_87),
        ("line_half_up", "11.00", 10, 5, 31, 17_74),
        ("line_half_up", "51.93", 500, 27, 31, 22_614_68),  # W-17
        ("line_half_up", "51.93", 5, 4, 31, 33_50),
        ("line_half_up", "10.08", 12, 28, 30, 112_90),  # W-34
        ("line_down", "10.08", 12, 28, 30, 112_89),
        ("unit_half_up", "4.00", 2, 29, 30, 7_74),  # W-15
        ("unit_down", "4.99", 300, 17, 31, 819_00),  # 4.1
        ("line_half_up", "4.99", 300, 17, 31, 820_94),
        ("daily_2dp", "48.00", 1, 19, 365, 2_47),  # W-6 as published
        ("daily_2dp", "48.00", 2, 346, 365, 89_96),
        ("daily_3dp", "4.00", 1, 12, 28, 1_72),  # W-5 as published
        ("daily_3dp", "30.00", 1, 22, 31, 21_30),  # W-10 as published
        ("formula_2021", "48.00", 1, 19, 365, 2_47),
    ],
)
def test_each_profile_gives_its_published_figure(profile, unit, quantity, days, of_days, expected):
    assert line_amount(profile, price(unit), quantity, days, of_days, 2) == expected


@pytest.mark.parametrize("profile", ROUNDING_PROFILES)
def test_a_full_cycle_is_price_times_quantity_in_every_profile(profile):
    assert line_amount(profile, price("51.93"), 495, 31, 31, 2) == 25_705_35


def test_yen_have_no_minor_unit_and_dinars_three_digits():
    assert minor_digits("JPY") == 0
    assert minor_digits("KWD") == 3
    assert line_amount("line_half_up", price("1180"), 3, 7, 31, minor_digits("JPY")) == 799  # W-33
    assert line_amount("line_half_up", price("1.001"), 3, 1, 2, minor_digits("KWD")) == 1_502


def test_the_residual_cent_belongs_to_the_refund():
    kept = kept_of(10_01, 1, 2)  # exactly 5.005
    assert (kept, 10_01 - kept) == (5_01, 5_00)


def test_a_promotion_is_a_discount_of_its_own():
    gross = line_amount("line_half_up", price("41.62"), 135, 1, 1, 2)
    assert (gross, discount_of(gross, 25_00)) == (5_618_70, 1_404_68)  # W-18


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**6))
def test_rounding_is_symmetric_and_within_half_a_unit(numerator, denominator):
    rounded = divide_half_away(numerator, denominator)
    assert rounded == -divide_half_away(-numerator, denominator)
    assert abs(2 * (rounded * denominator - numerator)) <= denominator
    assert abs(divide_cut(numerator, denominator) * denominator) <= abs(numerator)


@given(st.integers(-(10**12), 10**12), st.integers(0, 6))
def test_decimal_text_round_trips(value, digits):
    assert parse_decimal(format_decimal(value, digits), digits) == value


@pytest.mark.parametrize("text", ["", "1,5", "1e3", "NaN", "10.005", "+1", " 1", "٣", "1.", ".5"])
def test_what_is_no_plain_decimal_is_refused(text):
    with pytest.raises(NotADecimal):
        parse_decimal(text, 2)


def test_a_unit_price_shows_more_digits_only_where_it_has_them():
    assert format_price(price("10"), 2) == "10.00"
    assert format_price(price("10.0815"), 2) == "10.0815"
    assert format_price(price("1180"), 0) == "1180"


def test_tax_is_rounded_on_the_sum_and_spread_by_largest_remainder():
    assert tax_of(9_99, 25_00) == 2_50
    assert spread_tax([3_33, 3_33, 3_33], 25_00) == [84, 83, 83]  # W-32


@given(st.lists(st.integers(-(10**7), 10**7), min_size=1, max_size=20), st.integers(0, 30_00))
def test_the_taxes_of_the_lines_sum_to_the_tax_of_the_sum(nets, rate):
    assert sum(spread_tax(nets, rate)) == tax_of(sum(nets), rate)


@given(
    st.integers(-(10**9), 10**9),
    st.dictionaries(st.text(min_size=1, max_size=3), st.integers(1, 1000), min_size=1, max_size=9),
)
def test_a_spread_sums_to_the_whole_and_ties_go_to_the_lower_key(amount, weights):
    parts = spread(amount, weights)
    assert sum(parts.values()) == amount
    assert parts == spread(amount, dict(reversed(weights.items())))
    assert spread(100, {"b": 1, "a": 1, "c": 1}) == {"a": 34, "b": 33, "c": 33}
