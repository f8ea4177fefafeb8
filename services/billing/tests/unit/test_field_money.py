"""Amounts, prices, credits and what became known late, as other billing engines' tests ask for them."""

import itertools
import json

import pytest

from csp_billing.rating.output import as_json
from csp_billing.rating.rate import rate
from csp_billing.rating.story_file import parse

# -- rounding and currencies -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("digits", "currency", "price", "amounts"),
    [
        # 3 to 5 seats on 11 March: kept 10/31 of the fee, charge 5 × price × 21/31
        (0, "JPY", "1180", ["3540", "-2398", "3997"]),  # 1141.93…; 3996.77…
        (2, "EUR", "4.12", ["12.36", "-8.37", "13.95"]),  # 3.987…; 13.954…
        (3, "KWD", "4.125", ["12.375", "-8.383", "13.972"]),  # 3.9919…; 13.97177…
    ],
)
def test_currencies_of_no_two_and_three_digits(tell, digits, currency, price, amounts):
    told = tell(
        [("2024-03-01", "bought", {"quantity": 3}), ("2024-03-11", "quantity", {"quantity": 5})],
        ["2024-03-31"],
        rule_set="flex",
        prices=price,
        currency=currency,
        digits=digits,
    )
    assert [row.split()[-1] for row in told.all] == amounts


@pytest.mark.parametrize(
    ("price", "amounts"),
    [
        ("10.01", ["10.01", "-5.00"]),  # kept 5.005 → 5.01
        ("0.01", ["0.01"]),  # kept 0.005 → 0.01: nothing is left to give back
        ("0.03", ["0.03", "-0.01"]),  # kept 0.015 → 0.02
        ("0.004", []),  # rounds to nothing, and no zero line is kept for it
        ("0.005", ["0.01"]),  # half away from zero, not half even
        ("0.025", ["0.03", "-0.01"]),
    ],
)
def test_halves_go_away_from_zero_and_both_parts_are_the_whole(tell, price, amounts):
    told = tell(
        [("2024-04-01", "bought", {"quantity": 1}), ("2024-04-16", "cancelled", {})],
        ["2024-04-30"],
        rule_set="flex",
        prices=price,
    )
    assert [row.split()[-1] for row in told.all] == amounts


def test_ten_million_seats_at_six_decimals_lose_no_digit(tell):
    told = tell(
        [
            ("2024-04-01", "bought", {"quantity": 10_000_000}),
            ("2024-04-02", "quantity", {"quantity": 9_999_999}),
        ],
        ["2024-04-30"],
        rule_set="flex",
        prices="999999.999999",
    )
    # 9,999,999,999,990.00 × 1/30 = 333,333,333,333.00 kept; 9,999,999 × 999,999.999999 × 29/30 = 9,666,665,699,990.333…
    assert [row.split()[-1] for row in told.all] == [
        "9999999999990.00",
        "-9666666666657.00",
        "9666665699990.33",
    ]


@pytest.mark.parametrize(
    ("price", "net", "tax", "gross"),
    [
        ("3.00", "-2.00", "-0.50", "-2.50"),
        ("0.15", "-0.10", "-0.03", "-0.13"),  # -0.025: half away from zero on both sides
        ("0.14", "-0.09", "-0.02", "-0.11"),  # -0.0225
    ],
)
def test_a_negative_report_has_negative_tax(tell, price, net, tax, gross):
    told = tell(
        [("2024-04-01", "bought", {"quantity": 1}), ("2024-04-11", "cancelled", {})],
        ["2024-04-01", "2024-04-30"],
        rule_set="flex",
        prices=price,
        tax_rate_percent="25",
    )
    run = told.result["runs"][1]
    assert (run["net"], run["tax"], run["gross"]) == (net, tax, gross)


def test_tax_is_one_figure_for_a_report_however_many_lines(tell):
    seven = [("2024-04-01", "bought", {"subscription": f"S{i}", "quantity": 1}) for i in range(7)]
    told = tell(seven, ["2024-04-01"], prices="0.02", tax_rate_percent="25")
    # 7 × 0.02 × 25 % = 0.035 → 0.04; by line it would be 7 × 0.01
    assert (told.result["runs"][0]["tax"], told.result["runs"][0]["gross"]) == ("0.04", "0.18")


