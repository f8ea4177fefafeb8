"""The worked examples of the rulebook (W-1 to W-38) as dated tables: every line, and the sum that a person can check."""

import pytest


def test_w1_aligned_several_changes_are_recognised_on_the_next_billing_date(tell):
    told = tell(
        [
            ("2017-07-01", "bought", {"quantity": 15}),
            ("2017-07-20", "quantity", {"quantity": 12}),
            ("2017-07-31", "quantity", {"quantity": 18}),
            ("2017-08-10", "quantity", {"quantity": 10}),
        ],
        ["2017-07-15", "2017-08-15"],
        rule_set="legacy_aligned",
        prices="11.00",
        close_day=15,
    )
    assert told.rows == [
        ["pro_rata 2017-07-01..2017-07-14 15 0.00", "cycle_fee 2017-07-15..2017-08-14 15 165.00"],
        [
            "refund 2017-07-15..2017-08-14 15 -165.00",
            "pro_rata 2017-07-15..2017-07-19 15 26.61",
            "pro_rata 2017-07-20..2017-07-30 12 46.84",
            "pro_rata 2017-07-31..2017-08-09 18 63.87",
            "pro_rata 2017-08-10..2017-08-14 10 17.74",
            "cycle_fee 2017-08-15..2017-09-14 10 110.00",
        ],
    ]
    assert told.nets == ["165.00", "100.06"]


def legacy(tell, events, runs, **settings):
    return tell(events, runs, rule_set="legacy_anniversary", close_day=15, **settings)


def test_w2_anniversary_new_monthly(tell):
    told = legacy(
        tell, [("2018-01-13", "bought", {"quantity": 1})], ["2018-01-15", "2018-02-15"], prices="4.00"
    )
    assert told.rows == [
        ["cycle_fee 2018-01-13..2018-02-12 1 4.00"],
        ["cycle_fee 2018-02-13..2018-03-12 1 4.00"],
    ]


def test_w3_anniversary_increase(tell):
    told = legacy(
        tell,
        [("2018-01-13", "bought", {"quantity": 1}), ("2018-02-01", "quantity", {"quantity": 2})],
        ["2018-01-15", "2018-02-15"],
        prices="4.00",
    )
    assert told.rows[1] == [
        "refund 2018-01-13..2018-02-12 1 -4.00",
        "pro_rata 2018-01-13..2018-01-31 1 2.45",
        "pro_rata 2018-02-01..2018-02-12 2 3.10",
        "cycle_fee 2018-02-13..2018-03-12 2 8.00",
    ]
    assert told.nets[1] == "9.55"


def test_w4_suspended_in_the_first_month_gives_all_of_it_back(tell):
    told = legacy(
        tell,
        [("2018-01-13", "bought", {"quantity": 1}), ("2018-02-01", "suspended", {})],
        ["2018-01-15", "2018-02-15"],
        prices="4.00",
    )
    assert told.rows[1] == ["refund 2018-02-01..2018-02-12 1 -4.00"]


@pytest.mark.parametrize(("profile", "refund"), [("line_half_up", "-1.71"), ("daily_3dp", "-1.72")])
def test_w5_suspended_later_is_prorated(tell, profile, refund):
    told = legacy(
        tell,
        [("2018-01-13", "bought", {"quantity": 1}), ("2018-03-01", "suspended", {})],
        ["2018-02-15", "2018-03-15"],
        prices="4.00",
        rounding_profile=profile,
    )
    assert told.rows[1] == [f"refund 2018-03-01..2018-03-12 1 {refund}"]


@pytest.mark.parametrize(
    ("profile", "first", "second"), [("line_half_up", "2.50", "91.00"), ("daily_2dp", "2.47", "89.96")]
)
def test_w6_annual_recognised_on_the_day(tell, profile, first, second):
    told = legacy(
        tell,
        [("2018-01-13", "bought", {"quantity": 1}), ("2018-02-01", "quantity", {"quantity": 2})],
        ["2018-01-15", "2018-02-15"],
        prices="48.00",
        frequency="P1Y",
        recognition="on_the_day",
        rounding_profile=profile,
    )
    assert told.rows == [
        ["cycle_fee 2018-01-13..2019-01-12 1 48.00"],
        [
            "refund 2018-01-13..2019-01-12 1 -48.00",
            f"pro_rata 2018-01-13..2018-01-31 1 {first}",
            f"pro_rata 2018-02-01..2019-01-12 2 {second}",
        ],
    ]


