"""Changes as other billing engines and Microsoft's documents tell them: seats, conversions, suspensions, cancellations."""

import pytest


def rated(tell, events, until, **settings):
    return tell(events, [until], **settings).all


# -- Microsoft, seat changes of March 2022: 10 seats at 12.00 from 5 March, 31 days -------------------------------------

SIX_CHANGES = [
    ("2022-03-05", "bought", {"quantity": 10}),
    ("2022-03-07", "quantity", {"quantity": 15}),
    ("2022-03-10", "quantity", {"quantity": 25}),
    ("2022-03-12", "quantity", {"quantity": 23}),
    ("2022-03-14", "quantity", {"quantity": 20}),
    ("2022-03-25", "quantity", {"quantity": 30}),
]


@pytest.mark.parametrize(
    ("profile", "amounts", "total"),
    [
        (  # quantity × 12 × days / 31 with 29, 26, 24, 22 and 11 days, cut: the ten published figures
            "line_down",
            [
                "-112.25",
                "168.38",
                "-150.96",
                "251.61",
                "-232.25",
                "213.67",
                "-195.87",
                "170.32",
                "-85.16",
                "127.74",
            ],
            "275.23",
        ),
        (  # refunds are charged minus kept: 120.00 × 2/31 = 7.74, 168.39 × 3/29 = 17.42, 251.61 × 2/26 = 19.35, …
            "line_half_up",
            [
                "-112.26",
                "168.39",
                "-150.97",
                "251.61",
                "-232.26",
                "213.68",
                "-195.87",
                "170.32",
                "-85.16",
                "127.74",
            ],
            "275.22",  # exactly 12/31 × (10×2 + 15×3 + 25×2 + 23×2 + 20×11 + 30×11) = 275.2258…
        ),
    ],
)
def test_six_changes_inside_a_cycle(tell, profile, amounts, total):
    told = tell(SIX_CHANGES, ["2022-04-04"], prices="12.00", rounding_profile=profile)
    assert [row.split()[-1] for row in told.all[1:]] == amounts
    assert told.total == total


def test_seats_added_and_removed_on_one_day_are_two_pairs(tell):
    told = tell(
        [
            ("2021-06-18", "bought", {"quantity": 10}),
            ("2021-06-20", "quantity", {"quantity": 12}),
            ("2021-06-20", "quantity", {"quantity": 8}),
        ],
        ["2021-07-17"],
        prices="10.08",
        rounding_profile="line_down",
    )
    assert sorted(row.split()[-1] for row in told.all) == ["-112.89", "-94.08", "100.80", "112.89", "75.26"]


@pytest.mark.parametrize(
    ("profile", "refund"),
    [("microsoft_nce", "-94.20"), ("line_half_up", "-94.30"), ("line_down", "-94.29")],
)
def test_a_cancellation_on_the_third_day(tell, profile, refund):
    # 10.08 × 29/31 = 9.4296…, cut per seat to 9.42; by the line 94.296…; kept 100.80 × 2/31 = 6.503…
    told = tell(
        [("2021-07-15", "bought", {"quantity": 10}), ("2021-07-17", "cancelled", {})],
        ["2021-08-14"],
        prices="10.08",
        rounding_profile=profile,
    )
    assert told.all[1:] == [f"refund 2021-07-17..2021-08-14 10 {refund}"]


def test_an_upgrade_of_all_300_seats_is_cut_per_seat(tell):
    # 10.08 × 23/30 = 7.728, 6.43 × 23/30 = 4.929…
    told = tell(
        [("2021-06-18", "bought", {"quantity": 300}), ("2021-06-25", "product", {"product": "P2"})],
        ["2021-07-17"],
        prices={"P1": "10.08", "P2": "6.43"},
        rounding_profile="microsoft_nce",
    )
    assert told.all[1:] == [
        "refund 2021-06-25..2021-07-17 300 -2316.00",
        "pro_rata 2021-06-25..2021-07-17 300 1476.00",
    ]


