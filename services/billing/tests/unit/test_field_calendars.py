"""Months, years and stubs as other billing engines and Microsoft's documents tell them: dates and figures, worked by hand.

A price that equals the days of its cycle makes a day cost 1.00, so that most amounts are a count of days.
"""

import pytest


def both(month: str, year: str):
    return [
        {"product": "P1", "unit_price": month, "per": "P1M", "scope": "global"},
        {"product": "P1", "unit_price": year, "per": "P1Y", "scope": "global"},
    ]


def starts(told) -> list[str]:
    return [row.split()[1].split("..")[0] for row in told.all]


# -- Microsoft, month ends (2022): the whole of both tables, one seat, any price --------------------------------------


@pytest.mark.parametrize(
    ("bought", "until", "days"),
    [
        (  # the last day of a month
            "2021-01-31",
            "2022-01-31",
            [
                "01-31",
                "02-28",
                "03-31",
                "04-30",
                "05-31",
                "06-30",
                "07-31",
                "08-31",
                "09-30",
                "10-31",
                "11-30",
                "12-31",
                "01-31",
            ],
        ),
        (  # the day before the last
            "2021-01-30",
            "2022-01-30",
            [
                "01-30",
                "02-27",
                "03-30",
                "04-29",
                "05-30",
                "06-29",
                "07-30",
                "08-30",
                "09-29",
                "10-30",
                "11-29",
                "12-30",
                "01-30",
            ],
        ),
        (  # the 29th of February is a last day: the year after, the 28th is
            "2024-02-29",
            "2025-02-28",
            [
                "02-29",
                "03-31",
                "04-30",
                "05-31",
                "06-30",
                "07-31",
                "08-31",
                "09-30",
                "10-31",
                "11-30",
                "12-31",
                "01-31",
                "02-28",
            ],
        ),
        (  # the 28th of a leap February is the day before the last; the year after, the 27th is
            "2024-02-28",
            "2025-02-27",
            [
                "02-28",
                "03-30",
                "04-29",
                "05-30",
                "06-29",
                "07-30",
                "08-30",
                "09-29",
                "10-30",
                "11-29",
                "12-30",
                "01-30",
                "02-27",
            ],
        ),
        (  # two days before the last: the plain step, clamped in February only
            "2021-01-29",
            "2021-04-29",
            ["01-29", "02-28", "03-29", "04-29"],
        ),
    ],
)
def test_an_annual_term_billed_monthly_keeps_its_distance_from_the_end_of_the_month(
    tell, bought, until, days
):
    told = tell([(bought, "bought", {"quantity": 1})], [until], term="P1Y")
    assert [day[5:] for day in starts(told)] == days


@pytest.mark.parametrize(
    ("bought", "ends"),
    [
        ("2021-01-31", "2021-02-27"),
        ("2021-02-28", "2021-03-27"),
        ("2021-05-31", "2021-06-29"),
        ("2021-06-30", "2021-07-29"),
        ("2021-07-31", "2021-08-30"),
        ("2021-01-30", "2021-02-27"),
        ("2021-02-27", "2021-03-26"),
        ("2021-05-30", "2021-06-29"),
        ("2021-06-29", "2021-07-28"),
        ("2021-07-30", "2021-08-29"),
        ("2024-01-31", "2024-02-28"),  # in a leap year it renews on the 29th
    ],
)
def test_a_monthly_term_steps_by_the_day_of_the_month(tell, bought, ends):
    told = tell([(bought, "bought", {"quantity": 1})], [bought], term="P1M")
    assert told.all == [f"cycle_fee {bought}..{ends} 1 10.00"]


@pytest.mark.parametrize(("bought", "march"), [("2023-01-31", "2023-03-31"), ("2023-01-30", "2023-03-30")])
def test_a_monthly_term_pulled_to_february_returns_to_its_day(tell, bought, march):
    told = tell([(bought, "bought", {"quantity": 1})], ["2023-03-31"], term="P1M")
    assert starts(told) == [bought, "2023-02-28", march]


def test_february_has_28_charge_cycle_days_and_march_31_though_both_cycles_end_on_the_20th(tell):
    told = tell(
        [
            ("2022-02-21", "bought", {"quantity": 1}),
            ("2022-03-07", "quantity", {"quantity": 3}),  # 14 of 28 days left
            ("2022-03-31", "quantity", {"quantity": 5}),  # 21 of 31 days left
        ],
        ["2022-04-20"],
        prices="62.00",
        term="P1Y",
    )
    assert told.all == [
        "cycle_fee 2022-02-21..2022-03-20 1 62.00",
        "refund 2022-03-07..2022-03-20 1 -31.00",
        "pro_rata 2022-03-07..2022-03-20 3 93.00",
        "cycle_fee 2022-03-21..2022-04-20 3 186.00",
        "refund 2022-03-31..2022-04-20 3 -126.00",
        "pro_rata 2022-03-31..2022-04-20 5 210.00",
    ]


