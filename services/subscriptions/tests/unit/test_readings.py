"""What was read at Microsoft is compared with what is confirmed: equal → nothing, different → what happened."""

from datetime import UTC, date, datetime

import pytest

from csp_contracts.subscriptions_v1 import (
    AutoRenewChanged,
    QuantityChanged,
    SubscriptionCancelled,
    SubscriptionReactivated,
    SubscriptionRenewed,
    SubscriptionSuspended,
)
from csp_subscriptions.domain.observed import ObservedState, differences

READ_AT = datetime(2026, 3, 10, tzinfo=UTC)


def seen(**changes):
    fields = {
        "quantity": 5,
        "status": "active",
        "auto_renew": True,
        "product": "CFQ7TTC0LDPB:0001",
        "term": "P1Y",
        "charge_cycle": "P1M",
        "commitment_ends_on": date(2027, 2, 28),
    }
    return ObservedState(**{**fields, **changes})


def kinds(events):
    return [type(event) for event in events]


def test_the_same_state_says_nothing(bought):
    assert differences(bought.state, seen(), READ_AT) == []


def test_another_quantity_is_a_change(bought):
    (change,) = differences(bought.state, seen(quantity=9), READ_AT)
    assert (type(change), change.previous, change.quantity) == (QuantityChanged, 5, 9)


@pytest.mark.parametrize(
    ("status", "expected"),
    [("suspended", SubscriptionSuspended), ("deleted", SubscriptionCancelled)],
)
def test_another_status_is_what_somebody_did_there(bought, status, expected):
    # Auto-renewal ends by itself with it: that is no second event.
    assert kinds(differences(bought.state, seen(status=status, auto_renew=False), READ_AT)) == [expected]


def test_a_suspension_with_another_quantity_is_both(bought):
    found = differences(bought.state, seen(status="suspended", quantity=7), READ_AT)
    assert kinds(found) == [QuantityChanged, SubscriptionSuspended]


def test_back_from_a_suspension_with_its_quantity(bought):
    suspended = bought.then(SubscriptionSuspended(subscription_id="sub_a", tenant_id="ten_a"), READ_AT).state
    found = differences(suspended, seen(quantity=3), READ_AT)
    assert kinds(found) == [SubscriptionReactivated, AutoRenewChanged]
    assert found[0].quantity == 3


def test_what_was_cancelled_and_shows_as_active_again_is_left_to_a_person(bought):
    cancelled = bought.then(SubscriptionCancelled(subscription_id="sub_a", tenant_id="ten_a"), READ_AT).state
    assert differences(cancelled, seen(auto_renew=True), READ_AT) == []


def test_a_later_end_after_the_term_is_a_renewal(bought):
    at = datetime(2027, 3, 1, 1, tzinfo=UTC)
    (renewed,) = differences(bought.state, seen(quantity=4, commitment_ends_on=date(2028, 2, 28)), at)
    assert (type(renewed), renewed.quantity, renewed.commitment_ends_on) == (
        SubscriptionRenewed,
        4,
        date(2028, 2, 28),
    )


@pytest.mark.parametrize("status", ["pending", "none", "something_new"])
def test_a_status_that_says_nothing_final_changes_nothing(bought, status):
    assert differences(bought.state, seen(status=status, quantity=99), READ_AT) == []


def test_auto_renewal_switched_off_there_is_the_choice_to_cancel(bought):
    (change,) = differences(bought.state, seen(auto_renew=False), READ_AT)
    assert (type(change), change.end_of_term) == (AutoRenewChanged, "cancel")
