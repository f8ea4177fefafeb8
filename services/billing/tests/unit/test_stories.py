"""Stories beyond the rulebook's examples, with figures that a person can check by head: mostly 31.00 in months of 31 days."""

import pytest


def monthly_and_annual(month: str, year: str):
    return [
        {"product": "P1", "unit_price": month, "per": "P1M", "scope": "global"},
        {"product": "P1", "unit_price": year, "per": "P1Y", "scope": "global"},
    ]


# -- new commerce: windows, gates, cancellation ----------------------------------------------------------------------


def test_a_cancellation_within_24_hours_gives_everything_back_though_a_day_has_begun(tell):
    told = tell(
        [
            ("2024-03-01", "bought", {"quantity": 5, "effective_at": "2024-03-01T18:00:00Z"}),
            ("2024-03-02", "cancelled", {"effective_at": "2024-03-02T10:00:00Z"}),
        ],
        ["2024-03-31"],
    )
    assert told.all[1:] == ["refund 2024-03-02..2024-03-31 5 -50.00"]


@pytest.mark.parametrize(
    ("on", "refund"),
    [("2024-03-03", ["-145.00"]), ("2024-03-07", ["-125.00"]), ("2024-03-08", []), ("2024-03-20", [])],
)
def test_a_cancellation_is_prorated_by_day_for_seven_days_and_then_gives_nothing_back(tell, on, refund):
    told = tell(
        [("2024-03-01", "bought", {"quantity": 5}), (on, "cancelled", {})], ["2024-04-30"], prices="31.00"
    )
    assert [row.split()[-1] for row in told.all[1:]] == refund


def test_the_cancellation_window_opens_again_with_each_renewal(tell):
    told = tell(
        [("2024-03-01", "bought", {"quantity": 5}), ("2024-04-04", "cancelled", {})],
        ["2024-04-30"],
        prices="30.00",
        term="P1M",
    )
    assert told.all[1:] == [
        "cycle_fee 2024-04-01..2024-04-30 5 150.00",
        "refund 2024-04-04..2024-04-30 5 -135.00",
    ]


def test_each_batch_of_seats_has_its_own_window_and_none_is_given_back_twice(tell):
    told = tell(
        [
            ("2024-03-01", "bought", {"quantity": 10}),
            ("2024-03-05", "request", {"quantity": 8}),
            ("2024-03-12", "request", {"quantity": 12}),
            ("2024-03-15", "request", {"quantity": 7}),
            ("2024-03-16", "request", {"quantity": 10}),
            ("2024-03-20", "request", {"quantity": 9}),
        ],
        ["2024-03-31"],
        term="P1Y",
    )
    assert told.rejections == [
        {"seq": 4, "code": "commitment-locked", "allowed_from": "2025-03-01"},
        {"seq": 6, "code": "commitment-locked", "allowed_from": "2025-03-01"},
    ]


def test_seats_ordered_on_the_first_day_of_a_cycle_have_a_window_too(tell):
    told = tell(
        [
            ("2024-03-01", "bought", {"quantity": 10}),
            ("2024-04-01", "request", {"quantity": 12}),
            ("2024-04-03", "request", {"quantity": 10}),
            ("2024-04-04", "request", {"quantity": 9}),
        ],
        ["2024-04-30"],
        prices="30.00",
    )
    assert told.all[1:] == [
        "cycle_fee 2024-04-01..2024-04-30 12 360.00",
        "refund 2024-04-03..2024-04-30 12 -336.00",
        "pro_rata 2024-04-03..2024-04-30 10 280.00",
    ]
    assert [refusal["seq"] for refusal in told.rejections] == [4]


def test_the_window_of_seats_closes_on_the_second(tell):
    told = tell(
        [
            ("2024-03-01", "bought", {"quantity": 10, "effective_at": "2024-03-01T18:00:00Z"}),
            ("2024-03-08", "request", {"quantity": 8, "effective_at": "2024-03-08T17:59:59Z"}),
            ("2024-03-08", "request", {"quantity": 7, "effective_at": "2024-03-08T18:00:00Z"}),
        ],
        ["2024-03-31"],
    )
    assert [refusal["seq"] for refusal in told.rejections] == [3]


def test_suspending_new_commerce_changes_no_line_but_it_is_not_renewed_while_suspended(tell):
    told = tell(
        [("2024-01-10", "bought", {"quantity": 1}), ("2024-01-20", "suspended", {})],
        ["2025-06-30"],
        term="P1Y",
    )
    assert len(told.all) == 12
    assert {row.split()[0] for row in told.all} == {"cycle_fee"}


def test_without_auto_renew_the_term_ends_and_nothing_follows(tell):
    told = tell(
        [("2024-03-01", "bought", {"quantity": 10})],
        ["2024-03-31", "2024-06-30"],
        term="P1M",
        auto_renew=False,
    )
    assert told.nets == ["100.00", "0.00"]


def test_nothing_that_happens_after_the_end_changes_what_was_charged(tell):
    told = tell(
        [
            ("2024-03-01", "bought", {"quantity": 5}),
            ("2024-03-20", "cancelled", {}),
            ("2024-03-21", "product", {"product": "P2"}),
            ("2024-03-22", "edited", {"unit_price": "7.00", "until": "2024-03-23"}),
        ],
        ["2024-04-30"],
        prices={"P1": "31.00", "P2": "93.00"},
    )
    assert told.all == [
        "cycle_fee 2024-03-01..2024-03-31 5 155.00",
        "refund 2024-03-22..2024-03-31 5 -50.00",
        "pro_rata 2024-03-22..2024-03-22 5 1.13",
        "pro_rata 2024-03-23..2024-03-31 5 45.00",
    ]