@pytest.mark.parametrize(
    ("price", "percent", "amount"),
    [
        ("0.05", "10", "0.04"),  # discount 0.005 → 0.01
        ("9.99", "33.33", "6.66"),  # 3.329667 → 3.33
        ("9.99", "100", "0.00"),
        ("9.99", "0", "9.99"),
    ],
)
def test_a_promotion_is_a_rounded_discount_of_its_own(tell, price, percent, amount):
    told = tell(
        [("2024-04-01", "bought", {"quantity": 1, "promotion_percent": percent})],
        ["2024-04-01"],
        prices=price,
    )
    assert [row.split()[-1] for row in told.all] == [amount]


def test_a_promotion_ends_with_the_term_in_the_middle_of_a_prepaid_report(tell):
    told = tell(
        [
            ("2024-03-01", "bought", {"quantity": 10, "promotion_percent": "25"}),
            ("2024-03-20", "quantity", {"quantity": 14}),
        ],
        ["2024-04-30"],
        prices="31.00",
        term="P1M",
    )
    # 310 - 77.50; kept 232.50 × 19/31 = 142.50; 14 × 31 × 12/31 = 168 - 42
    assert told.all == [
        "cycle_fee 2024-03-01..2024-03-31 10 232.50",
        "refund 2024-03-20..2024-03-31 10 -90.00",
        "pro_rata 2024-03-20..2024-03-31 14 126.00",
        "cycle_fee 2024-04-01..2024-04-30 14 434.00",
    ]


# -- prices ------------------------------------------------------------------------------------------------------------


def test_two_immediate_prices_inside_one_cycle(tell):
    told = tell(
        [
            ("2024-03-01", "bought", {"quantity": 1}),
            ("2024-03-11", "price", {"product": "P1", "unit_price": "62.00"}),
            ("2024-03-21", "price", {"product": "P1", "unit_price": "15.50"}),
        ],
        ["2024-03-31", "2024-04-01"],
        rule_set="flex",
        prices="31.00",
        price_change_policy="immediate_prorated",
    )
    assert told.rows == [
        [
            "cycle_fee 2024-03-01..2024-03-31 1 31.00",
            "refund 2024-03-11..2024-03-31 1 -21.00",
            "pro_rata 2024-03-11..2024-03-31 1 42.00",
            "refund 2024-03-21..2024-03-31 1 -22.00",
            "pro_rata 2024-03-21..2024-03-31 1 5.50",
        ],
        ["cycle_fee 2024-04-01..2024-04-30 1 15.50"],
    ]


@pytest.mark.parametrize(
    ("policy", "fees"),
    [
        ("at_renewal", ["31.00", "31.00", "31.00"]),
        ("at_next_cycle", ["31.00", "62.00", "62.00"]),
        ("immediate_prorated", ["31.00", "62.00", "62.00"]),
    ],
)
def test_a_price_that_begins_with_a_cycle_is_the_price_of_that_cycle(tell, policy, fees):
    told = tell(
        [
            ("2024-01-01", "bought", {"quantity": 1}),
            ("2024-01-20", "2024-02-01", "price", {"product": "P1", "unit_price": "62.00"}),
        ],
        ["2024-03-01"],
        prices="31.00",
        term="P1Y",
        price_change_policy=policy,
    )
    assert [row.split()[-1] for row in told.all] == fees


def test_the_price_list_of_the_purchase_day_rules_and_the_next_one_waits_for_the_renewal(tell):
    rows = [
        {
            "product": "P1",
            "unit_price": price,
            "per": "P1M",
            "scope": "global",
            "valid_from": f"2024-0{month}-01",
        }
        for month, price in ((1, "10.00"), (2, "11.00"), (3, "12.00"))
    ]
    for day, first, renewed in (("2024-01-31", "10.00", "11.00"), ("2024-02-01", "11.00", "12.00")):
        told = tell([(day, "bought", {"quantity": 1})], ["2024-03-01"], prices=rows, term="P1M")
        assert [row.split()[-1] for row in told.all] == [first, renewed]


def test_an_edit_of_a_line_that_was_refunded_corrects_the_charge_and_its_refund(tell):
    told = tell(
        [
            ("2024-05-01", "bought", {"quantity": 1}),
            ("2024-05-21", "cancelled", {}),
            ("2024-06-10", "2024-05-01", "edited", {"unit_price": "15.50", "until": "2024-06-01"}),
        ],
        ["2024-05-31", "2024-06-30"],
        rule_set="flex",
        prices="31.00",
    )
    # used 20 of 31 days: 20.00 became 15.50 × 20/31 = 10.00
    assert told.rows[1] == [
        "refund 2024-05-01..2024-05-31 1 -31.00",
        "cycle_fee 2024-05-01..2024-05-31 1 15.50",
        "refund 2024-05-21..2024-05-31 1 -5.50",
        "pro_rata 2024-05-21..2024-05-31 1 11.00",
    ]
    assert {line["reason"] for line in told.result["runs"][1]["lines"]} == {"price_correction"}
    assert told.total == "10.00"