def test_w7_annual_recognised_on_the_monthly_anniversary(tell):
    told = tell(
        [("2017-02-11", "bought", {"quantity": 1}), ("2017-02-12", "quantity", {"quantity": 2})],
        ["2017-02-14", "2017-03-14", "2017-04-14"],
        rule_set="legacy_anniversary",
        close_day=14,
        prices="211.20",
        frequency="P1Y",
    )
    assert told.rows == [
        ["cycle_fee 2017-02-11..2018-02-10 1 211.20"],
        [
            "refund 2017-02-11..2018-02-10 1 -211.20",
            "pro_rata 2017-02-11..2017-02-11 1 0.58",
            "pro_rata 2017-02-12..2017-03-10 2 31.25",
            "pro_rata 2017-03-11..2018-02-10 2 390.00",
        ],
        [],
    ]


BOUGHT_IN_JUNE = ("2018-06-01", "bought", {"quantity": 1})


def test_w8_and_w26_first_cycle_and_renewal_dates(tell):
    told = legacy(tell, [BOUGHT_IN_JUNE], ["2018-06-15", "2018-07-15", "2019-06-15"], prices="30.00")
    assert told.rows[:2] == [
        ["cycle_fee 2018-06-01..2018-06-30 1 30.00"],
        ["cycle_fee 2018-07-01..2018-07-31 1 30.00"],
    ]
    assert told.rows[2][-1] == "cycle_fee 2019-06-01..2019-06-30 1 30.00"
    assert told.result["runs"][2]["lines"][-1]["reason"] == "renew"


def test_w9_suspended_and_reactivated_in_the_first_month(tell):
    told = legacy(
        tell,
        [BOUGHT_IN_JUNE, ("2018-06-05", "suspended", {}), ("2018-06-10", "reactivated", {})],
        ["2018-06-15"],
        prices="30.00",
    )
    assert told.all == [
        "cycle_fee 2018-06-01..2018-06-30 1 30.00",
        "refund 2018-06-05..2018-06-30 1 -30.00",
        "pro_rata 2018-06-10..2018-06-30 1 30.00",
    ]
    assert told.total == "30.00"


@pytest.mark.parametrize(("profile", "amount"), [("line_half_up", "21.29"), ("daily_3dp", "21.30")])
def test_w10_reactivated_in_a_later_month(tell, profile, amount):
    told = legacy(
        tell,
        [BOUGHT_IN_JUNE, ("2018-06-05", "suspended", {}), ("2018-07-10", "reactivated", {})],
        ["2018-06-15", "2018-07-15", "2018-08-15"],
        prices="30.00",
        rounding_profile=profile,
    )
    assert told.nets[0] == "0.00"
    assert told.rows[1:] == [
        [f"pro_rata 2018-07-10..2018-07-31 1 {amount}"],
        ["cycle_fee 2018-08-01..2018-08-31 1 30.00"],
    ]


def test_w11_a_change_inside_the_june_window_is_in_the_july_report(tell):
    told = legacy(
        tell,
        [BOUGHT_IN_JUNE, ("2018-06-10", "quantity", {"quantity": 2})],
        ["2018-06-15", "2018-07-15"],
        prices="30.00",
    )
    assert told.rows == [
        ["cycle_fee 2018-06-01..2018-06-30 1 30.00"],
        [
            "refund 2018-06-01..2018-06-30 1 -30.00",
            "pro_rata 2018-06-01..2018-06-09 1 9.00",
            "pro_rata 2018-06-10..2018-06-30 2 42.00",
            "cycle_fee 2018-07-01..2018-07-31 2 60.00",
        ],
    ]
    assert told.nets[1] == "81.00"


def test_w12_an_addon_is_aligned_to_its_base_and_renews_with_it(tell):
    told = legacy(
        tell,
        [
            BOUGHT_IN_JUNE,
            ("2018-06-10", "addon", {"subscription": "A1", "product": "P2", "quantity": 1, "base": "S1"}),
        ],
        ["2018-06-15", "2018-07-15", "2019-06-15"],
        prices={"P1": "30.00", "P2": "5.00"},
    )
    assert told.rows[0] == [
        "S1 cycle_fee 2018-06-01..2018-06-30 1 30.00",
        "A1 pro_rata 2018-06-10..2018-06-30 1 3.50",
    ]
    assert told.rows[1] == [
        "A1 cycle_fee 2018-07-01..2018-07-31 1 5.00",
        "S1 cycle_fee 2018-07-01..2018-07-31 1 30.00",
    ]
    assert [line["reason"] for line in told.result["runs"][2]["lines"][-2:]] == ["renew", "renew"]


