"""Which event decides the present: field by field, by the times that are known in the end."""

from datetime import UTC, datetime

from csp_contracts.subscriptions_v1 import (
    AutoRenewChanged,
    EffectiveTimeCorrected,
    QuantityChanged,
    SubscriptionCreated,
    SubscriptionReactivated,
    SubscriptionSuspended,
)
from csp_subscriptions.domain.present import deciding, is_superseded, times_of

OF = {"subscription_id": "sub_a", "tenant_id": "ten_a"}


def day(number, hour=9):
    return datetime(2026, 3, number, hour, tzinfo=UTC)


SUSPENDED = SubscriptionSuspended(**OF)


def seats(quantity):
    return QuantityChanged(previous=5, quantity=quantity, **OF)


def test_seats_that_change_later_leave_an_earlier_suspension_in_force(bought):
    history = bought.then(seats(7), day(20)).events
    assert not is_superseded(history, SUSPENDED, day(10))
    assert is_superseded(history, seats(6), day(10))


def test_a_creation_decides_every_field_until_something_changes_it(bought):
    assert isinstance(deciding(bought.events, seats(7)).data, SubscriptionCreated)
    assert is_superseded(bought.events, SUSPENDED, day(1, hour=8))


def test_a_superseded_event_decides_nothing(bought):
    history = bought.then(seats(7), day(20)).then(seats(6), day(10), superseded=True).events
    assert deciding(history, seats(9)).version == 2


def test_a_return_from_suspension_decides_status_and_seats(bought):
    history = bought.then(SUSPENDED, day(2)).then(SubscriptionReactivated(quantity=4, **OF), day(5)).events
    assert deciding(history, SUSPENDED).version == deciding(history, seats(1)).version == 3


def test_an_event_whose_time_was_corrected_counts_from_that_time(bought):
    corrected = EffectiveTimeCorrected(corrected_version=2, **OF)
    history = bought.then(seats(7), day(20)).then(corrected, day(8)).events
    assert times_of(history)[2] == day(8)
    assert not is_superseded(history, seats(6), day(10))


def test_what_happens_at_the_end_of_the_term_is_a_field_of_its_own(bought):
    history = bought.then(SUSPENDED, day(9)).then(seats(7), day(20)).events
    assert not is_superseded(history, AutoRenewChanged(end_of_term="cancel", **OF), day(10))