def test_moved_seats_keep_cycle_and_window_of_their_source(tell):
    told = tell(
        [
            ("2024-06-01", "bought", {"quantity": 20}),
            ("2024-06-03", "moved", {"quantity": 8, "to_subscription": "S2", "product": "P2"}),
            ("2024-06-05", "cancelled", {"subscription": "S2"}),
        ],
        ["2024-06-30"],
        prices={"P1": "30.00", "P2": "60.00"},
    )
    assert told.all == [
        "S1 cycle_fee 2024-06-01..2024-06-30 20 600.00",
        "S1 refund 2024-06-03..2024-06-30 20 -560.00",
        "S1 pro_rata 2024-06-03..2024-06-30 12 336.00",
        "S2 pro_rata 2024-06-03..2024-06-30 8 448.00",
        "S2 refund 2024-06-05..2024-06-30 8 -416.00",
    ]


# -- scheduled changes, renewal, prices ------------------------------------------------------------------------------


def test_an_immediate_change_voids_what_was_scheduled_before_it(tell):
    bought = ("2024-01-01", "bought", {"quantity": 10})
    changed = ("2024-01-20", "quantity", {"quantity": 12})
    before, after = [
        (day, "scheduled", {"at": "renewal", "quantity": 5}) for day in ("2024-01-10", "2024-01-25")
    ]
    voided = tell([bought, before, changed], ["2024-02-28"], term="P1M")
    assert voided.all[-1] == "cycle_fee 2024-02-01..2024-02-29 12 120.00"
    kept = tell([bought, changed, after], ["2024-02-28"], term="P1M")
    assert kept.all[-1] == "cycle_fee 2024-02-01..2024-02-29 5 50.00"


def test_a_late_known_change_voids_a_schedule_recorded_before_it(tell):
    told = tell(
        [
            ("2024-01-01", "bought", {"quantity": 10}),
            ("2024-01-20", "scheduled", {"at": "renewal", "quantity": 5}),
            ("2024-01-25", "2024-01-10", "quantity", {"quantity": 12}),
        ],
        ["2024-02-28"],
        term="P1M",
    )
    assert told.all[-1] == "cycle_fee 2024-02-01..2024-02-29 12 120.00"


def test_a_suspension_drops_a_schedule_but_the_frequency_survives(tell):
    told = tell(
        [
            ("2024-01-10", "bought", {"quantity": 10}),
            ("2024-01-12", "scheduled", {"at": "renewal", "quantity": 3, "frequency": "P1Y"}),
            ("2024-01-20", "suspended", {}),
            ("2024-01-21", "reactivated", {}),
        ],
        ["2025-01-31"],
        term="P1Y",
        prices=monthly_and_annual("10.00", "100.00"),
    )
    assert told.all[-1] == "cycle_fee 2025-01-10..2026-01-09 10 1000.00"


def test_seats_added_inside_the_term_cost_the_locked_price_and_the_renewal_the_new_one(tell):
    told = tell(
        [
            ("2024-01-01", "bought", {"quantity": 1}),
            ("2024-01-10", "price", {"product": "P1", "unit_price": "62.00"}),
            ("2024-01-17", "quantity", {"quantity": 2}),
        ],
        ["2024-02-01"],
        term="P1M",
        prices="31.00",
    )
    assert told.all == [
        "cycle_fee 2024-01-01..2024-01-31 1 31.00",
        "refund 2024-01-17..2024-01-31 1 -15.00",
        "pro_rata 2024-01-17..2024-01-31 2 30.00",
        "cycle_fee 2024-02-01..2024-02-29 2 124.00",
    ]


def test_a_price_change_at_the_next_cycle(tell):
    told = tell(
        [
            ("2024-01-10", "bought", {"quantity": 1}),
            ("2024-02-20", "price", {"product": "P1", "unit_price": "20.00"}),
        ],
        ["2024-03-31"],
        price_change_policy="at_next_cycle",
    )
    assert [row.split()[-1] for row in told.all] == ["10.00", "10.00", "20.00"]


def test_the_customers_own_row_beats_the_global_one(tell):
    rows = [
        {"product": "P1", "unit_price": "10.00", "per": "P1M", "scope": "global", "valid_from": "2024-01-01"},
        {"product": "P1", "unit_price": "9.00", "per": "P1M", "scope": "customer"},
        {"product": "P1", "unit_price": "99.00", "per": "P1Y", "scope": "customer"},
    ]
    assert tell([("2024-02-01", "bought", {"quantity": 1})], ["2024-02-01"], prices=rows).total == "9.00"


def test_a_promotion_holds_for_added_seats_and_ends_with_the_term(tell):
    told = tell(
        [
            ("2024-01-01", "bought", {"quantity": 10, "promotion_percent": "10"}),
            ("2024-01-17", "quantity", {"quantity": 20}),
        ],
        ["2024-02-01"],
        term="P1M",
        prices="31.00",
    )
    assert told.all == [
        "cycle_fee 2024-01-01..2024-01-31 10 279.00",
        "refund 2024-01-17..2024-01-31 10 -135.00",
        "pro_rata 2024-01-17..2024-01-31 20 270.00",
        "cycle_fee 2024-02-01..2024-02-29 20 620.00",
    ]


def test_an_immediate_price_change_settles_waiting_quantities_at_the_old_price(tell):
    told = tell(
        [
            ("2018-06-01", "bought", {"quantity": 1}),
            ("2018-06-05", "quantity", {"quantity": 2}),
            ("2018-06-16", "price", {"product": "P1", "unit_price": "60.00"}),
        ],
        ["2018-06-30"],
        rule_set="legacy_anniversary",
        price_change_policy="immediate_prorated",
        prices="30.00",
    )
    assert told.all[1:] == [
        "refund 2018-06-01..2018-06-30 1 -30.00",
        "pro_rata 2018-06-01..2018-06-04 1 4.00",
        "pro_rata 2018-06-05..2018-06-15 2 22.00",
        "pro_rata 2018-06-16..2018-06-30 2 60.00",
    ]


# -- calendars: stubs, anchors, co-term, plans, transfers ------------------------------------------------------------