def test_an_edit_inside_a_cycle_with_changes_is_the_reason_of_every_line_it_rewrites(tell):
    told = tell(
        [
            ("2024-03-01", "bought", {"quantity": 5}),
            ("2024-03-05", "quantity", {"quantity": 8}),
            ("2024-03-10", "quantity", {"quantity": 10}),
            ("2024-03-20", "2024-03-01", "edited", {"unit_price": "12.40", "until": "2024-03-16"}),
        ],
        ["2024-03-15", "2024-03-31"],
        prices="24.80",
    )
    assert told.nets == ["224.00", "-48.00"]  # 5×4 + 8×5 + 10×6 = 120 seat-days at 0.40 less
    assert {line["reason"] for line in told.result["runs"][1]["lines"]} == {"price_correction"}


def test_a_quantity_learnt_late_keeps_its_reason_beside_a_price_edit(tell):
    told = tell(
        [
            ("2024-03-01", "bought", {"quantity": 1}),
            ("2024-04-02", "2024-03-11", "quantity", {"quantity": 2}),
            ("2024-04-03", "2024-03-01", "edited", {"unit_price": "62.00", "until": "2024-04-01"}),
        ],
        ["2024-03-31", "2024-04-30"],
        rule_set="flex",
        prices="31.00",
    )
    assert [(line["reason"], line["amount"]) for line in told.result["runs"][1]["lines"]] == [
        ("price_correction", "-31.00"),
        ("price_correction", "62.00"),
        ("add_quantity", "-42.00"),
        ("add_quantity", "84.00"),
        ("cycle", "62.00"),
    ]


def test_an_open_edit_prices_all_days_to_come_and_renewals_too(tell):
    told = tell(
        [
            ("2024-03-01", "bought", {"quantity": 2}),
            ("2024-03-11", "edited", {"unit_price": "15.50", "until": None}),
        ],
        ["2024-03-31", "2024-04-01"],
        prices="31.00",
        term="P1M",
    )
    assert told.rows == [
        [
            "cycle_fee 2024-03-01..2024-03-31 2 62.00",
            "refund 2024-03-11..2024-03-31 2 -42.00",
            "pro_rata 2024-03-11..2024-03-31 2 21.00",
        ],
        ["cycle_fee 2024-04-01..2024-04-30 2 31.00"],
    ]


def test_an_edit_over_a_change_of_quantity_prices_both_pieces(tell):
    told = tell(
        [
            ("2024-05-01", "bought", {"quantity": 1}),
            ("2024-05-11", "quantity", {"quantity": 3}),
            ("2024-06-10", "2024-05-01", "edited", {"unit_price": "62.00", "until": "2024-06-01"}),
        ],
        ["2024-05-31", "2024-06-30"],
        rule_set="flex",
        prices="31.00",
    )
    assert told.rows[0] == [
        "cycle_fee 2024-05-01..2024-05-31 1 31.00",
        "refund 2024-05-11..2024-05-31 1 -21.00",
        "pro_rata 2024-05-11..2024-05-31 3 63.00",
    ]
    assert told.rows[1] == [
        "refund 2024-05-01..2024-05-31 1 -31.00",
        "cycle_fee 2024-05-01..2024-05-31 1 62.00",
        "refund 2024-05-11..2024-05-31 1 -42.00",
        "refund 2024-05-11..2024-05-31 3 -63.00",
        "pro_rata 2024-05-11..2024-05-31 1 21.00",
        "pro_rata 2024-05-11..2024-05-31 3 126.00",
        "cycle_fee 2024-06-01..2024-06-30 3 93.00",
    ]
    assert told.nets[1] == "166.00"  # 73 seat-days at 1.00 more, and June


# -- credits -----------------------------------------------------------------------------------------------------------


def test_two_credits_and_a_cancellation_give_a_line_back_once(tell):
    told = tell(
        [
            ("2024-03-01", "bought", {"quantity": 5}),
            ("2024-03-05", "credit", {"amount": "30.00", "line_of": "2024-03-01"}),
            ("2024-03-06", "credit", {"amount": "30.00", "line_of": "2024-03-01"}),
            ("2024-03-15", "cancelled", {}),
        ],
        ["2024-03-31"],
        rule_set="flex",
    )
    assert [row.split()[-1] for row in told.all] == ["50.00", "-30.00", "-20.00"]
    assert told.rejections == [{"seq": 3, "code": "credit-exceeds-line"}]