def test_w13_bought_at_the_end_of_a_month(tell):
    told = legacy(
        tell,
        [("2018-05-29", "bought", {"quantity": 1})],
        ["2018-06-15", "2018-07-15", "2019-06-15"],
        prices="30.00",
    )
    assert told.rows[:2] == [
        ["cycle_fee 2018-05-29..2018-06-30 1 30.00"],
        ["cycle_fee 2018-07-01..2018-07-31 1 30.00"],
    ]
    assert told.result["runs"][2]["lines"][-1] | {"why": 0} == {
        "subscription": "S1", "product": "P1", "kind": "cycle_fee", "reason": "renew", "from": "2019-06-01",
        "to": "2019-06-30", "quantity": 1, "unit_price": "30.00", "amount": "30.00", "why": 0,
    }  # fmt: skip


def test_w14_increase_on_the_purchase_day(tell):
    told = tell(
        [("2019-06-11", "bought", {"quantity": 1}), ("2019-06-11", "quantity", {"quantity": 2})],
        ["2019-06-30"],
        prices="4.00",
    )
    assert told.all == [
        "refund 2019-06-11..2019-07-10 1 -4.00",
        "cycle_fee 2019-06-11..2019-07-10 1 4.00",
        "cycle_fee 2019-06-11..2019-07-10 2 8.00",
    ]
    assert told.total == "8.00"


@pytest.mark.parametrize(
    ("profile", "charge", "total"), [("line_half_up", "7.73", "7.86"), ("unit_half_up", "7.74", "7.87")]
)
def test_w15_increase_a_day_later(tell, profile, charge, total):
    told = tell(
        [("2019-06-11", "bought", {"quantity": 1}), ("2019-06-12", "quantity", {"quantity": 2})],
        ["2019-06-30"],
        prices="4.00",
        rounding_profile=profile,
    )
    assert told.all[1:] == [
        "refund 2019-06-12..2019-07-10 1 -3.87",
        f"pro_rata 2019-06-12..2019-07-10 2 {charge}",
    ]
    assert told.total == total


def test_w16_new_commerce_first_cycle(tell):
    told = tell([("2022-02-15", "bought", {"quantity": 1})], ["2022-02-28"], close_day=31, term="P1Y")
    assert told.all == ["cycle_fee 2022-02-15..2022-03-14 1 10.00"]


def test_w17_real_file_lines(tell):
    told = legacy(
        tell,
        [
            ("2019-03-16", "bought", {"quantity": 495}),
            ("2019-03-16", "quantity", {"quantity": 500}),
            ("2019-04-12", "quantity", {"quantity": 5}),
        ],
        ["2019-03-31", "2019-04-16"],
        prices="51.93",
    )
    assert told.rows[1] == [
        "refund 2019-03-16..2019-04-15 495 -25705.35",
        "pro_rata 2019-03-16..2019-04-11 500 22614.68",
        "pro_rata 2019-04-12..2019-04-15 5 33.50",
        "cycle_fee 2019-04-16..2019-05-15 5 259.65",
    ]
    assert told.nets[1] == "-2797.52"


def test_w18_promotion(tell):
    told = tell(
        [("2022-01-01", "bought", {"quantity": 135, "promotion_percent": "25"})],
        ["2022-01-01"],
        prices="41.62",
    )
    assert told.all == ["cycle_fee 2022-01-01..2022-01-31 135 4214.02"]


def test_w19_trial_to_paid(tell):
    told = tell(
        [
            ("2022-01-01", "bought", {"quantity": 25, "product": "TRIAL"}),
            ("2022-01-20", "product", {"product": "P1"}),
        ],
        ["2022-01-31"],
        prices={"TRIAL": "0.00", "P1": "52.61"},
        term="P1M",
    )
    assert told.all == [
        "cycle_fee 2022-01-01..2022-01-31 25 0.00",
        "cycle_fee 2022-01-20..2022-02-19 25 1315.25",
    ]