def test_a_moved_anchor_waits_for_the_end_of_the_paid_cycle(tell):
    told = tell(
        [("2024-01-10", "bought", {"quantity": 1}), ("2024-01-20", "anchor", {"anchor_day": 1})],
        ["2024-03-31"],
        rule_set="flex",
        prices="29.00",
    )
    assert told.all == [
        "cycle_fee 2024-01-10..2024-02-09 1 29.00",
        "pro_rata 2024-02-10..2024-02-29 1 20.00",
        "cycle_fee 2024-03-01..2024-03-31 1 29.00",
    ]


def test_an_anchor_on_the_30th_clamps_around_february(tell):
    told = tell(
        [("2024-01-10", "bought", {"quantity": 1}), ("2024-02-10", "anchor", {"anchor_day": 30})],
        ["2024-03-31"],
        rule_set="flex",
        prices="30.00",
    )
    # The virtual cycle that ends on 29 February begins on 30 January and has 30 days.
    assert told.all[1:] == [
        "pro_rata 2024-02-10..2024-02-28 1 19.00",
        "cycle_fee 2024-02-29..2024-03-29 1 30.00",
        "cycle_fee 2024-03-30..2024-04-29 1 30.00",
    ]


@pytest.mark.parametrize(
    ("events", "amounts"),
    [
        # Stubs of 14 of 30, 14 of 31 and 26 of 31 days at 249.95; figures of Kill Bill's tests of a moved billing day.
        (
            [
                ("2016-04-01", "bought", {"quantity": 1, "product": "T0"}),
                ("2016-04-15", "anchor", {"anchor_day": 15}),
                ("2016-05-01", "product", {"product": "P1"}),
            ],
            ["0.00", "116.64", "249.95", "249.95", "249.95"],
        ),
        (
            [
                ("2016-05-01", "bought", {"quantity": 1}),
                ("2016-05-15", "anchor", {"anchor_day": 15}),
                ("2016-07-10", "anchor", {"anchor_day": 10}),
            ],
            ["249.95", "112.88", "249.95", "209.64"],
        ),
        (
            [
                ("2016-05-01", "bought", {"quantity": 1}),
                ("2016-05-01", "anchor", {"anchor_day": 10}),
                ("2016-05-05", "product", {"product": "P2"}),
            ],
            ["249.95", "-217.70", "99.99", "599.95", "599.95", "599.95"],
        ),
        (
            [
                ("2016-05-01", "bought", {"quantity": 1}),
                ("2016-05-16", "2016-05-01", "suspended", {}),
                ("2016-05-16", "anchor", {"anchor_day": 16}),
                ("2016-05-16", "reactivated", {}),
            ],
            ["-249.95", "249.95", "249.95", "249.95", "249.95"],  # refunds before charges of one day
        ),
    ],
)
def test_a_moved_anchor_comes_into_force_with_the_end_of_what_is_paid(tell, events, amounts):
    prices = {"T0": "0", "P1": "249.95", "P2": "599.95"}
    told = tell(events, ["2016-07-31"], rule_set="flex", prices=prices)
    assert [row.split()[-1] for row in told.all] == amounts


def test_a_conversion_that_adds_seats_opens_a_window_for_them(tell):
    told = tell(
        [
            ("2024-03-01", "bought", {"quantity": 5}),
            ("2024-03-20", "product", {"product": "P2", "quantity": 8}),
            ("2024-03-22", "request", {"quantity": 6}),
            ("2024-03-23", "request", {"quantity": 4}),
        ],
        ["2024-03-31"],
        prices={"P1": "31.00", "P2": "62.00"},
    )
    assert [refusal["seq"] for refusal in told.rejections] == [4]


def test_a_trial_with_its_own_anchor_day_keeps_it_when_the_term_renews(tell):
    told = tell(
        [
            ("2024-03-01", "bought", {"quantity": 1, "product": "T0"}),
            ("2024-04-01", "product", {"product": "P1", "anchor_day": 15}),
        ],
        ["2025-05-31"],
        rule_set="flex",
        term="P1Y",
        prices={"T0": "0", "P1": "30.00"},
    )
    assert told.all[-2:] == [
        "cycle_fee 2025-04-15..2025-05-14 1 30.00",
        "cycle_fee 2025-05-15..2025-06-14 1 30.00",
    ]


def test_changes_in_a_paid_stub_are_prorated_on_its_virtual_cycle(tell):
    told = tell(
        [("2024-05-01", "bought", {"quantity": 2}), ("2024-05-04", "quantity", {"quantity": 4})],
        ["2024-05-31"],
        rule_set="flex",
        anchor="2024-05-10",
        prices="30.00",
    )
    assert told.all == [
        "pro_rata 2024-05-01..2024-05-09 2 18.00",
        "refund 2024-05-04..2024-05-09 2 -12.00",
        "pro_rata 2024-05-04..2024-05-09 4 24.00",
        "cycle_fee 2024-05-10..2024-06-09 4 120.00",
    ]


def test_nothing_in_a_free_stub_costs_anything(tell):
    told = tell(
        [
            ("2024-05-01", "bought", {"quantity": 2}),
            ("2024-05-04", "quantity", {"quantity": 4}),
            ("2024-05-06", "cancelled", {}),
        ],
        ["2024-06-30"],
        rule_set="legacy_aligned",
        close_day=15,
    )
    assert told.all == ["pro_rata 2024-05-01..2024-05-14 2 0.00"]


def test_a_coterm_annual_purchase_pays_its_days_of_the_virtual_year(tell):
    told = tell(
        [("2024-03-01", "bought", {"quantity": 3, "term_end_on": "2024-06-30"})],
        ["2024-07-31"],
        frequency="P1Y",
        prices="366.00",
    )
    assert told.all == [
        "pro_rata 2024-03-01..2024-06-30 3 366.00",
        "cycle_fee 2024-07-01..2025-06-30 3 1098.00",
    ]