def test_a_credit_after_the_refund_gets_only_what_the_refund_left(tell):
    told = tell(
        [
            ("2024-03-01", "bought", {"quantity": 5}),
            ("2024-03-15", "cancelled", {}),
            ("2024-04-20", "credit", {"amount": "40.00", "line_of": "2024-03-01"}),
        ],
        ["2024-03-31", "2024-04-30"],
        rule_set="flex",
    )
    assert told.rows[1] == ["adjustment 2024-03-01..2024-03-31 1 -22.58"]  # 50.00 - 27.42
    assert told.rejections == [{"seq": 3, "code": "credit-exceeds-line"}]


def test_a_credit_on_a_day_on_which_no_line_begins_is_named_and_not_posted(tell):
    told = tell(
        [
            ("2024-03-01", "bought", {"quantity": 5}),
            ("2024-03-05", "credit", {"amount": "5.00", "line_of": "2024-03-02"}),
        ],
        ["2024-03-31"],
        rule_set="flex",
    )
    assert (told.total, told.rejections) == ("50.00", [{"seq": 2, "code": "line-not-found"}])


def test_a_price_edit_below_a_credit_that_was_given_caps_the_credit_again(tell):
    told = tell(
        [
            ("2024-03-01", "bought", {"quantity": 5}),
            ("2024-03-05", "credit", {"amount": "20.00", "line_of": "2024-03-01"}),
            ("2024-04-10", "2024-03-01", "edited", {"unit_price": "2.00", "until": "2024-04-01"}),
        ],
        ["2024-03-31", "2024-04-30"],
        rule_set="flex",
    )
    march = [row for row in told.all if "2024-03" in row]
    assert sorted(row.split()[-1] for row in march) == [
        "-10.00",
        "-20.00",
        "-50.00",
        "10.00",
        "20.00",
        "50.00",
    ]
    assert told.total == "50.00"  # March is worth 10.00, all of it credited; April costs 50.00


# -- late, doubled, corrected ------------------------------------------------------------------------------------------


def test_an_increase_known_after_two_more_cycles_were_issued_corrects_all_three(tell):
    told = tell(
        [
            ("2024-04-10", "bought", {"quantity": 20}),
            ("2024-06-20", "2024-04-12", "quantity", {"quantity": 25}),
        ],
        ["2024-04-15", "2024-05-15", "2024-06-15", "2024-07-15"],
        prices="6.00",
        term="P1Y",
    )
    assert told.nets[:3] == ["120.00", "120.00", "120.00"]
    assert told.rows[3] == [
        "refund 2024-04-12..2024-05-09 20 -112.00",  # 120 × 28/30
        "pro_rata 2024-04-12..2024-05-09 25 140.00",
        "refund 2024-05-10..2024-06-09 20 -120.00",
        "cycle_fee 2024-05-10..2024-06-09 25 150.00",
        "refund 2024-06-10..2024-07-09 20 -120.00",
        "cycle_fee 2024-06-10..2024-07-09 25 150.00",
        "cycle_fee 2024-07-10..2024-08-09 25 150.00",
    ]


def test_a_cancellation_known_late_takes_back_what_followed_it(tell):
    told = tell(
        [
            ("2024-03-01", "bought", {"quantity": 1}),
            ("2024-05-20", "2024-03-22", "cancelled", {}),
        ],
        ["2024-03-31", "2024-04-30", "2024-05-31", "2024-06-30"],
        rule_set="flex",
        prices="31.00",
    )
    assert told.rows[2] == [
        "refund 2024-03-22..2024-03-31 1 -10.00",
        "refund 2024-04-01..2024-04-30 1 -31.00",
    ]
    assert told.rows[3] == []


def test_a_purchase_known_two_windows_late_posts_its_cycles_once(tell):
    told = tell(
        [("2024-05-20", "2024-03-10", "bought", {"quantity": 1})],
        ["2024-03-15", "2024-04-15", "2024-05-15", "2024-06-15"],
    )
    assert told.nets == ["0.00", "0.00", "0.00", "40.00"]
    assert [line["from"] for line in told.result["runs"][3]["lines"]] == [
        *("2024-03-10", "2024-04-10", "2024-05-10", "2024-06-10")
    ]