def test_w20_cancelled_on_the_purchase_day(tell):
    told = tell(
        [("2021-10-12", "bought", {"quantity": 10}), ("2021-10-12", "cancelled", {})],
        ["2021-11-30"],
        prices="3.00",
    )
    assert told.all == [
        "refund 2021-10-12..2021-11-11 10 -30.00",
        "cycle_fee 2021-10-12..2021-11-11 10 30.00",
    ]
    assert told.total == "0.00"


def test_w21_leading_stub(tell):
    told = tell([("2011-09-01", "bought", {"quantity": 1})], ["2011-09-15"], rule_set="flex", anchor="day 15")
    assert told.all == ["pro_rata 2011-09-01..2011-09-14 1 4.52", "cycle_fee 2011-09-15..2011-10-14 1 10.00"]


def test_w22_month_end(tell):
    told = tell([("2024-01-31", "bought", {"quantity": 1})], ["2024-04-01"], rule_set="flex")
    assert told.all == [
        "cycle_fee 2024-01-31..2024-02-28 1 10.00",
        "cycle_fee 2024-02-29..2024-03-30 1 10.00",
        "cycle_fee 2024-03-31..2024-04-29 1 10.00",
    ]


def test_w23_quantity_in_the_middle_of_march(tell):
    told = tell(
        [("2024-03-01", "bought", {"quantity": 5}), ("2024-03-15", "quantity", {"quantity": 10})],
        ["2024-03-01", "2024-03-15"],
        rule_set="flex",
    )
    assert told.rows[1] == [
        "refund 2024-03-15..2024-03-31 5 -27.42",
        "pro_rata 2024-03-15..2024-03-31 10 54.84",
    ]
    assert told.nets == ["50.00", "27.42"]


def test_w24_price_change_at_once(tell):
    told = tell(
        [
            ("2024-01-01", "bought", {"quantity": 1}),
            ("2024-01-02", "price", {"product": "P1", "unit_price": "20.00"}),
        ],
        ["2024-01-31", "2024-02-29"],
        rule_set="flex",
        price_change_policy="immediate_prorated",
    )
    assert told.rows == [
        [
            "cycle_fee 2024-01-01..2024-01-31 1 10.00",
            "refund 2024-01-02..2024-01-31 1 -9.68",
            "pro_rata 2024-01-02..2024-01-31 1 19.35",
        ],
        ["cycle_fee 2024-02-01..2024-02-29 1 20.00"],
    ]
    assert told.nets[0] == "19.67"


def test_w25_outside_the_window_a_decrease_waits_for_the_end_of_the_period(tell):
    told = tell(
        [
            ("2024-06-01", "bought", {"quantity": 5}),
            ("2024-06-16", "quantity", {"quantity": 10}),
            ("2024-06-24", "request", {"quantity": 5}),
            ("2024-06-24", "scheduled", {"at": "renewal", "quantity": 5}),
        ],
        ["2024-06-30", "2024-07-31"],
        term="P1M",
    )
    assert told.rows == [
        [
            "cycle_fee 2024-06-01..2024-06-30 5 50.00",
            "refund 2024-06-16..2024-06-30 5 -25.00",
            "pro_rata 2024-06-16..2024-06-30 10 50.00",
        ],
        ["cycle_fee 2024-07-01..2024-07-31 5 50.00"],
    ]
    assert told.rejections == [{"seq": 3, "code": "commitment-locked", "allowed_from": "2024-07-01"}]


def test_w25_without_refunds_a_decrease_counts_from_the_next_cycle(tell):
    told = tell(
        [("2024-06-01", "bought", {"quantity": 10}), ("2024-06-16", "quantity", {"quantity": 5})],
        ["2024-06-30", "2024-07-31"],
        rule_set="flex",
        refund_policy="none",
    )
    assert told.all == [
        "cycle_fee 2024-06-01..2024-06-30 10 100.00",
        "cycle_fee 2024-07-01..2024-07-31 5 50.00",
    ]


