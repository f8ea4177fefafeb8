"""What a setting is on a day: the latest day counts, of one day the last word, a customer's own wins."""

from datetime import UTC, date, datetime

import pytest

from csp_provisioning.domain.settings import SETTINGS, Change, standing

POLICY = SETTINGS["price_change_policy"]


def change(value, on, minute, scope="reseller"):
    return Change(
        setting="price_change_policy",
        value=value,
        effective_on=date.fromisoformat(on),
        changed_at=datetime(2026, 3, 1, 9, minute, tzinfo=UTC),
        changed_by="usr_a",
        reason=None,
        scope=scope,
    )


@pytest.mark.parametrize(
    ("changes", "value", "source"),
    [
        ([], "at_renewal", "default"),
        ([change("at_next_cycle", "2026-04-02", 1)], "at_renewal", "default"),
        ([change("at_next_cycle", "2026-04-01", 1)], "at_next_cycle", "reseller"),
        (
            [change("at_next_cycle", "2026-03-05", 1), change("immediate_prorated", "2026-03-01", 2)],
            "at_next_cycle",
            "reseller",
        ),
        (
            [change("at_next_cycle", "2026-03-05", 1), change("immediate_prorated", "2026-03-05", 2)],
            "immediate_prorated",
            "reseller",
        ),
        (
            [
                change("at_next_cycle", "2026-03-05", 1),
                change("immediate_prorated", "2026-01-01", 2, "customer"),
            ],
            "immediate_prorated",
            "customer",
        ),
    ],
)
def test_the_value_that_holds_on_the_first_of_april(changes, value, source):
    found = standing(POLICY, changes, date(2026, 4, 1))
    assert (found.value, found.source) == (value, source)


def test_changes_of_other_settings_are_not_its_own():
    assert (
        standing(SETTINGS["close_day"], [change("at_renewal", "2026-01-01", 1)], date(2026, 4, 1)).changes
        == []
    )