def test_a_change_known_before_its_purchase_is_waits_for_it(tell):
    told = tell(
        [
            ("2024-03-05", "quantity", {"quantity": 3}),
            ("2024-04-02", "2024-03-01", "bought", {"quantity": 1}),
        ],
        ["2024-03-31", "2024-04-30"],
        rule_set="flex",
        prices="31.00",
    )
    assert told.rows == [
        [],
        [
            "cycle_fee 2024-03-01..2024-03-31 1 31.00",
            "refund 2024-03-05..2024-03-31 1 -27.00",
            "pro_rata 2024-03-05..2024-03-31 3 81.00",
            "cycle_fee 2024-04-01..2024-04-30 3 93.00",
        ],
    ]


def test_a_corrected_purchase_day_moves_the_cycles(tell):
    told = tell(
        [
            ("2024-03-01", "bought", {"quantity": 1}),
            ("2024-03-20", "2024-03-05", "corrected", {"refs": [1]}),
        ],
        ["2024-03-15", "2024-04-05"],
        rule_set="flex",
        prices="31.00",
    )
    assert told.rows[1] == [
        "refund 2024-03-01..2024-03-31 1 -31.00",
        "cycle_fee 2024-03-05..2024-04-04 1 31.00",
        "cycle_fee 2024-04-05..2024-05-04 1 31.00",
    ]


def test_a_correction_taken_back_by_a_second_one_leaves_no_trace_in_the_total(tell):
    events = [
        ("2024-03-01", "bought", {"quantity": 1}),
        ("2024-03-11", "quantity", {"quantity": 2}),
        ("2024-04-10", "2024-03-21", "corrected", {"refs": [2]}),
        ("2024-05-10", "2024-03-11", "corrected", {"refs": [2]}),
    ]
    runs = ["2024-03-31", "2024-04-30", "2024-05-31"]
    told = tell(events, runs, rule_set="flex", prices="31.00")
    assert told.nets == ["52.00", "52.00", "72.00"]  # 62 - 10 in April, 62 + 10 in May
    assert told.total == tell(events[:2], runs, rule_set="flex", prices="31.00").total


def test_an_event_of_a_run_that_is_over_counts_where_it_came_after_that_run(tell):
    told = tell(
        [
            ("2024-03-01", "bought", {"quantity": 1}),
            ("2024-03-11", "quantity", {"quantity": 2, "after_run": 1}),
        ],
        ["2024-03-31", "2024-03-31"],
        rule_set="flex",
        prices="31.00",
    )
    assert told.nets == ["31.00", "21.00"]


def test_any_order_of_the_file_and_every_entry_thrice_give_the_same_bytes(story):
    told = story(
        [
            ("2024-03-01", "bought", {"quantity": 10}),
            ("2024-03-11", "quantity", {"quantity": 12}),
            ("2024-03-11", "product", {"product": "P2"}),
            ("2024-03-25", "2024-03-05", "quantity", {"quantity": 9}),
        ],
        ["2024-03-15", "2024-03-31"],
        rule_set="flex",
        prices={"P1": "7.77", "P2": "13.31"},
    )

    def bytes_of(timeline):
        read = parse(json.dumps(told | {"timeline": timeline}))
        return json.dumps(as_json(rate(read), read.digits, why=True))

    entries = told["timeline"]
    results = {bytes_of(list(order)) for order in itertools.permutations(entries)}
    results.add(bytes_of(entries * 3))
    assert len(results) == 1


@pytest.mark.parametrize(
    ("event", "nets"),
    [
        (("2024-03-11", "cancelled", {}), ["10.00", "0.00", "83.00"]),  # 21.00 and two fees come back
        (
            ("2024-04-02", "2024-03-01", "edited", {"unit_price": "62.00", "until": "2024-04-01"}),
            ["31.00", "62.00", "0.00"],  # 31.00 more in April, 31.00 less in May
        ),
        (("2024-03-05", "credit", {"amount": "10.00", "line_of": "2024-03-01"}), ["21.00", "31.00", "41.00"]),
    ],
)
def test_an_event_that_is_withdrawn_leaves_the_total_as_if_it_had_never_been(tell, event, nets):
    bought = ("2024-03-01", "bought", {"quantity": 1})
    withdrawn = ("2024-05-02", "2024-03-01", "suspension_withdrawn", {"refs": [2]})
    runs = ["2024-03-31", "2024-04-30", "2024-05-31"]
    told = tell([bought, event, withdrawn], runs, rule_set="flex", prices="31.00")
    assert (told.nets, told.total) == (nets, "93.00")