def test_w27_historic_price_edit(tell):
    told = tell(
        [
            ("2024-05-01", "bought", {"quantity": 12}),
            ("2024-07-03", "2024-05-01", "edited", {"unit_price": "8.90", "until": "2024-06-01"}),
        ],
        ["2024-05-15", "2024-06-15", "2024-07-15"],
        prices="9.90",
        close_day=15,
    )
    assert told.rows[2] == [
        "refund 2024-05-01..2024-05-31 12 -118.80",
        "cycle_fee 2024-05-01..2024-05-31 12 106.80",
        "cycle_fee 2024-07-01..2024-07-31 12 118.80",
    ]
    corrected = told.result["runs"][2]["lines"][:2]
    assert [line["reason"] for line in corrected] == ["price_correction", "price_correction"]
    assert corrected[1]["unit_price"] == "8.90"


def test_w28_late_event(tell):
    told = tell(
        [
            ("2024-04-10", "bought", {"quantity": 20}),
            ("2024-04-20", "2024-04-12", "quantity", {"quantity": 25}),
        ],
        ["2024-04-15", "2024-05-15"],
        prices="6.00",
        close_day=15,
    )
    assert told.rows == [
        ["cycle_fee 2024-04-10..2024-05-09 20 120.00"],
        [
            "refund 2024-04-12..2024-05-09 20 -112.00",
            "pro_rata 2024-04-12..2024-05-09 25 140.00",
            "cycle_fee 2024-05-10..2024-06-09 25 150.00",
        ],
    ]


def test_w29_two_decreases_from_one_purchase(tell):
    told = tell(
        [
            ("2024-03-01", "bought", {"quantity": 10}),
            ("2024-03-03", "quantity", {"quantity": 8}),
            ("2024-03-05", "quantity", {"quantity": 7}),
        ],
        ["2024-03-31"],
        prices="7.99",
    )
    assert told.all == [
        "cycle_fee 2024-03-01..2024-03-31 10 79.90",
        "refund 2024-03-03..2024-03-31 10 -74.75",
        "pro_rata 2024-03-03..2024-03-31 8 59.80",
        "refund 2024-03-05..2024-03-31 8 -55.68",
        "pro_rata 2024-03-05..2024-03-31 7 48.71",
    ]
    assert told.total == "57.98"


def test_w31_conversion(tell):
    told = tell(
        [
            ("2024-06-01", "bought", {"quantity": 20}),
            ("2024-06-12", "product", {"product": "P2"}),
        ],
        ["2024-06-30", "2024-07-31", "2025-06-30"],
        prices={"P1": "5.00", "P2": "9.00"},
    )
    assert told.rows[:2] == [
        [
            "cycle_fee 2024-06-01..2024-06-30 20 100.00",
            "refund 2024-06-12..2024-06-30 20 -63.33",
            "pro_rata 2024-06-12..2024-06-30 20 114.00",
        ],
        ["cycle_fee 2024-07-01..2024-07-31 20 180.00"],
    ]
    assert [line["reason"] for line in told.result["runs"][0]["lines"]] == [
        "purchase",
        "convert_out",
        "convert_in",
    ]
    assert told.result["runs"][2]["lines"][-1]["reason"] == "renew"  # the term's end has not moved


def test_w32_tax_is_rounded_once_per_report(tell):
    bought = [("2024-01-01", "bought", {"subscription": f"S{i}", "quantity": 1}) for i in (1, 2, 3)]
    told = tell(bought, ["2024-01-31"], prices="3.33", tax_rate_percent="25")
    assert told.result["runs"][0] | {"lines": []} == {
        "as_of": "2024-01-31", "lines": [], "net": "9.99", "tax": "2.50", "gross": "12.49",
    }  # fmt: skip


def test_w33_zero_decimal_currency(tell):
    told = tell(
        [("2024-01-01", "bought", {"quantity": 3})],
        ["2024-01-31"],
        rule_set="flex",
        anchor="day 8",
        prices="1180",
        currency="JPY",
        digits=0,
    )
    assert told.all[0] == "pro_rata 2024-01-01..2024-01-07 3 799"


@pytest.mark.parametrize(("profile", "charge"), [("line_half_up", "112.90"), ("line_down", "112.89")])
def test_w34_two_seats_more_on_the_third_day(tell, profile, charge):
    told = tell(
        [("2021-06-18", "bought", {"quantity": 10}), ("2021-06-20", "quantity", {"quantity": 12})],
        ["2021-06-30"],
        prices="10.08",
        rounding_profile=profile,
    )
    assert told.all == [
        "cycle_fee 2021-06-18..2021-07-17 10 100.80",
        "refund 2021-06-20..2021-07-17 10 -94.08",
        f"pro_rata 2021-06-20..2021-07-17 12 {charge}",
    ]


