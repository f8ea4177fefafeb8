"""Consumed seats are filled into a product's subscriptions by earliest renewal, and always add up."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from csp_identity_sync.domain.seats import OwnedSeats, fill


def owned(name, quantity, ends=None, status="active"):
    return OwnedSeats(
        subscription_id=name, sku_id="sku", quantity=quantity, status=status, commitment_ends_on=ends
    )


def parts(consumed, *seats):
    available, found = fill(consumed, seats)
    return available, {part.subscription_id: (part.consumed, part.shared) for part in found}


def test_one_subscription_holds_them_all():
    assert parts(3, owned("a", 5)) == (5, {"a": (3, False)})


def test_the_one_that_renews_first_is_filled_first():
    soon, late = owned("soon", 2, date(2026, 5, 1)), owned("late", 5, date(2026, 9, 1))
    assert parts(4, late, soon) == (7, {"soon": (2, True), "late": (2, True)})


def test_what_no_subscription_can_hold_stays_on_the_last():
    assert parts(9, owned("a", 5)) == (5, {"a": (9, False)})


def test_a_suspended_subscription_holds_none():
    assert parts(2, owned("a", 5), owned("b", 3, status="suspended")) == (
        5,
        {"a": (2, False), "b": (0, False)},
    )


seats = st.builds(
    owned,
    st.uuids().map(str),
    st.integers(0, 50),
    st.none() | st.dates(date(2026, 1, 1), date(2029, 1, 1)),
    st.sampled_from(["active", "suspended", "expired", "cancelled"]),
)


@given(st.integers(0, 200), st.lists(seats, max_size=6, unique_by=lambda each: each.subscription_id))
def test_the_parts_add_up_to_what_microsoft_counts(consumed, holders):
    _, found = fill(consumed, holders)
    usable = any(each.status in ("active", "expired") for each in holders)
    assert sum(part.consumed for part in found) == (consumed if usable else 0)
    assert len(found) == len(holders)
