"""What a subscription allows, and from when it allows what it refuses (rulebook 8.1, 8.2)."""

from datetime import UTC, date, datetime, timedelta

import pytest

from csp_contracts.subscriptions_v1 import (
    AutoRenewChanged,
    BillingStartChanged,
    ChangeScheduled,
    QuantityChanged,
    SubscriptionCancelled,
    SubscriptionReactivated,
    SubscriptionSuspended,
)
from csp_subscriptions.domain.errors import (
    BillingStartOutOfRange,
    CommitmentLocked,
    NotActive,
    NotImported,
    NotSuspended,
    QuantityOutOfRange,
    WindowClosed,
)
from csp_subscriptions.domain.subscription import (
    Status,
    check_billing_start,
    check_cancel,
    check_change_quantity,
    check_reactivate,
    check_suspend,
)

START = datetime(2026, 3, 1, 9, tzinfo=UTC)


def day(number: int) -> datetime:
    return START + timedelta(days=number - 1)


def changed(previous: int, quantity: int) -> QuantityChanged:
    return QuantityChanged(subscription_id="sub_a", tenant_id="ten_a", previous=previous, quantity=quantity)


IDS = {"subscription_id": "sub_a", "tenant_id": "ten_a"}


def test_more_seats_are_allowed_at_any_time(bought):
    check_change_quantity(bought.state, 50, day(200))


def test_fewer_seats_are_allowed_inside_their_window(bought):
    assert check_change_quantity(bought.state, 2, day(6)).refund == "prorated"


def test_fewer_seats_after_the_window_are_refused_with_the_day_of_the_renewal(bought):
    with pytest.raises(CommitmentLocked) as refusal:
        check_change_quantity(bought.state, 4, day(9))
    assert refusal.value.details == {"allowed_from": "2027-03-01", "reducible": 0}


def test_only_the_seats_added_last_can_go_while_their_own_window_is_open(bought):
    grown = bought.then(changed(5, 8), day(20)).state
    check_change_quantity(grown, 5, day(22))
    with pytest.raises(CommitmentLocked) as refusal:
        check_change_quantity(grown, 4, day(22))
    assert refusal.value.details["reducible"] == 3


def test_a_decrease_takes_the_newest_seats_and_leaves_the_older_windows(bought):
    state = bought.then(changed(5, 8), day(3)).then(changed(8, 6), day(4)).state
    assert [lot.quantity for lot in state.seat_lots] == [5, 1]


def test_legacy_seats_can_go_at_any_time(legacy):
    assert check_change_quantity(legacy.state, 1, day(300)).refund == "prorated"


def test_no_seat_at_all_is_no_quantity(bought):
    with pytest.raises(QuantityOutOfRange):
        check_change_quantity(bought.state, 0, day(2))


def test_a_suspended_subscription_keeps_its_quantity_until_it_is_reactivated(legacy):
    suspended = legacy.then(SubscriptionSuspended(**IDS), day(5))
    with pytest.raises(NotActive):
        check_change_quantity(suspended.state, 9, day(6))
    check_reactivate(suspended.state)
    active = suspended.then(SubscriptionReactivated(**IDS, quantity=4), day(7)).state
    assert (active.status, active.quantity) == (Status.ACTIVE, 4)
    with pytest.raises(NotSuspended):
        check_reactivate(active)


def test_suspending_twice_is_refused(bought):
    with pytest.raises(NotActive):
        check_suspend(bought.then(SubscriptionSuspended(**IDS), day(2)).state)


@pytest.mark.parametrize(
    ("hours", "refund"), [(0, "full"), (23, "full"), (24, "prorated"), (167, "prorated")]
)
def test_a_cancellation_is_in_full_for_a_day_and_prorated_for_a_week(bought, hours, refund):
    assert check_cancel(bought.state, START + timedelta(hours=hours)).refund == refund


def test_a_cancellation_after_the_week_is_refused_with_the_day_of_the_renewal(bought):
    with pytest.raises(WindowClosed) as refusal:
        check_cancel(bought.state, START + timedelta(hours=168))
    assert refusal.value.details == {"allowed_from": date(2027, 3, 1).isoformat()}


def test_without_renewal_there_is_no_day_on_which_it_would_be_allowed(bought):
    ending = bought.then(AutoRenewChanged(**IDS, end_of_term="cancel"), day(2)).state
    with pytest.raises(WindowClosed) as refusal:
        check_cancel(ending, day(30))
    assert refusal.value.details == {}


def test_a_cancelled_subscription_cannot_be_changed(bought):
    with pytest.raises(NotActive):
        check_change_quantity(bought.then(SubscriptionCancelled(**IDS), day(2)).state, 6, day(3))


def test_an_immediate_change_drops_what_was_scheduled(bought):
    scheduled = bought.then(ChangeScheduled(**IDS, quantity=3), day(2))
    assert scheduled.state.scheduled_quantity == 3
    assert scheduled.then(changed(5, 6), day(3)).state.scheduled_quantity is None


def test_an_old_fact_that_came_late_does_not_touch_the_present(bought):
    state = bought.then(changed(5, 8), day(10)).then(changed(5, 6), day(4), superseded=True).state
    assert (state.quantity, state.version) == (8, 3)


TODAY = date(2026, 4, 1)


def test_what_was_not_imported_is_billed_from_its_start(bought):
    with pytest.raises(NotImported):
        check_billing_start(bought.state, date(2026, 3, 16), TODAY)


@pytest.mark.parametrize("asked", [date(2026, 3, 1), date(2026, 6, 2)])
def test_the_first_billing_day_can_be_its_start_and_up_to_two_windows_ahead(imported, asked):
    check_billing_start(imported.state, asked, TODAY)


@pytest.mark.parametrize(
    ("asked", "rule"),
    [
        (date(2026, 2, 28), "not_before_start"),
        (date(2026, 6, 3), "not_beyond_next_window"),
        (date(2026, 3, 16), "differs"),
    ],
)
def test_another_first_billing_day_is_refused_with_its_rule(imported, asked, rule):
    with pytest.raises(BillingStartOutOfRange) as refusal:
        check_billing_start(imported.state, asked, TODAY)
    assert refusal.value.rule == rule


def test_the_last_first_billing_day_counts_and_an_older_record_still_tells_the_present(imported):
    """What is between us and our customer is no news of Microsoft's: it supersedes nothing that comes later."""
    moved = BillingStartChanged(**IDS, billing_from=date(2026, 4, 16))
    state = imported.then(moved, day(20)).state
    assert (state.billing_from, state.version) == (date(2026, 4, 16), 2)
    assert state.last_effective_at == START