def test_an_upgrade_of_100_of_300_seats_nets_to_the_published_figures(tell):
    told = tell(
        [
            ("2021-06-18", "bought", {"quantity": 300}),
            ("2021-06-25", "moved", {"quantity": 100, "to_subscription": "S2", "product": "P2"}),
        ],
        ["2021-07-17"],
        prices={"P1": "10.08", "P2": "6.43"},
        rounding_profile="microsoft_nce",
    )
    assert told.all[1:] == [
        "S1 refund 2021-06-25..2021-07-17 300 -2316.00",
        "S1 pro_rata 2021-06-25..2021-07-17 200 1544.00",  # net -772.00
        "S2 pro_rata 2021-06-25..2021-07-17 100 492.00",
    ]


def test_a_trial_converted_on_its_first_day_and_one_converted_later(tell):
    prices = {"T0": "0", "P1": "52.61"}
    trial = ("2021-06-25", "bought", {"quantity": 25, "product": "T0"})
    assert rated(
        tell, [trial, ("2021-06-25", "product", {"product": "P1"})], "2021-07-24", prices=prices
    ) == [
        "cycle_fee 2021-06-25..2021-07-24 25 0.00",
        "cycle_fee 2021-06-25..2021-07-24 25 1315.25",
    ]
    assert rated(
        tell, [trial, ("2021-07-10", "product", {"product": "P1"})], "2021-08-10", prices=prices
    ) == [
        "cycle_fee 2021-06-25..2021-07-24 25 0.00",
        "cycle_fee 2021-07-10..2021-08-09 25 1315.25",
        "cycle_fee 2021-08-10..2021-09-09 25 1315.25",
    ]


# -- Kill Bill, several plans of one account (2011) --------------------------------------------------------------------


def test_a_discounted_phase_that_is_cancelled_gives_six_of_thirty_days_back(tell):
    assert rated(
        tell,
        [
            ("2011-01-05", "bought", {"quantity": 1}),
            ("2011-04-05", "product", {"product": "P2"}),
            ("2011-04-29", "cancelled", {}),
        ],
        "2011-05-10",
        rule_set="flex",
        prices={"P1": "8.00", "P2": "12.00"},
    ) == [
        "cycle_fee 2011-01-05..2011-02-04 1 8.00",
        "cycle_fee 2011-02-05..2011-03-04 1 8.00",
        "cycle_fee 2011-03-05..2011-04-04 1 8.00",
        "cycle_fee 2011-04-05..2011-05-04 1 12.00",
        "refund 2011-04-29..2011-05-04 1 -2.40",
    ]


def test_monthly_to_annual_at_once_refunds_the_rest_of_the_month_and_begins_a_year(tell):
    # 10.00 × 11/31 = 3.55 kept; 100.00 - 6.45 = 93.55
    assert rated(
        tell,
        [
            ("2011-07-20", "bought", {"quantity": 1}),
            ("2011-07-31", "product", {"product": "P2", "frequency": "P1Y"}),
        ],
        "2012-07-31",
        rule_set="flex",
        prices=[
            {"product": "P1", "unit_price": "10.00", "per": "P1M", "scope": "global"},
            {"product": "P2", "unit_price": "100.00", "per": "P1Y", "scope": "global"},
        ],
    ) == [
        "cycle_fee 2011-07-20..2011-08-19 1 10.00",
        "refund 2011-07-31..2011-08-19 1 -6.45",
        "cycle_fee 2011-07-31..2012-07-30 1 100.00",
        "cycle_fee 2012-07-31..2013-07-30 1 100.00",
    ]


def test_an_addon_is_aligned_to_its_base_and_cancelled_alone(tell):
    rows = rated(
        tell,
        [
            ("2011-06-10", "bought", {"quantity": 1}),
            ("2011-06-21", "addon", {"subscription": "A", "product": "P2", "quantity": 1, "base": "S1"}),
            ("2011-10-07", "cancelled", {"subscription": "A"}),
        ],
        "2011-10-10",
        rule_set="flex",
        prices={"P1": "40.00", "P2": "20.00"},
    )
    assert [row for row in rows if row.startswith("A")] == [
        "A pro_rata 2011-06-21..2011-07-09 1 12.67",  # 20 × 19/30
        "A cycle_fee 2011-07-10..2011-08-09 1 20.00",
        "A cycle_fee 2011-08-10..2011-09-09 1 20.00",
        "A cycle_fee 2011-09-10..2011-10-09 1 20.00",
        "A refund 2011-10-07..2011-10-09 1 -2.00",
    ]


