"""Legacy stories of Microsoft's pages on monthly and annual billing (2022), beside those that the rulebook works out."""

import pytest


def legacy(tell, events, runs, **settings):
    return tell(events, runs, rule_set="legacy_anniversary", close_day=15, **settings)


def both(month: str, year: str):
    return [
        {"product": "P1", "unit_price": month, "per": "P1M", "scope": "global"},
        {"product": "P1", "unit_price": year, "per": "P1Y", "scope": "global"},
    ]


BOUGHT = ("2018-01-13", "bought", {"quantity": 1})


@pytest.mark.parametrize(
    ("profile", "rest"),
    [
        ("line_half_up", "41.82"),  # kept 48.00 × 47/365 = 6.18; the charge 48.00 × 318/365 = 41.819…
        ("daily_2dp", "41.34"),  # published: 318 × 0.13
    ],
)
def test_an_annual_subscription_suspended_and_reactivated(tell, profile, rest):
    settings = {"frequency": "P1Y", "prices": "48.00", "rounding_profile": profile}
    early = ("2018-02-01", "suspended", {})
    again = ("2018-03-01", "reactivated", {})
    assert legacy(tell, [BOUGHT, early, again], ["2018-02-15", "2018-03-15"], **settings).rows == [
        ["cycle_fee 2018-01-13..2019-01-12 1 48.00", "refund 2018-02-01..2019-01-12 1 -48.00"],
        [f"pro_rata 2018-03-01..2019-01-12 1 {rest}"],
    ]
    late = ("2018-03-01", "suspended", {})
    runs = ["2018-01-15", "2018-02-15", "2018-03-15", "2019-03-15"]
    assert legacy(tell, [BOUGHT, late], runs, **settings).rows == [
        ["cycle_fee 2018-01-13..2019-01-12 1 48.00"],
        [],
        [f"refund 2018-03-01..2019-01-12 1 -{rest}"],
        [],
    ]


def test_many_more_seats_and_an_annual_plan_on_one_day_cost_the_year_alone(tell):
    """26 May to 31 May at one seat: 211.00 × 6/31 = 40.84 (published per seat: 40.80). The new seats begin with the year."""
    told = legacy(
        tell,
        [
            ("2021-02-26", "bought", {"quantity": 1}),
            ("2021-06-01", "quantity", {"quantity": 2650}),
            ("2021-06-01", "plan", {"frequency": "P1Y"}),
        ],
        ["2021-05-15", "2021-06-15", "2022-06-15"],
        prices=both("211.00", "2701.20"),
    )
    assert told.rows[1:] == [
        [
            "cycle_fee 2021-05-26..2021-06-25 1 211.00",
            "refund 2021-05-26..2021-06-25 1 -211.00",
            "pro_rata 2021-05-26..2021-05-31 1 40.84",
            "cycle_fee 2021-06-01..2022-05-31 2650 7158180.00",
        ],
        ["cycle_fee 2022-06-01..2023-05-31 2650 7158180.00"],
    ]


def test_a_renewed_year_that_becomes_monthly_the_day_after_gives_364_days_back_and_begins_a_term(tell):
    """Kept 72,900.00 × 1/365 = 199.73 (published by a cut seat price: 72,700.30 back)."""
    told = legacy(
        tell,
        [
            ("2019-10-01", "bought", {"quantity": 150}),
            ("2020-10-02", "plan", {"frequency": "P1M"}),
            ("2021-10-01", "price", {"product": "P1", "unit_price": "50.00"}),
        ],
        ["2020-09-15", "2020-10-15", "2020-11-15", "2021-10-15"],
        frequency="P1Y",
        prices=both("40.50", "486.00"),
    )
    assert told.rows[1:3] == [
        [
            "cycle_fee 2020-10-01..2021-09-30 150 72900.00",
            "refund 2020-10-02..2021-09-30 150 -72700.27",
            "cycle_fee 2020-10-02..2020-11-01 150 6075.00",
        ],
        ["cycle_fee 2020-11-02..2020-12-01 150 6075.00"],
    ]
    assert [row.split()[1] for row in told.rows[3]][-1] == "2021-10-02..2021-11-01"


def test_suspended_and_changed_in_one_month_bills_each_quantity_for_its_days(tell):
    """The month for which Microsoft has a charge type and no figures (D-10): 31.00 for 31 days."""
    told = legacy(
        tell,
        [
            ("2018-06-01", "bought", {"quantity": 4}),
            ("2018-07-06", "quantity", {"quantity": 6}),
            ("2018-07-11", "quantity", {"quantity": 2}),
            ("2018-07-21", "suspended", {}),
            ("2018-07-26", "reactivated", {"quantity": 3}),
        ],
        ["2018-07-15", "2018-08-15"],
        prices="31.00",
    )
    # 4 × 5 + 6 × 5 + 2 × 10 days, nothing for 5, 3 × 6 days: 88.00
    assert told.rows[1] == [
        "refund 2018-07-01..2018-07-31 4 -124.00",
        "pro_rata 2018-07-01..2018-07-05 4 20.00",
        "pro_rata 2018-07-06..2018-07-10 6 30.00",
        "pro_rata 2018-07-11..2018-07-20 2 20.00",
        "pro_rata 2018-07-26..2018-07-31 3 18.00",
        "cycle_fee 2018-08-01..2018-08-31 3 93.00",
    ]