def test_monthly_to_annual_inside_the_term_charges_the_months_left(tell):
    told = tell(
        [("2021-06-18", "bought", {"quantity": 10}), ("2021-07-01", "plan", {"frequency": "P1Y"})],
        ["2021-07-31", "2022-06-30"],
        prices=monthly_and_annual("10.08", "120.96"),
        term="P1Y",
    )
    assert told.rows == [
        ["cycle_fee 2021-06-18..2021-07-17 10 100.80", "pro_rata 2021-07-18..2022-06-17 10 1108.80"],
        ["cycle_fee 2022-06-18..2023-06-17 10 1209.60"],
    ]


@pytest.mark.parametrize("cycle_end_on", ["2021-07-17", "2022-06-17"])
def test_a_plan_change_may_name_the_end_of_the_old_or_of_the_new_cycle(tell, cycle_end_on):
    on = "2021-07-01" if cycle_end_on == "2021-07-17" else "2021-07-18"
    told = tell(
        [
            ("2021-06-18", "bought", {"quantity": 10}),
            (on, "plan", {"frequency": "P1Y", "cycle_end_on": cycle_end_on}),
        ],
        ["2021-07-31"],
        prices=monthly_and_annual("10.08", "120.96"),
        term="P1Y",
    )
    assert told.all[1:] == ["pro_rata 2021-07-18..2022-06-17 10 1108.80"]


def test_a_plan_change_in_a_three_year_term_charges_the_months_up_to_the_next_anniversary(tell):
    told = tell(
        [("2021-09-20", "bought", {"quantity": 10}), ("2021-10-01", "plan", {"frequency": "P1Y"})],
        ["2021-10-31", "2022-09-30"],
        prices=monthly_and_annual("20.00", "250.00"),
        term="P3Y",
    )
    assert told.rows == [
        ["cycle_fee 2021-09-20..2021-10-19 10 200.00", "pro_rata 2021-10-20..2022-09-19 10 2291.60"],
        ["cycle_fee 2022-09-20..2023-09-19 10 2500.00"],
    ]


def test_monthly_cycles_after_an_annual_plan_lead_up_to_a_named_end_and_none_is_longer_than_a_month(tell):
    told = tell(
        [
            ("2022-11-20", "bought", {"quantity": 1}),
            ("2023-02-01", "plan", {"frequency": "P1M", "cycle_end_on": "2023-12-31"}),
        ],
        ["2023-12-31"],
        frequency="P1Y",
        term="P3Y",
        prices=monthly_and_annual("30.00", "365.00"),
    )
    assert told.all[1:] == [
        "pro_rata 2023-11-20..2023-11-30 1 11.00",
        "cycle_fee 2023-12-01..2023-12-31 1 30.00",
    ]


@pytest.mark.parametrize("bought", ["2021-01-30", "2021-01-31"])
def test_months_left_are_counted_in_charge_cycles_at_the_end_of_months_too(tell, bought):
    told = tell(
        [(bought, "bought", {"quantity": 1}), ("2021-02-10", "plan", {"frequency": "P1Y"})],
        ["2021-03-31"],
        prices=monthly_and_annual("20.00", "250.00"),
        term="P1Y",
    )
    assert told.all[-1].split()[-1] == "229.16"  # 11 of 12 months, cut


def test_going_back_to_the_present_plan_calls_a_waiting_change_off(tell):
    told = tell(
        [
            ("2021-09-20", "bought", {"quantity": 10}),
            ("2021-09-25", "plan", {"frequency": "P1Y"}),
            ("2021-09-27", "plan", {"frequency": "P1M"}),
        ],
        ["2021-10-31"],
        prices=monthly_and_annual("20.00", "250.00"),
        term="P1Y",
    )
    assert told.all[1:] == ["cycle_fee 2021-10-20..2021-11-19 10 200.00"]


def test_a_named_end_of_the_first_cycle_of_a_new_plan_anchors_the_cycles_after_it(tell):
    told = tell(
        [
            ("2021-09-20", "bought", {"quantity": 10}),
            ("2021-10-05", "plan", {"frequency": "P1Y", "cycle_end_on": "2022-09-19"}),
        ],
        ["2021-10-31", "2022-10-31"],
        rule_set="flex",
        prices=monthly_and_annual("20.00", "365.00"),
    )
    assert told.rows[0][2] == "pro_rata 2021-10-05..2022-09-19 10 3500.00"
    assert told.rows[1] == ["cycle_fee 2022-09-20..2023-09-19 10 3650.00"]


def test_a_plan_change_known_late_rewrites_the_issued_fee_and_is_no_price_correction(tell):
    told = tell(
        [
            ("2021-09-20", "bought", {"quantity": 10}),
            ("2021-10-22", "2021-10-20", "plan", {"frequency": "P1Y"}),
        ],
        ["2021-10-20", "2021-10-31"],
        prices=monthly_and_annual("20.00", "250.00"),
        term="P1Y",
    )
    assert [(line["reason"], line["amount"]) for line in told.result["runs"][1]["lines"]] == [
        ("cycle", "-200.00"),
        ("convert_in", "2291.60"),
    ]


def test_a_successor_may_name_another_end_of_its_running_cycle(tell):
    told = tell(
        [
            ("2024-05-10", "bought", {"quantity": 3}),
            (
                *("2024-06-01", "transferred"),
                {"subscription": "S2", "quantity": 3, "predecessor": "S1", "cycle_end_on": "2024-06-20"},
            ),
        ],
        ["2024-06-30"],
        prices="31.00",
    )
    assert told.all[1:] == [
        "S1 refund 2024-06-01..2024-06-09 3 -27.00",
        "S2 pro_rata 2024-06-01..2024-06-20 3 60.00",
        "S2 cycle_fee 2024-06-21..2024-07-20 3 93.00",
    ]