def test_trial_discount_and_full_price_on_a_billing_day_of_15(tell):
    rows = rated(
        tell,
        [
            ("2012-03-06", "bought", {"quantity": 1, "product": "T0"}),
            ("2012-04-05", "product", {"product": "P1", "anchor_day": 15}),
            ("2012-10-05", "product", {"product": "P2"}),
        ],
        "2012-10-15",
        rule_set="flex",
        prices={"T0": "0", "P1": "9.95", "P2": "19.95"},
    )
    assert rows[:3] == [
        "cycle_fee 2012-03-06..2012-04-05 1 0.00",
        "pro_rata 2012-04-05..2012-04-14 1 3.21",  # 9.95 × 10/31
        "cycle_fee 2012-04-15..2012-05-14 1 9.95",
    ]
    assert rows[-4:] == [
        "cycle_fee 2012-09-15..2012-10-14 1 9.95",
        "refund 2012-10-05..2012-10-14 1 -3.32",  # kept 9.95 × 20/30 = 6.63
        "pro_rata 2012-10-05..2012-10-14 1 6.65",
        "cycle_fee 2012-10-15..2012-11-14 1 19.95",
    ]


# -- one day, and the edge of a day ------------------------------------------------------------------------------------


def test_half_a_month_of_the_dearer_plan_costs_half_the_difference(tell):
    assert rated(
        tell,
        [("2024-04-01", "bought", {"quantity": 1}), ("2024-04-16", "product", {"product": "P2"})],
        "2024-04-30",
        rule_set="flex",
        prices={"P1": "10.00", "P2": "20.00"},
    )[1:] == ["refund 2024-04-16..2024-04-30 1 -5.00", "pro_rata 2024-04-16..2024-04-30 1 10.00"]


def test_an_upgrade_taken_back_on_the_same_day_nets_to_nothing(tell):
    told = tell(
        [
            ("2024-06-01", "bought", {"quantity": 1}),
            ("2024-06-16", "product", {"product": "P2"}),
            ("2024-06-16", "product", {"product": "P1"}),
        ],
        ["2024-06-30", "2024-07-01"],
        prices={"P1": "30.00", "P2": "60.00"},
    )
    assert sorted(row.split()[-1] for row in told.rows[0]) == ["-15.00", "-30.00", "15.00", "30.00", "30.00"]
    assert told.nets == ["30.00", "30.00"]


@pytest.mark.parametrize(
    ("at", "rows"),
    [
        (  # 1 of 31 days: 50.00 × 30/31 = 48.39 kept; 60.00 × 1/31 = 1.94
            "2024-03-31T23:59:59Z",
            ["refund 2024-03-31..2024-03-31 5 -1.61", "pro_rata 2024-03-31..2024-03-31 6 1.94"],
        ),
        (  # the same instant, told two hours east
            "2024-04-01T01:59:59+02:00",
            ["refund 2024-03-31..2024-03-31 5 -1.61", "pro_rata 2024-03-31..2024-03-31 6 1.94"],
        ),
        ("2024-04-01T00:00:00Z", []),
    ],
)
def test_the_second_before_midnight_is_a_day_and_midnight_is_the_next_cycle(tell, at, rows):
    day = "2024-04-01" if at.endswith("00:00:00Z") else "2024-03-31"
    told = rated(
        tell,
        [
            ("2024-03-01", "bought", {"quantity": 5}),
            (day, "quantity", {"quantity": 6, "effective_at": at}),
        ],
        "2024-04-01",
        rule_set="flex",
    )
    assert told[1:] == [*rows, "cycle_fee 2024-04-01..2024-04-30 6 60.00"]


