"""The new-commerce windows and the resolution of a price."""

from datetime import UTC, date, datetime, timedelta

import pytest

from csp_commerce_rules.prices import PriceQuery, PriceRow, resolve, resolve_at_takeover
from csp_commerce_rules.seat_lots import (
    Permission,
    Refusal,
    SeatLot,
    may_cancel,
    may_change_quantity,
    open_window,
    reducible,
    take,
)

BOUGHT = datetime(2024, 3, 1, 18, tzinfo=UTC)
RENEWS = date(2025, 3, 1)
DAY = timedelta(days=1)


def decide(current, wanted, lots, at, rule_set="nce"):
    return may_change_quantity(rule_set, current=current, wanted=wanted, lots=lots, at=at, renews_on=RENEWS)


def test_an_increase_is_always_allowed():
    assert isinstance(decide(10, 11, (), BOUGHT + 100 * DAY), Permission)


def test_a_decrease_is_allowed_until_seven_times_24_hours_after_the_order():
    lots = (open_window(10, BOUGHT),)
    assert decide(10, 3, lots, BOUGHT + 7 * DAY - timedelta(seconds=1)) == Permission(
        refund="prorated", until=BOUGHT + 7 * DAY, closes_at=BOUGHT + 7 * DAY
    )
    assert decide(10, 9, lots, BOUGHT + 7 * DAY) == Refusal(code="commitment-locked", allowed_from=RENEWS)


def test_only_the_seats_of_the_increase_can_go_back_later():
    lots = (open_window(10, BOUGHT), open_window(5, BOUGHT + 10 * DAY))
    at = BOUGHT + 12 * DAY
    assert isinstance(decide(15, 10, lots, at), Permission)
    assert decide(15, 9, lots, at) == Refusal(
        code="commitment-locked", allowed_from=RENEWS, reducible=5, until=BOUGHT + 17 * DAY
    )


def test_seats_go_back_newest_first_and_none_twice():
    lots = (open_window(10, BOUGHT), open_window(5, BOUGHT + DAY))
    kept, taken = take(lots, 7, BOUGHT + 2 * DAY)
    assert kept == (SeatLot(8, BOUGHT + 7 * DAY),)
    assert taken == (SeatLot(2, BOUGHT + 7 * DAY), SeatLot(5, BOUGHT + 8 * DAY))
    assert reducible(kept, BOUGHT + 2 * DAY) == 8


def test_legacy_and_flex_have_no_gate():
    assert isinstance(decide(10, 1, (), BOUGHT + 100 * DAY, "flex"), Permission)
    assert isinstance(decide(10, 1, (), BOUGHT + 100 * DAY, "legacy_anniversary"), Permission)


@pytest.mark.parametrize(
    ("after", "refund"),
    [(timedelta(hours=16), "full"), (timedelta(hours=24), "prorated"), (6 * DAY, "prorated")],
)
def test_a_cancellation_is_in_full_within_24_hours_then_prorated(after, refund):
    answer = may_cancel("nce", ordered_at=BOUGHT, at=BOUGHT + after, renews_on=RENEWS)
    assert isinstance(answer, Permission)
    assert answer.refund == refund


def test_after_seven_days_a_cancellation_waits_for_the_renewal():
    assert may_cancel("nce", ordered_at=BOUGHT, at=BOUGHT + 7 * DAY, renews_on=RENEWS) == Refusal(
        code="cancellation-window-closed", allowed_from=RENEWS
    )


def row(price: int, **fields) -> PriceRow:
    return PriceRow(product="E3", unit_price=price, **fields)


def test_the_customers_row_beats_the_global_one_even_if_older():
    rows = [row(10, valid_from=200), row(9, scope="customer", customer="C1", valid_from=100)]
    assert resolve(rows, PriceQuery(product="E3", customer="C1"), 300) is rows[1]
    assert resolve(rows, PriceQuery(product="E3", customer="C2"), 300) is rows[0]


def test_a_row_counts_from_its_first_day_until_the_day_it_ends():
    rows = [row(10, valid_from=100, valid_until=200), row(12, valid_from=200)]
    assert [
        r and r.unit_price for d in (99, 100, 199, 200) for r in [resolve(rows, PriceQuery(product="E3"), d)]
    ] == [
        None,
        10,
        10,
        12,
    ]


def test_frequency_term_segment_and_currency_must_fit():
    rows = [row(10, frequency="P1M", term="P1Y", currency="EUR", segment="commercial")]
    fits = PriceQuery(product="E3", frequency="P1M", term="P1Y", currency="EUR", segment="commercial")
    assert resolve(rows, fits, 1) is rows[0]
    for other in ({"frequency": "P1Y"}, {"term": "P1M"}, {"currency": "USD"}, {"segment": "education"}):
        assert resolve(rows, PriceQuery(**({"product": "E3"} | other)), 1) is None


def test_a_preview_row_is_not_chargeable_and_a_new_version_replaces_the_old_one():
    assert resolve([row(10, preview=True)], PriceQuery(product="E3"), 1) is None
    rows = [row(10, valid_from=5, seq=1), row(11, valid_from=5, seq=2)]
    assert resolve(rows, PriceQuery(product="E3"), 5) is rows[1]


def test_a_takeover_without_a_valid_row_takes_the_earliest_later_one():
    rows = [row(12, valid_from=300), row(11, valid_from=200)]
    assert resolve_at_takeover(rows, PriceQuery(product="E3"), 100) is rows[1]
    assert resolve_at_takeover([], PriceQuery(product="E3"), 100) is None