# -- leap years -------------------------------------------------------------------------------------------------------


def test_an_annual_subscription_of_29_february_returns_to_it_in_the_next_leap_year(tell):
    told = tell([("2024-02-29", "bought", {"quantity": 1})], ["2028-02-29"], frequency="P1Y", prices="366.00")
    assert told.all == [
        "cycle_fee 2024-02-29..2025-02-27 1 366.00",
        "cycle_fee 2025-02-28..2026-02-27 1 366.00",
        "cycle_fee 2026-02-28..2027-02-27 1 366.00",
        "cycle_fee 2027-02-28..2028-02-28 1 366.00",
        "cycle_fee 2028-02-29..2029-02-27 1 366.00",
    ]


@pytest.mark.parametrize(
    ("year", "price", "refund"),
    [
        ("2023", "366.00", "-306.00"),  # 1 Mar 2023 to 29 Feb 2024 has 366 days: 60 used, 306 left
        ("2022", "365.00", "-305.00"),  # 1 Mar 2022 to 28 Feb 2023 has 365
        ("2022", "366.00", "-305.84"),  # 366 × 60/365 = 60.164… kept
    ],
)
def test_a_year_has_365_or_366_days_as_it_falls(tell, year, price, refund):
    told = tell(
        [(f"{year}-03-01", "bought", {"quantity": 1}), (f"{year}-04-30", "cancelled", {})],
        [f"{year}-12-31"],
        rule_set="flex",
        frequency="P1Y",
        prices=price,
    )
    assert told.all[1].split()[-1] == refund


def test_a_three_year_term_of_29_february_ends_on_27_february(tell):
    told = tell(
        [("2024-02-29", "bought", {"quantity": 2})],
        ["2027-02-28"],
        frequency="P3Y",
        term="P3Y",
        prices="1000.00",
    )
    assert told.all == [
        "cycle_fee 2024-02-29..2027-02-27 2 2000.00",
        "cycle_fee 2027-02-28..2030-02-27 2 2000.00",
    ]


def test_seats_added_in_the_third_year_of_a_prepaid_term_pay_the_days_that_are_left(tell):
    told = tell(
        [("2023-01-01", "bought", {"quantity": 1}), ("2025-12-01", "quantity", {"quantity": 2})],
        ["2025-12-31"],
        frequency="P3Y",
        term="P3Y",
        prices="1096.00",  # 365 + 366 + 365 days
    )
    assert told.all == [
        "cycle_fee 2023-01-01..2025-12-31 1 1096.00",
        "refund 2025-12-01..2025-12-31 1 -31.00",
        "pro_rata 2025-12-01..2025-12-31 2 62.00",
    ]


def test_a_legacy_purchase_on_29_february_is_anchored_on_1_march_and_prints_its_free_day(tell):
    told = tell(
        [("2020-02-29", "bought", {"quantity": 1}), ("2020-04-11", "quantity", {"quantity": 2})],
        ["2020-05-01"],
        rule_set="legacy_anniversary",
        prices="30.00",
    )
    assert told.all == [
        "cycle_fee 2020-02-29..2020-03-31 1 30.00",
        "cycle_fee 2020-04-01..2020-04-30 1 30.00",
        "refund 2020-04-01..2020-04-30 1 -30.00",
        "pro_rata 2020-04-01..2020-04-10 1 10.00",
        "pro_rata 2020-04-11..2020-04-30 2 40.00",
        "cycle_fee 2020-05-01..2020-05-31 2 60.00",
    ]


@pytest.mark.parametrize(
    ("year", "february"),
    [("2023", ["2023-02-28", "2023-03-31"]), ("2024", ["2024-02-29", "2024-03-31"])],
)
@pytest.mark.parametrize("anchor", ["purchase", "day 31"])
def test_an_anchor_on_the_31st_is_the_last_day_of_short_months_and_the_31st_again(
    tell, year, february, anchor
):
    told = tell(
        [(f"{year}-01-31", "bought", {"quantity": 1})], [f"{year}-04-30"], rule_set="flex", anchor=anchor
    )
    assert starts(told) == [f"{year}-01-31", *february, f"{year}-04-30"]


# -- stubs (Kill Bill's leading and trailing prorations; Stripe's backdated subscriptions) ----------------------------