def test_cancelled_and_bought_again_on_one_day(tell):
    def bought(**fields):
        return ("2024-06-16", "bought", {"subscription": "S2", "quantity": 1, **fields})

    first = ("2024-06-01", "bought", {"quantity": 1})
    cancelled = ("2024-06-16", "cancelled", {})
    assert rated(tell, [first, cancelled, bought()], "2024-06-30", rule_set="flex", prices="30.00") == [
        "S1 cycle_fee 2024-06-01..2024-06-30 1 30.00",
        "S1 refund 2024-06-16..2024-06-30 1 -15.00",
        "S2 cycle_fee 2024-06-16..2024-07-15 1 30.00",
    ]
    within_a_day = [
        ("2024-06-16", "bought", {"quantity": 1, "effective_at": "2024-06-16T09:00:00Z"}),
        ("2024-06-16", "cancelled", {"effective_at": "2024-06-16T10:00:00Z"}),
        bought(effective_at="2024-06-16T11:00:00Z"),
    ]
    assert rated(tell, within_a_day, "2024-06-30", prices="30.00") == [
        "S1 refund 2024-06-16..2024-07-15 1 -30.00",
        "S1 cycle_fee 2024-06-16..2024-07-15 1 30.00",
        "S2 cycle_fee 2024-06-16..2024-07-15 1 30.00",
    ]


@pytest.mark.parametrize("rule_set", ["flex", "nce", "legacy_anniversary"])
def test_a_cancellation_on_the_first_day_of_a_cycle_leaves_that_cycle_unbilled(tell, rule_set):
    assert rated(
        tell,
        [("2024-03-01", "bought", {"quantity": 1}), ("2024-04-01", "cancelled", {})],
        "2024-05-31",
        rule_set=rule_set,
        prices="31.00",
        term="P1Y",
    ) == ["cycle_fee 2024-03-01..2024-03-31 1 31.00"]


# -- suspension --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("suspended", "reactivated", "rows"),
    [
        (  # within one day: what is given back is charged again
            "2018-07-10",
            "2018-07-10",
            [
                "refund 2018-07-10..2018-07-31 1 -22.00",
                "pro_rata 2018-07-10..2018-07-31 1 22.00",
                "cycle_fee 2018-08-01..2018-08-31 1 31.00",
                "cycle_fee 2018-09-01..2018-09-30 1 31.00",
            ],
        ),
        (  # up to the first day of a cycle: its fee
            "2018-07-20",
            "2018-08-01",
            [
                "refund 2018-07-20..2018-07-31 1 -12.00",
                "cycle_fee 2018-08-01..2018-08-31 1 31.00",
                "cycle_fee 2018-09-01..2018-09-30 1 31.00",
            ],
        ),
        (  # over a whole cycle: 31.00 × 20/30
            "2018-07-20",
            "2018-09-11",
            ["refund 2018-07-20..2018-07-31 1 -12.00", "pro_rata 2018-09-11..2018-09-30 1 20.67"],
        ),
        (  # from the first day of a cycle: that cycle is never charged
            "2018-08-01",
            "2018-08-22",
            [
                "pro_rata 2018-08-22..2018-08-31 1 10.00",
                "cycle_fee 2018-09-01..2018-09-30 1 31.00",
            ],
        ),
    ],
)
def test_a_legacy_suspension_across_boundaries(tell, suspended, reactivated, rows):
    told = rated(
        tell,
        [
            ("2018-06-01", "bought", {"quantity": 1}),
            (suspended, "suspended", {}),
            (reactivated, "reactivated", {}),
        ],
        "2018-09-30",
        rule_set="legacy_anniversary",
        prices="31.00",
    )
    assert told[2:] == rows


def test_the_last_day_of_the_first_month_gives_all_of_it_back_and_the_next_day_begins_a_cycle(tell):
    assert rated(
        tell,
        [
            ("2018-06-01", "bought", {"quantity": 1}),
            ("2018-06-30", "suspended", {}),
            ("2018-07-01", "reactivated", {}),
        ],
        "2018-07-31",
        rule_set="legacy_anniversary",
        prices="30.00",
    ) == [
        "cycle_fee 2018-06-01..2018-06-30 1 30.00",
        "refund 2018-06-30..2018-06-30 1 -30.00",
        "cycle_fee 2018-07-01..2018-07-31 1 30.00",
    ]


