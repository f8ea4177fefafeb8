"""Which row prices a product, and what a margin is."""

from dataclasses import replace
from datetime import date

import pytest

from csp_pricing.domain.rows import ListedPrice, Wanted, margin, price_at_takeover, price_of, read_price

WANTED = Wanted(
    customer_id="cus_a", product="P:1", term="P1Y", charge_cycle="P1M", segment="commercial", currency="EUR"
)


def row(price, *, customer=None, valid_from="2026-01-01", until=None, version=1, **changes):
    fields = {
        "row_id": f"{customer}{valid_from}",
        "version": version,
        "price_list_id": "prl_a",
        "ledger": "sell",
        "customer_id": customer,
        "product": "P:1",
        "term": "P1Y",
        "charge_cycle": "P1M",
        "segment": "commercial",
        "currency": "EUR",
        "valid_from": date.fromisoformat(valid_from),
        "valid_until": None if until is None else date.fromisoformat(until),
        "unit_price_micro": price,
    }
    return ListedPrice(**{**fields, **changes})


def price(rows, on):
    found = price_of(rows, WANTED, date.fromisoformat(on))
    return None if found is None else found.unit_price_micro


def test_the_customers_own_row_wins_over_the_global_one():
    assert price([row(10), row(8, customer="cus_a")], "2026-02-01") == 8


def test_a_row_of_another_customer_prices_nothing():
    assert price([row(8, customer="cus_b")], "2026-02-01") is None


def test_the_newest_row_that_is_valid_prices():
    rows = [row(10), row(12, valid_from="2026-03-01"), row(11, valid_from="2026-02-01", until="2026-02-10")]
    assert [price(rows, f"2026-{day}") for day in ("01-31", "02-05", "02-10", "03-01")] == [10, 11, 10, 12]


def test_a_later_version_of_a_row_replaces_it():
    assert price([row(10), row(9, version=2)], "2026-02-01") == 9


def test_a_products_own_market_counts_not_that_of_the_rows_beside_it():
    rows = [row(10), row(9, product="P:2", market="CH")]
    found = price_of(rows, replace(WANTED, market="CH"), date(2026, 2, 1))
    assert found is not None
    assert found.unit_price_micro == 10


def test_no_row_is_no_price_never_zero():
    assert price([row(10, currency="USD")], "2026-02-01") is None


def test_an_imported_subscription_takes_the_earliest_later_row():
    found = price_at_takeover([row(10, valid_from="2026-06-01")], WANTED, date(2026, 2, 1))
    assert found is not None
    assert found.unit_price_micro == 10


@pytest.mark.parametrize(
    ("sell", "cost", "expected"),
    [
        (24_800_000, 11_760_000, (13_040_000, "52.58")),
        (10_000_000, 12_000_000, (-2_000_000, "-20.00")),
        (None, 1, (None, None)),
        (1, None, (None, None)),
        (0, 5, (-5, None)),
    ],
)
def test_a_margin_is_unknown_where_one_price_is(sell, cost, expected):
    assert margin(sell, cost) == expected


@pytest.mark.parametrize("text", ["", "ten", "1,5", "-1", "1e3", "1.1234567", "1000000000"])
def test_a_price_that_cannot_be_is_refused(text):
    assert [fault.field for fault in read_price(text, "rows.0.unit_price")[1]] == ["rows.0.unit_price"]


def test_a_price_keeps_six_decimals():
    assert read_price("0.000001", "x") == (1, [])
    assert read_price("999999999.999999", "x") == (999_999_999_999_999, [])