def test_days_paid_to_another_partner_are_carried_and_the_base_of_refunds(tell):
    told = tell(
        [
            ("2024-06-01", "transferred", {"quantity": 5, "cycle_end_on": "2024-06-20"}),
            ("2024-06-11", "quantity", {"quantity": 8}),
        ],
        ["2024-06-30"],
        prices="31.00",
    )
    assert told.all == [
        "refund 2024-06-11..2024-06-20 5 -50.00",
        "pro_rata 2024-06-11..2024-06-20 8 80.00",
        "cycle_fee 2024-06-21..2024-07-20 8 248.00",
    ]


def test_a_transfer_between_our_own_subscriptions_moves_the_rest_of_the_cycle(tell):
    told = tell(
        [
            ("2024-05-10", "bought", {"quantity": 1}),
            ("2024-06-01", "transferred", {"subscription": "S2", "quantity": 1, "predecessor": "S1"}),
        ],
        ["2024-06-30"],
        prices="31.00",
    )
    assert told.all == [
        "S1 cycle_fee 2024-05-10..2024-06-09 1 31.00",
        "S1 refund 2024-06-01..2024-06-09 1 -9.00",
        "S2 pro_rata 2024-06-01..2024-06-09 1 9.00",
        "S2 cycle_fee 2024-06-10..2024-07-09 1 31.00",
    ]


def test_an_upgrade_may_begin_a_new_cycle(tell):
    told = tell(
        [
            ("2024-03-01", "bought", {"quantity": 5}),
            ("2024-03-11", "product", {"product": "P2", "quantity": 6}),
        ],
        ["2024-04-30"],
        rule_set="flex",
        prices={"P1": "31.00", "P2": "62.00"},
        upgrade_keeps_cycle=False,
    )
    assert told.all[1:] == [
        "refund 2024-03-11..2024-03-31 5 -105.00",
        "cycle_fee 2024-03-11..2024-04-10 6 372.00",
        "cycle_fee 2024-04-11..2024-05-10 6 372.00",
    ]


def test_a_shortened_flex_term_cuts_its_last_cycle_and_the_next_one_is_full(tell):
    told = tell(
        [("2024-01-10", "bought", {"quantity": 1, "term_end_on": "2024-02-19"})],
        ["2024-03-19"],
        rule_set="flex",
        prices="29.00",
    )
    # The last cycle is cut inside its natural cycle of 29 days, 10 February to 9 March.
    assert told.all == [
        "cycle_fee 2024-01-10..2024-02-09 1 29.00",
        "pro_rata 2024-02-10..2024-02-19 1 10.00",
        "cycle_fee 2024-02-20..2024-03-19 1 29.00",
    ]


# -- legacy ----------------------------------------------------------------------------------------------------------


def test_reactivated_in_the_first_month_with_more_seats(tell):
    told = tell(
        [
            ("2018-06-01", "bought", {"quantity": 1}),
            ("2018-06-05", "suspended", {}),
            ("2018-06-10", "reactivated", {"quantity": 2}),
        ],
        ["2018-06-30"],
        rule_set="legacy_anniversary",
        prices="30.00",
    )
    assert told.all[2:] == [
        "refund 2018-06-10..2018-06-30 1 -21.00",
        "pro_rata 2018-06-10..2018-06-30 1 30.00",
        "pro_rata 2018-06-10..2018-06-30 2 42.00",
    ]
    assert told.total == "51.00"  # 30.00 + 1 × 30.00 × 21/30


@pytest.mark.parametrize(
    ("events", "rows"),
    [
        # Changed while suspended: 30.00, then 3 seats more for 20 of 30 days.
        (
            [("2018-06-05", "suspended", {}), ("2018-06-08", "quantity", {"quantity": 4})],
            [
                "refund 2018-06-11..2018-06-30 1 -20.00",
                "pro_rata 2018-06-11..2018-06-30 1 30.00",
                "pro_rata 2018-06-11..2018-06-30 4 80.00",
            ],
        ),
        # Changed before it: the fee as it was; the change waits for the anniversary as it did.
        (
            [("2018-06-03", "quantity", {"quantity": 2}), ("2018-06-05", "suspended", {})],
            [
                "pro_rata 2018-06-11..2018-06-30 1 30.00",
                "pro_rata 2018-06-01..2018-06-02 1 2.00",
                "pro_rata 2018-06-03..2018-06-30 2 56.00",
                "refund 2018-06-11..2018-06-30 1 -30.00",
            ],
        ),
        # Changed on the first day of the fee: nothing was ever owed at the old quantity.
        (
            [("2018-06-01", "quantity", {"quantity": 3}), ("2018-06-05", "suspended", {})],
            [
                "pro_rata 2018-06-11..2018-06-30 1 30.00",
                "cycle_fee 2018-06-01..2018-06-30 3 90.00",
                "refund 2018-06-11..2018-06-30 1 -30.00",
            ],
        ),
    ],
)
def test_the_fee_restored_in_the_first_month_is_the_one_given_back_and_no_more(tell, events, rows):
    told = tell(
        [("2018-06-01", "bought", {"quantity": 1}), *events, ("2018-06-11", "reactivated", {})],
        ["2018-07-01"],
        rule_set="legacy_anniversary",
        prices="30.00",
    )
    assert told.all[2:-1] == rows


def test_a_waiting_quantity_is_settled_when_the_subscription_is_suspended(tell):
    told = tell(
        [
            ("2018-06-01", "bought", {"quantity": 1}),
            ("2018-07-10", "quantity", {"quantity": 2}),
            ("2018-07-20", "suspended", {}),
        ],
        ["2018-07-15", "2018-08-15"],
        rule_set="legacy_anniversary",
        prices="31.00",
    )
    assert told.rows[1] == [
        "refund 2018-07-01..2018-07-31 1 -31.00",
        "pro_rata 2018-07-01..2018-07-09 1 9.00",
        "pro_rata 2018-07-10..2018-07-19 2 20.00",
    ]