@pytest.mark.parametrize(
    ("start", "anchor", "rows"),
    [
        (  # 12 of 365 days
            "2011-02-01",
            "2011-02-13",
            [
                "pro_rata 2011-02-01..2011-02-12 1 12.00",
                "cycle_fee 2011-02-13..2012-02-12 1 365.00",
            ],
        ),
        (  # 349 of the 365 days that end on 14 January 2012
            "2011-01-31",
            "2011-01-15",
            ["pro_rata 2011-01-31..2012-01-14 1 349.00", "cycle_fee 2012-01-15..2013-01-14 1 365.00"],
        ),
        (  # 354 of 365 days over the turn of the year
            "2010-12-15",
            "2010-12-04",
            ["pro_rata 2010-12-15..2011-12-03 1 354.00", "cycle_fee 2011-12-04..2012-12-03 1 365.00"],
        ),
    ],
)
def test_an_annual_stub_is_a_part_of_the_year_that_ends_with_it(tell, start, anchor, rows):
    told = tell(
        [(start, "bought", {"quantity": 1})],
        ["2012-02-01"],
        rule_set="flex",
        frequency="P1Y",
        anchor=anchor,
        prices="365.00",
    )
    assert told.all == rows


def test_the_last_year_of_a_cancelled_subscription_keeps_the_days_that_were_used(tell):
    # 17 Jun 2011 to 16 Jun 2012 has 366 days; 8 are used: 366 × 8/366 = 8.00 kept.
    told = tell(
        [("2010-06-17", "bought", {"quantity": 1}), ("2011-06-25", "cancelled", {})],
        ["2012-12-31"],
        rule_set="flex",
        frequency="P1Y",
        prices="366.00",
    )
    assert told.all[1:] == [
        "cycle_fee 2011-06-17..2012-06-16 1 366.00",
        "refund 2011-06-25..2012-06-16 1 -358.00",
    ]


@pytest.mark.parametrize(
    ("start", "stub"), [("2023-02-15", "14.00"), ("2023-01-15", "15.35"), ("2024-02-15", "14.48")]
)
def test_a_subscription_backdated_before_its_anchor_pays_its_share_of_an_imagined_month(tell, start, stub):
    # 14 of 28 days = one half; 28 × 17/31 = 15.354…; 28 × 15/29 = 14.482…
    told = tell(
        [(start, "bought", {"quantity": 1})],
        [start],
        rule_set="flex",
        anchor="day 1",
        prices="28.00",
    )
    assert told.all[0].split()[-1] == stub


def test_days_before_the_anchor_can_be_free(tell):
    told = tell(
        [("2024-05-15", "bought", {"quantity": 2}), ("2024-05-20", "quantity", {"quantity": 3})],
        ["2024-06-01"],
        rule_set="flex",
        anchor="day 1",
        free_stub=True,
    )
    assert told.all == ["pro_rata 2024-05-15..2024-05-31 2 0.00", "cycle_fee 2024-06-01..2024-06-30 3 30.00"]


# -- custom ends (Microsoft, aligned end dates) -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("term", "price", "renewed_until"),
    [
        ("P1Y", "365.00", "2023-10-01"),  # the virtual year 2 Oct 2021 to 1 Oct 2022: 365 days
        ("P3Y", "1096.00", "2025-10-01"),  # the virtual three years from 2 Oct 2019: 1,096 days
    ],
)
def test_a_term_aligned_to_an_end_in_three_months_pays_its_93_days_and_then_runs_full(
    tell, term, price, renewed_until
):
    told = tell(
        [("2022-07-01", "bought", {"quantity": 1, "term_end_on": "2022-10-01"})],
        ["2022-10-02"],
        frequency=term,
        term=term,
        prices=price,
    )
    assert told.all == [
        "pro_rata 2022-07-01..2022-10-01 1 93.00",
        f"cycle_fee 2022-10-02..{renewed_until} 1 {price}",
    ]


@pytest.mark.parametrize(
    ("term", "end", "august"), [("P1M", "2022-07-31", "renew"), ("P1Y", "2023-06-30", "cycle")]
)
def test_an_end_aligned_with_the_calendar_month_bills_calendar_months(tell, term, end, august):
    told = tell(
        [("2022-07-15", "bought", {"quantity": 1, "term_end_on": end})],
        ["2022-09-01"],
        term=term,
        prices="31.00",
    )
    assert told.all == [
        "pro_rata 2022-07-15..2022-07-31 1 17.00",
        "cycle_fee 2022-08-01..2022-08-31 1 31.00",
        "cycle_fee 2022-09-01..2022-09-30 1 31.00",
    ]
    assert told.result["runs"][0]["lines"][1]["reason"] == august


def test_a_seat_added_in_an_aligned_stub_pays_the_same_virtual_month(tell):
    told = tell(
        [
            ("2022-07-15", "bought", {"quantity": 1, "term_end_on": "2022-07-31"}),
            ("2022-07-22", "quantity", {"quantity": 2}),  # 10 of the 17 days are left
        ],
        ["2022-07-31"],
        term="P1M",
        prices="31.00",
    )
    assert told.all[1:] == [
        "refund 2022-07-22..2022-07-31 1 -10.00",
        "pro_rata 2022-07-22..2022-07-31 2 20.00",
    ]


