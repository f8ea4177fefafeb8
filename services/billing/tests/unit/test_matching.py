"""Our cost against Microsoft's rows: every difference has a name, and together they are the whole difference."""

from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from csp_billing.domain.matching import OurLine, TheirRow, match
from csp_commerce_rules.rounding import line_amount


def day(text: str) -> int:
    return date.fromisoformat(text).toordinal()


# 300 seats at 4.99 for 17 of 31 days: 820.94, or 819.00 where the unit is cut.
OURS = OurLine(
    id="o1",
    subscription="S1",
    start=day("2024-03-15"),
    end=day("2024-04-01"),
    quantity=300,
    amount=820_94,
    unit_price=4_990_000,
    days=17,
    of_days=31,
    posted=day("2024-03-15"),
)
THEIRS = TheirRow(
    id="t1",
    subscription="S1",
    charge_type="addQuantity",
    start=OURS.start,
    end=OURS.end,
    quantity=300,
    amount=820_94,
)


def codes(ours, theirs, **more):
    outcomes = match(ours, theirs, digits=2, known={"S1", "S2"}, **more)
    return [(outcome.code, outcome.profile, outcome.difference) for outcome in outcomes]


def test_the_same_service_and_amount_is_equal():
    assert codes([OURS], [THEIRS]) == [("equal", None, 0)]


def test_a_difference_that_a_rounding_profile_explains_is_named_with_it():
    assert codes([OURS], [replace(THEIRS, amount=819_00)]) == [("explained:rounding", "unit_down", -1_94)]


def test_a_legacy_files_price_of_a_seat_for_its_days_is_a_rounding_too():
    # 4 seats at 20.80 for 15 of 31 days: 0.671 a day, 10.07 a seat.
    ours = replace(OURS, quantity=4, amount=40_26, unit_price=20_800_000, days=15, of_days=31)
    assert codes([ours], [replace(THEIRS, quantity=4, amount=40_28)]) == [
        ("explained:rounding", "daily_3dp_unit", 2)
    ]


def test_microsofts_refund_with_the_start_of_the_cycle_is_a_shifted_date():
    ours = replace(OURS, amount=-820_94)
    theirs = replace(THEIRS, amount=-820_94, start=day("2024-03-01"))
    assert codes([ours], [theirs]) == [("explained:date_shift", None, 0)]


def test_two_rows_of_one_event_are_one_charge():
    halves = [
        replace(THEIRS, id=f"t{n}", reference="r", amount=amount) for n, amount in ((1, 20_94), (2, 800_00))
    ]
    (outcome,) = match([OURS], halves, digits=2, known={"S1"})
    assert (outcome.code, outcome.theirs) == ("equal", ("t1+t2",))


def test_the_same_net_in_other_lines_is_a_shape():
    pieces = [
        replace(THEIRS, id="a", quantity=100, amount=800_00),
        replace(THEIRS, id="b", quantity=200, amount=20_94),
    ]
    assert codes([OURS], pieces) == [("explained:shape", None, 0)]


def test_promotion_and_exchange_rate_explain_where_no_profile_does():
    assert codes([OURS], [replace(THEIRS, amount=615_70, promotion=True)]) == [
        ("explained:promotion", None, -205_24)
    ]
    assert codes([OURS], [replace(THEIRS, amount=890_00, exchanged=True)]) == [("explained:fx", None, 69_06)]


def test_what_only_one_side_has_is_missing_on_the_other():
    assert codes([], [THEIRS]) == [("missing_event", None, 820_94)]
    assert codes([OURS], []) == [("missing_charge", None, -820_94)]
    april = (day("2024-04-01"), day("2024-04-30"))
    assert codes([OURS], [], window=april) == [("explained:timing", None, -820_94)]
    credit = replace(THEIRS, charge_type="customerCredit", amount=-5_00)
    assert codes([], [credit]) == [("adjustment_only_on_invoice", None, -5_00)]
    assert codes([], [replace(THEIRS, subscription="S9")]) == [("unknown_subscription", None, 820_94)]


def test_a_difference_nobody_can_name_stays_visible():
    assert codes([OURS], [replace(THEIRS, amount=800_00)]) == [("unexplained", None, -20_94)]


amounts = st.integers(-200_00, 200_00)
quantities = st.integers(1, 3)
starts = st.integers(day("2024-03-01"), day("2024-03-10"))
lines = st.builds(
    lambda n, start, quantity, amount, name: replace(
        OURS, id=f"o{n}", subscription=name, start=start, quantity=quantity, amount=amount
    ),
    st.integers(),
    starts,
    quantities,
    amounts,
    st.sampled_from(["S1", "S2"]),
)
rows = st.builds(
    lambda n, start, quantity, amount, name: replace(
        THEIRS, id=f"t{n}", subscription=name, start=start, quantity=quantity, amount=amount
    ),
    st.integers(),
    starts,
    quantities,
    st.one_of(amounts, st.builds(lambda q: line_amount("unit_down", 4_990_000, q, 17, 31, 2), quantities)),
    st.sampled_from(["S1", "S2", "S9"]),
)


@given(st.lists(lines, max_size=6), st.lists(rows, max_size=6, unique_by=lambda row: row.id))
def test_the_differences_sum_to_the_whole_difference(ours, theirs):
    outcomes = match(ours, theirs, digits=2, known={"S1", "S2"})
    whole = sum(row.amount for row in theirs) - sum(line.amount for line in ours)
    assert sum(outcome.difference for outcome in outcomes) == whole
    assert sum(len(outcome.ours) for outcome in outcomes) == len(ours)