def test_a_cancellation_while_suspended_gives_back_only_what_is_still_charged(tell):
    legacy = [
        ("2018-06-01", "bought", {"quantity": 1}),
        ("2018-07-20", "suspended", {}),
        ("2018-07-25", "cancelled", {}),
    ]
    assert rated(tell, legacy, "2018-09-30", rule_set="legacy_anniversary", prices="31.00")[2:] == [
        "refund 2018-07-20..2018-07-31 1 -12.00"
    ]
    modern = [
        ("2024-06-01", "bought", {"quantity": 1}),
        ("2024-06-02", "suspended", {}),
        ("2024-06-04", "cancelled", {}),
    ]
    assert rated(tell, modern, "2024-07-31", prices="30.00")[1:] == ["refund 2024-06-04..2024-06-30 1 -27.00"]


def test_a_change_and_a_cancellation_of_one_day_bill_the_days_before_at_the_old_quantity(tell):
    assert rated(
        tell,
        [
            ("2018-06-01", "bought", {"quantity": 1}),
            ("2018-07-10", "quantity", {"quantity": 2}),
            ("2018-07-10", "cancelled", {}),
        ],
        "2018-09-30",
        rule_set="legacy_anniversary",
        prices="31.00",
    )[1:] == [
        "cycle_fee 2018-07-01..2018-07-31 1 31.00",
        "refund 2018-07-01..2018-07-31 1 -31.00",
        "pro_rata 2018-07-01..2018-07-09 1 9.00",
    ]


# -- windows -----------------------------------------------------------------------------------------------------------


def test_each_lot_closes_seven_times_24_hours_after_its_own_order(tell):
    told = tell(
        [
            ("2024-03-01", "bought", {"quantity": 10, "effective_at": "2024-03-01T09:00:00Z"}),
            ("2024-03-04", "request", {"quantity": 15, "effective_at": "2024-03-04T09:00:00Z"}),
            ("2024-03-08", "request", {"quantity": 8, "effective_at": "2024-03-08T08:59:59Z"}),
            ("2024-03-08", "request", {"quantity": 7, "effective_at": "2024-03-08T09:00:00Z"}),
        ],
        ["2024-03-31"],
        prices="31.00",
        term="P1Y",
    )
    assert told.all == [
        "cycle_fee 2024-03-01..2024-03-31 10 310.00",
        "refund 2024-03-04..2024-03-31 10 -280.00",
        "pro_rata 2024-03-04..2024-03-31 15 420.00",
        "refund 2024-03-08..2024-03-31 15 -360.00",
        "pro_rata 2024-03-08..2024-03-31 8 192.00",
    ]
    assert told.rejections == [{"seq": 4, "code": "commitment-locked", "allowed_from": "2025-03-01"}]


def test_a_decrease_over_three_lots_takes_the_newest_first_and_leaves_the_oldest_window(tell):
    told = tell(
        [
            ("2024-03-01", "bought", {"quantity": 10, "effective_at": "2024-03-01T00:00:00Z"}),
            ("2024-03-03", "request", {"quantity": 14, "effective_at": "2024-03-03T00:00:00Z"}),
            ("2024-03-05", "request", {"quantity": 20, "effective_at": "2024-03-05T00:00:00Z"}),
            # the 6 of 5 March and 2 of the 4 of 3 March go
            ("2024-03-06", "request", {"quantity": 12, "effective_at": "2024-03-06T00:00:00Z"}),
            # on 9 March only the remaining 2 of 3 March are open
            ("2024-03-09", "request", {"quantity": 9, "effective_at": "2024-03-09T12:00:00Z"}),
            ("2024-03-09", "request", {"quantity": 10, "effective_at": "2024-03-09T13:00:00Z"}),
            ("2024-03-10", "request", {"quantity": 9, "effective_at": "2024-03-10T00:00:00Z"}),
        ],
        ["2024-03-31"],
        prices="31.00",
        term="P1Y",
    )
    assert [refusal["seq"] for refusal in told.rejections] == [5, 7]
    assert told.total == "334.00"  # 10×2 + 14×2 + 20×1 + 12×3 + 10×23 seat-days at 1.00