def test_an_end_given_for_the_next_renewal_shortens_that_term_only(tell):
    # 1 Jul to 30 Sep 2023 are 92 of the 365 days that end on 30 September 2023.
    told = tell(
        [
            ("2022-07-01", "bought", {"quantity": 1}),
            ("2023-01-01", "scheduled", {"at": "renewal", "term_end_on": "2023-09-30"}),
        ],
        ["2024-09-30"],
        frequency="P1Y",
        prices="365.00",
    )
    assert told.all == [
        "cycle_fee 2022-07-01..2023-06-30 1 365.00",
        "pro_rata 2023-07-01..2023-09-30 1 92.00",
        "cycle_fee 2023-10-01..2024-09-30 1 365.00",
    ]


# -- billing plans (Microsoft, three-year term of 20 September 2021) --------------------------------------------------


def test_an_annual_plan_becomes_monthly_after_its_year(tell):
    told = tell(
        [("2021-09-20", "bought", {"quantity": 10}), ("2022-09-19", "plan", {"frequency": "P1M"})],
        ["2022-10-20"],
        frequency="P1Y",
        term="P3Y",
        prices=both("20.00", "250.00"),
    )
    assert told.all == [
        "cycle_fee 2021-09-20..2022-09-19 10 2500.00",
        "cycle_fee 2022-09-20..2022-10-19 10 200.00",
        "cycle_fee 2022-10-20..2022-11-19 10 200.00",
    ]


def test_a_monthly_plan_changed_to_annual_on_the_last_month_of_the_term_pays_one_twelfth(tell):
    # Term to 19 Sep 2022; changed in the eleventh cycle: 1 of 12 months, 250 / 12 = 20.83 (cut) × 10.
    told = tell(
        [("2021-09-20", "bought", {"quantity": 10}), ("2022-08-01", "plan", {"frequency": "P1Y"})],
        ["2022-09-20"],
        term="P1Y",
        prices=both("20.00", "250.00"),
    )
    assert told.all[-2:] == [
        "pro_rata 2022-08-20..2022-09-19 10 208.30",
        "cycle_fee 2022-09-20..2023-09-19 10 2500.00",
    ]


# -- report windows ---------------------------------------------------------------------------------------------------


def test_a_purchase_on_the_close_day_is_in_its_window_and_one_a_day_later_in_the_next(tell):
    told = tell(
        [
            ("2024-03-15", "bought", {"quantity": 1}),
            ("2024-03-16", "bought", {"subscription": "S2", "quantity": 1}),
        ],
        ["2024-03-15", "2024-04-15", "2024-04-15"],
        close_day=15,
    )
    assert told.rows == [
        ["S1 cycle_fee 2024-03-15..2024-04-14 1 10.00"],
        ["S2 cycle_fee 2024-03-16..2024-04-15 1 10.00", "S1 cycle_fee 2024-04-15..2024-05-14 1 10.00"],
        [],
    ]


def test_months_of_an_annual_plan_without_a_change_are_empty_reports(tell):
    told = tell(
        [("2024-01-10", "bought", {"quantity": 1})],
        [f"2024-{month:02}-15" for month in range(1, 13)],
        frequency="P1Y",
        rule_set="legacy_anniversary",
        close_day=15,
        prices="120.00",
    )
    assert told.nets == ["120.00"] + ["0.00"] * 11


def test_a_story_without_events_or_before_its_first_event_posts_nothing(tell):
    told = tell([("2024-03-01", "bought", {"quantity": 1})], ["2024-01-31", "2024-02-29", "2024-03-01"])
    assert told.nets == ["0.00", "0.00", "10.00"]
    assert tell([], ["2024-01-31"]).nets == ["0.00"]


def test_legacy_and_new_commerce_stand_in_one_story_each_under_its_own_rules(tell):
    told = tell(
        [
            ("2021-06-01", "bought", {"quantity": 1, "rule_set": "legacy_anniversary"}),
            ("2021-06-01", "bought", {"subscription": "S2", "quantity": 1}),
            ("2021-06-16", "quantity", {"quantity": 2}),
            ("2021-06-16", "quantity", {"subscription": "S2", "quantity": 2}),
        ],
        ["2021-06-30"],
        prices="30.00",
        term="P1Y",
    )
    assert told.all == [
        "S1 cycle_fee 2021-06-01..2021-06-30 1 30.00",
        "S2 cycle_fee 2021-06-01..2021-06-30 1 30.00",
        "S2 refund 2021-06-16..2021-06-30 1 -15.00",
        "S2 pro_rata 2021-06-16..2021-06-30 2 30.00",
    ]