def test_quantities_that_return_to_the_first_one_are_still_grouped_by_their_days(tell):
    told = legacy(
        tell,
        [
            ("2018-06-01", "bought", {"quantity": 1}),
            ("2018-07-06", "quantity", {"quantity": 3}),
            ("2018-07-16", "quantity", {"quantity": 1}),
        ],
        ["2018-07-15", "2018-08-15"],
        prices="31.00",
    )
    assert told.rows[1] == [
        "refund 2018-07-01..2018-07-31 1 -31.00",
        "pro_rata 2018-07-01..2018-07-05 1 5.00",
        "pro_rata 2018-07-06..2018-07-15 3 30.00",
        "pro_rata 2018-07-16..2018-07-31 1 16.00",
        "cycle_fee 2018-08-01..2018-08-31 1 31.00",
    ]


def test_a_change_taken_back_on_its_day_posts_nothing(tell):
    told = legacy(
        tell,
        [
            ("2018-06-01", "bought", {"quantity": 1}),
            ("2018-07-06", "quantity", {"quantity": 3}),
            ("2018-07-06", "quantity", {"quantity": 1}),
        ],
        ["2018-07-15", "2018-08-15"],
        prices="31.00",
    )
    assert told.rows[1] == ["cycle_fee 2018-08-01..2018-08-31 1 31.00"]


@pytest.mark.parametrize(
    ("close_day", "starts"),
    [
        (31, ["2019-01-31", "2019-02-28", "2019-03-31", "2019-04-30"]),
        (30, ["2019-01-30", "2019-02-28", "2019-03-30", "2019-04-30"]),
        (29, ["2019-01-29", "2019-02-28", "2019-03-29", "2019-04-29"]),
    ],
)
def test_the_resellers_cycles_keep_their_close_day_over_february(tell, close_day, starts):
    told = tell(
        [("2019-01-10", "bought", {"quantity": 1})],
        ["2019-04-30"],
        rule_set="legacy_aligned",
        close_day=close_day,
    )
    assert [row.split()[1].split("..")[0] for row in told.all[1:]] == starts


# -- 2017, billing date 15, 5 seats bought on 20 January: free to 14 February, the first month runs to 19 February -------


@pytest.mark.parametrize(
    ("suspended", "reactivated", "restored"),
    [
        ("2017-02-01", "2017-02-10", None),  # both in the free stub: the fee of 15 February is the plain one
        ("2017-02-01", "2017-02-15", None),  # on the cycle's start the fee just has the new state
        ("2017-02-01", "2017-02-17", "pro_rata 2017-02-17..2017-03-14 5 50.00"),
        ("2017-02-15", "2017-02-17", "pro_rata 2017-02-17..2017-03-14 5 50.00"),
        ("2017-02-01", "2017-02-20", "pro_rata 2017-02-20..2017-03-14 5 41.07"),  # 50 × 23/28: it is over
    ],
)
def test_a_suspension_that_begins_in_the_free_stub(tell, suspended, reactivated, restored):
    told = tell(
        [
            ("2017-01-20", "bought", {"quantity": 5}),
            (suspended, "suspended", {}),
            (reactivated, "reactivated", {}),
        ],
        ["2017-03-14"],
        rule_set="legacy_aligned",
        close_day=15,
    )
    fee = restored or "cycle_fee 2017-02-15..2017-03-14 5 50.00"
    assert told.all == ["pro_rata 2017-01-20..2017-02-14 5 0.00", fee]


def test_seats_changed_while_suspended_since_the_stub_are_in_the_fee_and_those_of_the_day_a_pair(tell):
    told = tell(
        [
            ("2017-01-20", "bought", {"quantity": 5}),
            ("2017-02-01", "suspended", {}),
            ("2017-02-16", "quantity", {"quantity": 6}),
            ("2017-02-17", "reactivated", {"quantity": 8}),
        ],
        ["2017-02-28"],
        rule_set="legacy_aligned",
        close_day=15,
    )
    assert told.all[1:] == [
        "refund 2017-02-17..2017-03-14 6 -55.71",  # kept 60.00 × 2/28 = 4.29
        "pro_rata 2017-02-17..2017-03-14 6 60.00",
        "pro_rata 2017-02-17..2017-03-14 8 74.29",  # 80.00 × 26/28
    ]


@pytest.mark.parametrize(
    ("changed", "corrected"),
    [
        ("2018-05-29", ["cycle_fee 2018-05-29..2018-06-30 3 90.00"]),
        (
            "2018-05-30",
            ["cycle_fee 2018-05-29..2018-06-30 3 90.00"],
        ),  # free days cost nothing at any quantity
        ("2018-06-01", ["cycle_fee 2018-05-29..2018-06-30 3 90.00"]),
        ("2018-06-10", ["pro_rata 2018-05-29..2018-06-09 1 9.00", "pro_rata 2018-06-10..2018-06-30 3 63.00"]),
    ],
)
def test_a_change_around_the_free_days_of_a_purchase_on_the_29th_is_recognised_with_the_next_fee(
    tell, changed, corrected
):
    told = legacy(
        tell,
        [("2018-05-29", "bought", {"quantity": 1}), (changed, "quantity", {"quantity": 3})],
        ["2018-05-31", "2018-06-30", "2018-07-15"],
        prices="30.00",
    )
    assert told.rows == [
        ["cycle_fee 2018-05-29..2018-06-30 1 30.00"],
        [],
        [
            "refund 2018-05-29..2018-06-30 1 -30.00",
            *corrected,
            "cycle_fee 2018-07-01..2018-07-31 3 90.00",
        ],
    ]