def test_an_annual_subscription_regroups_only_what_is_still_open(tell):
    told = tell(
        [
            ("2017-02-11", "bought", {"quantity": 1}),
            ("2017-02-12", "quantity", {"quantity": 2}),
            ("2017-04-20", "quantity", {"quantity": 3}),
            ("2017-06-01", "cancelled", {}),
        ],
        ["2017-03-14", "2017-05-14", "2017-06-14"],
        rule_set="legacy_anniversary",
        frequency="P1Y",
        prices="365.00",
    )
    assert told.rows[1:] == [
        [
            "refund 2017-03-11..2018-02-10 2 -674.00",
            "pro_rata 2017-03-11..2017-04-19 2 80.00",
            "pro_rata 2017-04-20..2017-05-10 3 63.00",
            "pro_rata 2017-05-11..2018-02-10 3 828.00",
        ],
        ["refund 2017-06-01..2018-02-10 3 -765.00"],
    ]


def test_an_addon_of_a_suspended_base_is_billed_from_the_bases_reactivation(tell):
    told = tell(
        [
            ("2018-06-01", "bought", {"quantity": 1}),
            ("2018-07-05", "suspended", {}),
            ("2018-07-11", "addon", {"subscription": "A1", "product": "P2", "quantity": 1, "base": "S1"}),
            ("2018-07-22", "reactivated", {}),
        ],
        ["2018-07-31"],
        rule_set="legacy_anniversary",
        prices={"P1": "31.00", "P2": "15.50"},
    )
    assert [row for row in told.all if row.startswith("A1")] == ["A1 pro_rata 2018-07-22..2018-07-31 1 5.00"]


def test_an_addon_bought_in_the_free_days_before_the_anchor_pays_no_more_than_a_cycle(tell):
    told = tell(
        [
            ("2018-05-29", "bought", {"quantity": 1}),
            ("2018-05-30", "addon", {"subscription": "A1", "product": "P2", "quantity": 2, "base": "S1"}),
        ],
        ["2018-07-15"],
        rule_set="legacy_anniversary",
        prices={"P1": "30.00", "P2": "15.00"},
    )
    assert [row for row in told.all if row.startswith("A1")] == [
        "A1 cycle_fee 2018-05-30..2018-06-30 2 30.00",
        "A1 cycle_fee 2018-07-01..2018-07-31 2 30.00",
    ]


def test_an_addon_is_suspended_and_reactivated_with_its_base(tell):
    told = tell(
        [
            ("2018-06-01", "bought", {"quantity": 2}),
            ("2018-06-10", "addon", {"subscription": "A1", "product": "P2", "quantity": 2, "base": "S1"}),
            ("2018-08-11", "suspended", {}),
            ("2018-08-21", "reactivated", {}),
        ],
        ["2018-07-31", "2018-08-31"],
        rule_set="legacy_anniversary",
        prices={"P1": "31.00", "P2": "15.50"},
    )
    assert [row for row in told.rows[1] if row.startswith("A1")] == [
        "A1 cycle_fee 2018-08-01..2018-08-31 2 31.00",
        "A1 refund 2018-08-11..2018-08-31 2 -21.00",
        "A1 pro_rata 2018-08-21..2018-08-31 2 11.00",
    ]


def test_a_legacy_change_of_plan_resets_a_longer_term_to_twelve_months_at_the_price_of_its_day(tell):
    told = tell(
        [
            ("2018-06-01", "bought", {"quantity": 1, "promotion_percent": "10"}),
            ("2018-07-11", "plan", {"frequency": "P1Y"}),
            ("2019-01-01", "price", {"product": "P1", "unit_price": "730.00", "per": "P1Y"}),
        ],
        ["2018-07-31", "2019-07-31"],
        rule_set="legacy_anniversary",
        term="P3Y",
        prices=monthly_and_annual("31.00", "365.00"),
    )
    assert told.rows[0][2:] == [
        "refund 2018-07-11..2018-07-31 1 -18.90",
        "cycle_fee 2018-07-11..2019-07-10 1 365.00",
    ]
    assert told.rows[1] == ["cycle_fee 2019-07-11..2020-07-10 1 730.00"]


def test_an_annual_plan_taken_in_the_free_stub_is_charged_at_once(tell):
    told = tell(
        [("2018-03-20", "bought", {"quantity": 1}), ("2018-04-05", "plan", {"frequency": "P1Y"})],
        ["2018-06-15"],
        rule_set="legacy_aligned",
        close_day=15,
        prices=monthly_and_annual("31.00", "365.00"),
    )
    assert told.all == [
        "pro_rata 2018-03-20..2018-04-14 1 0.00",
        "cycle_fee 2018-04-05..2019-04-04 1 365.00",
    ]


def test_a_trial_that_becomes_paid_stays_on_the_resellers_cycles(tell):
    told = tell(
        [
            ("2018-03-20", "bought", {"quantity": 1, "product": "T0"}),
            ("2018-04-20", "product", {"product": "P1"}),
        ],
        ["2018-06-14"],
        rule_set="legacy_aligned",
        close_day=15,
        prices={"T0": "0", "P1": "30.00"},
    )
    assert told.all[2:] == [
        "pro_rata 2018-04-20..2018-05-14 1 25.00",
        "cycle_fee 2018-05-15..2018-06-14 1 30.00",
    ]


def test_a_legacy_change_of_plan_takes_the_addons_of_the_order_along(tell):
    told = tell(
        [
            ("2018-06-01", "bought", {"quantity": 2}),
            ("2018-06-01", "addon", {"subscription": "A1", "product": "P1", "quantity": 1, "base": "S1"}),
            ("2018-07-11", "plan", {"frequency": "P1Y"}),
        ],
        ["2018-06-30", "2018-07-31", "2019-07-31"],
        rule_set="legacy_anniversary",
        prices=monthly_and_annual("31.00", "365.00"),
    )
    assert [row for row in (*told.rows[1], *told.rows[2]) if row.startswith("A1")] == [
        "A1 cycle_fee 2018-07-01..2018-07-31 1 31.00",
        "A1 refund 2018-07-11..2018-07-31 1 -21.00",
        "A1 cycle_fee 2018-07-11..2019-07-10 1 365.00",
        "A1 cycle_fee 2019-07-11..2020-07-10 1 365.00",
    ]


