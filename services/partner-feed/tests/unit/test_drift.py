"""What a difference is, what it costs, and whose side is taken."""

import pytest

from csp_partner_feed.domain.drift import (
    ASK,
    MICROSOFT,
    OURS,
    Policy,
    Price,
    command_for,
    differences,
    monthly_effect,
    side_for,
)


def state(quantity: int = 5, status: str = "active", *, auto_renew: bool = True, commerce: str = "nce"):
    return {"quantity": quantity, "status": status, "auto_renew": auto_renew, "commerce": commerce}


def price(unit: int = 12_000_000, cycle: str = "P1M", currency: str = "USD") -> Price:
    return Price(currency=currency, unit_price_micro=unit, charge_cycle=cycle)


def test_equal_states_are_no_difference():
    assert differences(state(), state()) == {}


def test_each_field_shows_ours_and_microsofts():
    assert differences(state(5), state(8, auto_renew=False)) == {
        "quantity": ["5", "8"],
        "auto_renew": ["true", "false"],
    }


def test_a_state_that_is_not_final_is_no_difference():
    assert differences(state(), state(9, "pending")) == {}


@pytest.mark.parametrize(
    ("ours", "shown", "locked", "effect"),
    [
        (state(5), state(8), price(), 3600),  # 3 x 12.00
        (state(8), state(5), price(), -3600),
        (state(5), state(8), price(cycle="P1Y"), 300),  # 36.00 a year
        (state(5), state(6), price(10_000_000, "P1Y"), 83),  # 10.00 / 12 = 0.8333
        (state(5), state(5, "deleted"), price(), -6000),
        (state(5), state(5, "suspended"), price(), 0),  # New Commerce bills on
        (state(5), state(5, "suspended", commerce="legacy"), price(), -6000),
        (state(5), state(8), price(1_200_000_000, currency="JPY"), 3600),
        (state(5), state(5, auto_renew=False), price(), 0),
        (state(5), state(8), None, None),
        (state(5), state(8), price(cycle="none"), None),
    ],
)
def test_the_effect_is_what_microsofts_side_costs_more_a_month(ours, shown, locked, effect):
    assert monthly_effect(ours, shown, locked) == effect


def policies(*rows: tuple[str, str, str]) -> dict[tuple[str, str], Policy]:
    return {(tenant, field): Policy(tenant_id=tenant, field=field, side=side) for tenant, field, side in rows}


def test_the_most_particular_policy_wins():
    found = policies(("", "", MICROSOFT), ("", "quantity", ASK), ("ten_a", "quantity", OURS))
    assert side_for(found, "ten_a", {"quantity": 1})[0] == OURS
    assert side_for(found, "ten_b", {"quantity": 1}) == (ASK, None)
    assert side_for(found, "ten_b", {"status": 1}) == (MICROSOFT, "all tenants/all fields: microsoft")


def test_fields_that_disagree_are_asked_about():
    found = policies(("", "quantity", MICROSOFT), ("", "status", OURS))
    assert side_for(found, "ten_a", {"quantity": 1, "status": 1}) == (ASK, None)
    assert side_for({}, "ten_a", {"quantity": 1}) == (ASK, None)


def test_our_side_is_a_command_of_the_owner_where_there_is_one():
    assert command_for("quantity", "5") == ("change-quantity", {"quantity": 5})
    assert command_for("auto_renew", "false") == ("end-of-term", {"end_of_term": "cancel"})
    assert command_for("status", "suspended") == ("suspend", {})
    assert command_for("status", "expired") is None