@pytest.mark.parametrize(
    ("at", "refund"), [("2024-03-02T09:59:59Z", "-31.00"), ("2024-03-02T10:00:00Z", "-30.00")]
)
def test_the_full_refund_ends_with_the_24th_hour(tell, at, refund):
    told = tell(
        [
            ("2024-03-01", "bought", {"quantity": 1, "effective_at": "2024-03-01T10:00:00Z"}),
            ("2024-03-02", "cancelled", {"effective_at": at}),
        ],
        ["2024-03-31"],
        prices="31.00",
    )
    assert told.all[1:] == [f"refund 2024-03-02..2024-03-31 1 {refund}"]


@pytest.mark.parametrize(
    ("at", "refunds"), [("2024-03-08T09:59:59Z", ["-24.00"]), ("2024-03-08T10:00:00Z", [])]
)
def test_a_cancellation_ends_with_the_168th_hour(tell, at, refunds):
    told = tell(
        [
            ("2024-03-01", "bought", {"quantity": 1, "effective_at": "2024-03-01T10:00:00Z"}),
            ("2024-03-08", "cancelled", {"effective_at": at}),
        ],
        ["2024-04-30"],
        prices="31.00",
    )
    assert [row.split()[-1] for row in told.all[1:]] == refunds


def test_seats_added_do_not_open_the_cancellation_window_again(tell):
    told = tell(
        [
            ("2024-03-01", "bought", {"quantity": 1}),
            ("2024-03-20", "quantity", {"quantity": 2}),
            ("2024-03-21", "cancelled", {}),
        ],
        ["2024-04-30"],
        prices="31.00",
        term="P1Y",
    )
    assert told.all[1:] == [
        "refund 2024-03-20..2024-03-31 1 -12.00",
        "pro_rata 2024-03-20..2024-03-31 2 24.00",
    ]


def test_a_renewal_opens_the_windows_of_all_seats(tell):
    told = tell(
        [
            ("2024-03-01", "bought", {"quantity": 10}),
            ("2024-03-20", "request", {"quantity": 4}),
            ("2024-04-03", "request", {"quantity": 4}),
            ("2024-04-08", "request", {"quantity": 3}),
        ],
        ["2024-04-30"],
        prices="30.00",
        term="P1M",
    )
    assert told.all[1:] == [
        "cycle_fee 2024-04-01..2024-04-30 10 300.00",
        "refund 2024-04-03..2024-04-30 10 -280.00",
        "pro_rata 2024-04-03..2024-04-30 4 112.00",
    ]
    assert told.rejections == [
        {"seq": 2, "code": "commitment-locked", "allowed_from": "2024-04-01"},
        {"seq": 4, "code": "commitment-locked", "allowed_from": "2024-05-01"},
    ]


def test_a_request_on_a_suspended_subscription_is_refused_and_an_increase_never_is(tell):
    told = tell(
        [
            ("2024-03-01", "bought", {"quantity": 5}),
            ("2024-03-15", "request", {"quantity": 6}),
            ("2024-03-16", "suspended", {}),
            ("2024-03-17", "request", {"quantity": 7}),
            ("2024-03-18", "reactivated", {}),
            ("2024-03-19", "request", {"quantity": 7}),
        ],
        ["2024-03-31"],
        prices="31.00",
        term="P1Y",
    )
    assert told.rejections == [{"seq": 4, "code": "not-active"}]
    assert told.total == "185.00"  # 5×14 + 6×4 + 7×13


@pytest.mark.parametrize("rule_set", ["flex", "legacy_aligned", "legacy_anniversary"])
def test_only_new_commerce_has_a_gate_in_front_of_a_decrease(tell, rule_set):
    told = tell(
        [("2024-03-01", "bought", {"quantity": 10}), ("2024-05-20", "request", {"quantity": 1})],
        ["2024-06-15"],
        rule_set=rule_set,
        close_day=15,
    )
    assert told.rejections == []


# -- conversions and renewals ------------------------------------------------------------------------------------------