# -- what became known late, was wrong, or is given back by hand -----------------------------------------------------


def test_a_withdrawn_purchase_takes_every_issued_line_back(tell):
    told = tell(
        [
            ("2024-03-01", "bought", {"quantity": 5}),
            ("2024-03-15", "quantity", {"quantity": 10}),
            ("2024-04-20", "2024-03-01", "purchase_withdrawn", {}),
        ],
        ["2024-03-31", "2024-04-30"],
        rule_set="flex",
    )
    assert told.rows[1] == [
        "refund 2024-03-01..2024-03-31 5 -50.00",
        "refund 2024-03-15..2024-03-31 10 -54.84",
        "pro_rata 2024-03-15..2024-03-31 5 27.42",
    ]
    assert told.total == "0.00"


def test_a_withdrawn_suspension_bills_what_was_given_back_and_left_out(tell):
    told = tell(
        [
            ("2018-01-13", "bought", {"quantity": 1}),
            ("2018-03-01", "suspended", {}),
            ("2018-04-20", "2018-03-01", "suspension_withdrawn", {"refs": [2]}),
        ],
        ["2018-03-15", "2018-04-20"],
        rule_set="legacy_anniversary",
        prices="28.00",
    )
    assert told.rows[1] == [
        "pro_rata 2018-03-01..2018-03-12 1 12.00",
        "cycle_fee 2018-03-13..2018-04-12 1 28.00",
        "cycle_fee 2018-04-13..2018-05-12 1 28.00",
    ]


def test_a_corrected_time_reverses_the_pair_and_posts_it_anew(tell):
    told = tell(
        [
            ("2024-04-10", "bought", {"quantity": 20}),
            ("2024-04-15", "quantity", {"quantity": 25}),
            ("2024-04-25", "2024-04-12", "corrected", {"refs": [2]}),
        ],
        ["2024-04-15", "2024-05-09"],
        prices="6.00",
    )
    assert told.rows[1] == [
        "refund 2024-04-12..2024-05-09 20 -112.00",
        "pro_rata 2024-04-12..2024-05-09 25 140.00",
        "refund 2024-04-15..2024-05-09 25 -125.00",
        "pro_rata 2024-04-15..2024-05-09 20 100.00",
    ]
    assert told.nets[1] == "3.00"  # 5 seats × 6.00 × 3/30


@pytest.mark.parametrize(
    ("correction", "nets"),
    [
        (("2024-04-10", "2024-03-11", "corrected", {"refs": [2]}), ["43.00", "71.00"]),
        (("2024-04-10", "2024-03-20", "suspension_withdrawn", {"refs": [2]}), ["43.00", "19.00"]),
    ],
)
def test_a_price_change_can_be_corrected_and_withdrawn_like_any_other_event(tell, correction, nets):
    told = tell(
        [
            ("2024-03-01", "bought", {"quantity": 1}),
            ("2024-03-20", "price", {"product": "P1", "unit_price": "62.00"}),
            correction,
        ],
        ["2024-03-31", "2024-04-30"],
        rule_set="flex",
        prices="31.00",
        price_change_policy="immediate_prorated",
    )
    assert told.nets == nets  # 12 days at 2.00 more, then 21 of them, or none


def test_a_late_change_on_a_cycle_start_rewrites_the_issued_fee(tell):
    told = tell(
        [
            ("2024-03-01", "bought", {"quantity": 5}),
            ("2024-04-02", "2024-04-01", "quantity", {"quantity": 8}),
        ],
        ["2024-04-01", "2024-04-30"],
        rule_set="flex",
    )
    assert told.rows[1] == [
        "refund 2024-04-01..2024-04-30 5 -50.00",
        "cycle_fee 2024-04-01..2024-04-30 8 80.00",
    ]


def test_changes_of_one_day_post_each_pair_but_late_ones_collapse(tell):
    changes = [("2024-03-11", "quantity", {"quantity": n}) for n in (8, 6, 5)]
    bought = ("2024-03-01", "bought", {"quantity": 5})
    assert len(tell([bought, *changes], ["2024-03-31"], rule_set="flex").all) == 7
    late = [("2024-03-12", *change) for change in changes]
    assert tell([bought, *late], ["2024-03-31"], rule_set="flex").all == [
        "cycle_fee 2024-03-01..2024-03-31 5 50.00"
    ]


def test_an_edit_inside_issued_lines_corrects_them_in_the_open_report(tell):
    told = tell(
        [
            ("2024-05-01", "bought", {"quantity": 1}),
            ("2024-07-03", "2024-05-16", "edited", {"unit_price": "15.50", "until": "2024-06-16"}),
        ],
        ["2024-05-31", "2024-06-30", "2024-07-15"],
        prices="31.00",
    )
    assert told.rows[2] == [
        "refund 2024-05-16..2024-05-31 1 -16.00",
        "pro_rata 2024-05-16..2024-05-31 1 8.00",
        "refund 2024-06-01..2024-06-30 1 -31.00",
        "pro_rata 2024-06-01..2024-06-15 1 7.75",
        "pro_rata 2024-06-16..2024-06-30 1 15.50",
        "cycle_fee 2024-07-01..2024-07-31 1 31.00",
    ]
    reasons = [line["reason"] for line in told.result["runs"][2]["lines"]]
    assert reasons == ["price_correction"] * 5 + ["cycle"]


def test_an_edit_of_days_before_the_purchase_prices_the_days_after_it(tell):
    told = tell(
        [
            ("2024-05-17", "bought", {"quantity": 1}),
            ("2024-05-17", "2024-05-01", "edited", {"unit_price": "15.50", "until": "2024-06-01"}),
        ],
        ["2024-05-31"],
        prices="31.00",
    )
    assert told.all == ["pro_rata 2024-05-17..2024-05-31 1 7.50", "pro_rata 2024-06-01..2024-06-16 1 16.00"]