@pytest.mark.parametrize(
    ("bought", "term", "ends"),
    [
        ("2021-01-31", "P1M", ["2021-02-27", "2021-03-30"]),
        ("2021-06-30", "P1M", ["2021-07-29", "2021-08-29"]),
        ("2021-01-31", "P1Y", ["2021-02-27", "2021-03-30", "2021-04-29"]),
        ("2021-06-30", "P1Y", ["2021-07-30", "2021-08-30", "2021-09-29"]),
        ("2021-01-30", "P1Y", ["2021-02-26", "2021-03-29", "2021-04-28"]),
    ],
)
def test_w35_new_commerce_month_ends(tell, bought, term, ends):
    told = tell([(bought, "bought", {"quantity": 1})], ["2022-03-01"], term=term)
    assert [line["to"] for line in told.result["runs"][0]["lines"]][: len(ends)] == ends


def test_w35_the_annual_term_ends_where_its_cycles_end(tell):
    told = tell([("2021-01-31", "bought", {"quantity": 1})], ["2022-02-01"], term="P1Y")
    renewed = [line for line in told.result["runs"][0]["lines"] if line["reason"] == "renew"]
    assert [line["from"] for line in renewed] == ["2022-01-31"]


@pytest.mark.parametrize(
    ("frequency", "term", "price", "reasons", "amounts"),
    [
        ("P1M", "P1M", "10.08", ["purchase", "renew"], ["100.80", "100.80"]),
        ("P1M", "P1Y", "10.08", ["purchase", "cycle"], ["100.80", "100.80"]),
        ("P1Y", "P1Y", "120.96", ["purchase"], ["1209.60"]),
    ],
)
def test_w36_new_commerce_charge_types(tell, frequency, term, price, reasons, amounts):
    told = tell(
        [("2021-06-18", "bought", {"quantity": 10})],
        ["2021-07-31"],
        prices=price,
        frequency=frequency,
        term=term,
    )
    lines = told.result["runs"][0]["lines"]
    assert [line["reason"] for line in lines] == reasons
    assert [line["amount"] for line in lines] == amounts


def test_w37_coterm_monthly(tell):
    told = tell(
        [("2022-03-02", "bought", {"quantity": 1, "term_end_on": "2022-04-02"})], ["2022-04-30"], term="P1M"
    )
    assert told.all[-1] == "cycle_fee 2022-04-03..2022-05-02 1 10.00"
    assert told.result["runs"][0]["lines"][-1]["reason"] == "renew"


def test_w37_coterm_three_years_prepaid_pays_27_of_36_months_by_days(tell):
    told = tell(
        [("2022-07-02", "bought", {"quantity": 1, "term_end_on": "2024-10-01"})],
        ["2024-10-02"],
        prices="1096.00",
        frequency="P3Y",
        term="P3Y",
    )
    # 2 Oct 2021 to 1 Oct 2024 has 1096 days, of which 823 are charged.
    assert told.all == [
        "pro_rata 2022-07-02..2024-10-01 1 823.00",
        "cycle_fee 2024-10-02..2027-10-01 1 1096.00",
    ]


def test_w37_coterm_to_a_calendar_month_bills_calendar_months(tell):
    told = tell(
        [("2022-07-15", "bought", {"quantity": 1, "term_end_on": "2025-06-30"})],
        ["2022-08-31"],
        prices="31.00",
        term="P3Y",
    )
    assert told.all == ["pro_rata 2022-07-15..2022-07-31 1 17.00", "cycle_fee 2022-08-01..2022-08-31 1 31.00"]


def test_w38_takeover(tell):
    told = tell(
        [
            ("2026-06-02", "2026-03-10", "bought", {"quantity": 5}),
            ("2026-06-02", "2026-05-20", "quantity", {"quantity": 8}),
        ],
        ["2026-06-15"],
        close_day=15,
        billing_from="2026-05-16",
        term="P1Y",
    )
    assert told.all == [
        "refund 2026-05-20..2026-06-09 5 -33.87",
        "pro_rata 2026-05-20..2026-06-09 8 54.19",
        "cycle_fee 2026-06-10..2026-07-09 8 80.00",
    ]
    assert told.total == "100.32"