def test_a_chain_of_upgrades_refunds_each_link_by_its_own_days(tell):
    assert rated(
        tell,
        [
            ("2024-06-01", "bought", {"quantity": 1}),
            ("2024-06-11", "product", {"product": "P2"}),
            ("2024-06-21", "product", {"product": "P3"}),
        ],
        "2024-07-01",
        prices={"P1": "30.00", "P2": "60.00", "P3": "90.00"},
        term="P1Y",
    ) == [
        "cycle_fee 2024-06-01..2024-06-30 1 30.00",
        "refund 2024-06-11..2024-06-30 1 -20.00",
        "pro_rata 2024-06-11..2024-06-30 1 40.00",
        "refund 2024-06-21..2024-06-30 1 -20.00",
        "pro_rata 2024-06-21..2024-06-30 1 30.00",
        "cycle_fee 2024-07-01..2024-07-31 1 90.00",
    ]


def test_seats_moved_on_and_on_keep_the_cycle_of_the_first_subscription(tell):
    assert rated(
        tell,
        [
            ("2024-06-01", "bought", {"quantity": 3}),
            ("2024-06-11", "moved", {"quantity": 2, "to_subscription": "S2", "product": "P2"}),
            (
                *("2024-06-21", "moved"),
                {"subscription": "S2", "quantity": 2, "to_subscription": "S3", "product": "P3"},
            ),
        ],
        "2024-07-01",
        prices={"P1": "30.00", "P2": "60.00", "P3": "90.00"},
        term="P1Y",
    ) == [
        "S1 cycle_fee 2024-06-01..2024-06-30 3 90.00",
        "S1 refund 2024-06-11..2024-06-30 3 -60.00",
        "S1 pro_rata 2024-06-11..2024-06-30 1 20.00",
        "S2 pro_rata 2024-06-11..2024-06-30 2 80.00",
        "S2 refund 2024-06-21..2024-06-30 2 -40.00",
        "S3 pro_rata 2024-06-21..2024-06-30 2 60.00",
        "S1 cycle_fee 2024-07-01..2024-07-31 1 30.00",
        "S3 cycle_fee 2024-07-01..2024-07-31 2 180.00",
    ]


def test_a_renewal_takes_fewer_seats_another_product_frequency_and_the_new_price_at_once(tell):
    told = tell(
        [
            ("2024-01-01", "bought", {"quantity": 10, "promotion_percent": "10"}),
            ("2024-06-01", "price", {"product": "P2", "unit_price": "120.00", "per": "P1Y"}),
            ("2024-10-01", "price", {"product": "P2", "unit_price": "144.00", "per": "P1Y"}),
            (
                *("2024-11-01", "scheduled"),
                {"at": "renewal", "quantity": 4, "product": "P2", "frequency": "P1Y"},
            ),
            ("2025-02-01", "price", {"product": "P2", "unit_price": "999.00", "per": "P1Y"}),
        ],
        ["2024-12-31", "2025-12-31", "2026-01-01"],
        term="P1Y",
    )
    assert len(told.rows[0]) == 12
    assert told.nets[0] == "1080.00"
    assert told.rows[1:] == [
        ["cycle_fee 2025-01-01..2025-12-31 4 576.00"],
        ["cycle_fee 2026-01-01..2026-12-31 4 3996.00"],
    ]


def test_a_manual_change_drops_the_schedule_and_a_schedule_after_it_holds(tell):
    told = tell(
        [
            ("2024-03-01", "bought", {"quantity": 10}),
            ("2024-03-05", "scheduled", {"at": "renewal", "quantity": 2}),
            ("2024-03-10", "quantity", {"quantity": 12}),
            ("2024-03-20", "scheduled", {"at": "renewal", "quantity": 6}),
            ("2024-04-10", "scheduled", {"at": "renewal", "quantity": 1}),
            ("2024-04-11", "product", {"product": "P2"}),
        ],
        ["2024-05-31"],
        prices={"P1": "31.00", "P2": "31.00"},
        term="P1M",
    )
    assert [row for row in told.all if row.startswith("cycle_fee")] == [
        "cycle_fee 2024-03-01..2024-03-31 10 310.00",
        "cycle_fee 2024-04-01..2024-04-30 6 186.00",
        "cycle_fee 2024-05-01..2024-05-31 6 186.00",
    ]