def test_the_later_of_two_overlapping_edits_wins(tell):
    told = tell(
        [
            ("2024-05-01", "bought", {"quantity": 1}),
            ("2024-07-03", "2024-05-01", "edited", {"unit_price": "15.50", "until": "2024-06-01"}),
            ("2024-07-04", "2024-05-17", "edited", {"unit_price": "62.00", "until": "2024-06-01"}),
        ],
        ["2024-05-31", "2024-07-15"],
        prices="31.00",
    )
    assert told.rows[1][:4] == [
        "refund 2024-05-01..2024-05-31 1 -31.00",
        "cycle_fee 2024-05-01..2024-05-31 1 15.50",
        "refund 2024-05-17..2024-05-31 1 -7.50",
        "pro_rata 2024-05-17..2024-05-31 1 30.00",
    ]


def test_a_linked_credit_counts_in_the_cap_of_its_line(tell):
    told = tell(
        [
            ("2024-03-01", "bought", {"quantity": 5}),
            ("2024-03-05", "credit", {"amount": "30.00", "line_of": "2024-03-01"}),
            ("2024-03-15", "cancelled", {}),
        ],
        ["2024-03-31"],
        rule_set="flex",
    )
    assert told.all[1:] == [
        "adjustment 2024-03-01..2024-03-31 1 -30.00",
        "refund 2024-03-15..2024-03-31 5 -20.00",
    ]


def test_a_credit_above_its_line_is_capped_and_named_and_one_without_a_line_is_not(tell):
    told = tell(
        [
            ("2024-03-01", "bought", {"quantity": 5}),
            ("2024-03-05", "credit", {"amount": "60.00", "line_of": "2024-03-01"}),
            ("2024-03-06", "credit", {"amount": "60.00"}),
        ],
        ["2024-03-31"],
        rule_set="flex",
    )
    assert [row.split()[-1] for row in told.all[1:]] == ["-50.00", "-60.00"]
    assert told.rejections == [{"seq": 2, "code": "credit-exceeds-line"}]


def test_what_is_bought_anew_after_a_withdrawn_purchase_is_billed(tell):
    told = tell(
        [
            ("2024-06-01", "bought", {"quantity": 2}),
            ("2024-06-05", "2024-06-01", "purchase_withdrawn", {}),
            ("2024-06-05", "2024-06-01", "bought", {"quantity": 3}),
        ],
        ["2024-06-02", "2024-06-30"],
    )
    assert told.nets == ["20.00", "10.00"]


def test_a_purchase_made_instead_of_a_withdrawn_one_has_its_own_rules(tell):
    told = tell(
        [
            ("2024-06-01", "bought", {"quantity": 2}),
            ("2024-06-05", "2024-06-01", "purchase_withdrawn", {}),
            ("2024-06-05", "2024-06-01", "bought", {"quantity": 3, "rule_set": "legacy_aligned"}),
        ],
        ["2024-06-02", "2024-06-30"],
        close_day=15,
    )
    assert told.rows[1][1:] == [
        "pro_rata 2024-06-01..2024-06-14 3 0.00",
        "cycle_fee 2024-06-15..2024-07-14 3 30.00",
    ]


# -- new commerce: hours inside a day --------------------------------------------------------------------------------


def test_all_of_it_comes_back_within_24_hours_also_where_a_stub_of_one_day_is_over(tell):
    def cancelled(hour):
        return tell(
            [
                (
                    "2024-06-30",
                    "bought",
                    {"quantity": 2, "term_end_on": "2024-12-31", "effective_at": "2024-06-30T18:00:00Z"},
                ),
                ("2024-07-01", "cancelled", {"effective_at": f"2024-07-01T{hour}:00Z"}),
            ],
            ["2024-07-31"],
            prices="30.00",
        )

    assert cancelled("10:00").all == [
        "pro_rata 2024-06-30..2024-06-30 2 2.00",
        "refund 2024-06-30..2024-06-30 2 -2.00",
    ]
    assert cancelled("18:00").all == ["pro_rata 2024-06-30..2024-06-30 2 2.00"]


@pytest.mark.parametrize("runs", [["2024-03-11"], ["2024-02-25", "2024-03-11"]])
def test_a_cycle_that_begins_with_a_conversion_opens_no_window_to_cancel(tell, runs):
    told = tell(
        [
            ("2024-02-15", "bought", {"quantity": 5}),
            ("2024-03-06", "product", {"product": "P2", "anchor_day": 15}),
            ("2024-03-06", "cancelled", {}),
        ],
        runs,
        prices={"P1": "10.00", "P2": "20.00"},
    )
    # 9 of 29 days of the first product back, 9 of 29 days of the second charged, and kept.
    assert told.total == "65.51"


def test_moved_seats_take_a_window_along_that_closes_later_on_the_day(tell):
    def asked(hour):
        return tell(
            [
                ("2024-06-01", "bought", {"quantity": 5, "effective_at": "2024-06-01T18:00:00Z"}),
                (
                    "2024-06-08",
                    "moved",
                    {
                        "quantity": 3,
                        "to_subscription": "S2",
                        "product": "P2",
                        "effective_at": "2024-06-08T10:00:00Z",
                    },
                ),
                (
                    "2024-06-08",
                    "request",
                    {"subscription": "S2", "quantity": 2, "effective_at": f"2024-06-08T{hour}:00Z"},
                ),
            ],
            ["2024-06-30"],
            prices={"P1": "30.00", "P2": "60.00"},
        )

    assert asked("12:00").rejections == []
    assert [each["code"] for each in asked("18:00").rejections] == ["commitment-locked"]


def test_a_tax_rate_may_have_more_than_two_decimals(tell):
    told = tell([("2024-06-01", "bought", {"quantity": 1})], ["2024-06-30"], tax_rate_percent="8.875")
    assert told.result["runs"][0]["tax"] == "0.89"
