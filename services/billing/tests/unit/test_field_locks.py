"""What a price that is listed late changes: nothing that is locked already (R5.2, R5.5), all that was asked for by policy (R5.3)."""

import pytest

BOUGHT = ("2024-06-01", "bought", {"quantity": 1})


def listed(known, valid, price="12.00"):
    return (known, valid, "price", {"product": "P1", "unit_price": price})


def test_a_price_listed_later_for_the_day_of_the_purchase_changes_nothing_that_was_locked(tell):
    told = tell([BOUGHT, listed("2024-07-10", "2024-06-01")], ["2024-07-05", "2024-08-31"])
    assert told.nets == ["20.00", "10.00"]


def test_a_credit_is_computed_from_the_price_that_was_charged_not_from_the_edited_list(tell):
    told = tell(
        [BOUGHT, listed("2024-06-05", "2024-06-01", "30.00"), ("2024-06-16", "cancelled", {})],
        ["2024-06-01", "2024-06-30"],
        rule_set="flex",
    )
    assert told.rows[1] == ["refund 2024-06-16..2024-06-30 1 -5.00"]


def test_a_renewal_takes_the_list_as_it_was_known_on_its_day(tell):
    told = tell(
        [BOUGHT, listed("2024-07-10", "2024-06-20")], ["2024-07-05", "2024-07-31", "2024-08-31"], term="P1M"
    )
    assert told.nets == ["20.00", "0.00", "12.00"]


def test_a_price_listed_on_the_day_of_the_purchase_counts_for_it(tell):
    assert tell([BOUGHT, listed("2024-06-01", "2024-06-01")], ["2024-06-30"]).total == "12.00"


@pytest.mark.parametrize(("policy", "net"), [("at_next_cycle", "2.00"), ("immediate_prorated", "3.00")])
def test_a_policy_that_reaches_into_the_term_takes_a_late_price_from_its_day(tell, policy, net):
    told = tell(
        [BOUGHT, listed("2024-07-10", "2024-06-16")],
        ["2024-07-05", "2024-07-31"],
        price_change_policy=policy,
    )
    assert told.nets == ["20.00", net]


@pytest.mark.parametrize("policy", ["at_next_cycle", "immediate_prorated"])
@pytest.mark.parametrize("bought", ["2024-05-16", "2024-06-20"])
def test_such_a_price_reaches_a_renewal_and_a_purchase_that_lie_between_its_day_and_the_day_it_was_known(
    tell, policy, bought
):
    told = tell(
        [(bought, "bought", {"quantity": 1}), listed("2024-07-10", "2024-06-16")],
        ["2024-07-05", "2024-07-15"],
        term="P1M",
        price_change_policy=policy,
    )
    assert told.rows[1][0].endswith(" 1 -10.00")
    assert told.rows[1][1].endswith(" 1 12.00")
    assert told.nets[1] == "2.00"


def test_all_that_was_known_when_a_subscription_became_known_counts_for_its_past(tell):
    told = tell(
        [("2024-12-31", "2024-06-01", "bought", {"quantity": 1}), listed("2024-12-31", "2024-07-01")],
        ["2024-12-31"],
        term="P1M",
    )
    assert told.total == "82.00"


def test_a_missing_price_that_is_listed_late_is_the_price(tell):
    told = tell(
        [
            ("2024-06-01", "bought", {"quantity": 1, "product": "P2"}),
            ("2024-06-10", "2024-06-01", "price", {"product": "P2", "unit_price": "9.00"}),
        ],
        ["2024-06-10"],
    )
    assert told.total == "9.00"


def test_edits_and_credits_never_touch_the_cost_ledger(tell):
    told = tell(
        [
            BOUGHT,
            ("2024-06-10", "2024-06-01", "edited", {"unit_price": "8.00"}),
            ("2024-06-10", "credit", {"amount": "1.00", "line_of": "2024-06-01"}),
        ],
        ["2024-06-30"],
        ledger="cost",
    )
    assert told.all == ["cycle_fee 2024-06-01..2024-06-30 1 10.00"]


def test_new_commerce_cost_is_cut_as_in_microsofts_seat_changes_unless_a_profile_is_chosen(tell):
    changed = [("2021-06-18", "bought", {"quantity": 10}), ("2021-06-20", "quantity", {"quantity": 12})]
    assert tell(changed, ["2021-06-30"], prices="10.08", ledger="cost").all[-1].endswith("112.89")
    assert (
        tell(changed, ["2021-06-30"], prices="10.08", ledger="cost", rounding_profile="line_half_up")
        .all[-1]
        .endswith("112.90")
    )
    assert (
        tell(changed, ["2021-06-30"], prices="10.08", ledger="cost", rule_set="flex")
        .all[-1]
        .endswith("112.90")
    )


def test_a_credit_finds_a_line_of_a_cycle_long_past_however_many_runs_lie_between(tell):
    runs = ["2024-06-20", "2024-07-20", "2024-08-20", "2024-09-20"]
    told = tell(
        [BOUGHT, ("2024-09-10", "credit", {"amount": "4.00", "line_of": "2024-06-01"})], runs, rule_set="nce"
    )
    assert (told.nets[-1], told.rejections) == ("6.00", [])


def test_a_price_edit_charges_nothing_for_a_free_promotion_that_is_suspended(tell):
    told = tell(
        [
            ("2023-11-01", "bought", {"quantity": 1, "promotion_percent": "100"}),
            ("2023-11-01", "suspended", {}),
            ("2023-11-02", "product", {"product": "P1"}),
            ("2023-11-02", "edited", {"unit_price": "6.66"}),
        ],
        ["2024-09-16"],
        rule_set="legacy_anniversary",
    )
    assert told.total == "0.00"


def test_a_credit_of_the_day_counts_before_what_happens_later_on_it(tell):
    told = tell(
        [
            BOUGHT,
            ("2024-06-01", "credit", {"amount": "4.00", "line_of": "2024-06-01"}),
            ("2024-06-01", "cancelled", {}),
        ],
        ["2024-06-30"],
        rule_set="flex",
    )
    assert sorted(row.split()[-1] for row in told.all) == ["-4.00", "-6.00", "10.00"]
    assert told.rejections == []
