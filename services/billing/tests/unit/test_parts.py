"""How a close divides its work, so that it never holds more than a part."""

import pytest

from csp_billing.closing import parts


@pytest.fixture(autouse=True)
def _three_at_once(monkeypatch):
    monkeypatch.setattr(parts, "SUBSCRIPTIONS_AT_ONCE", 3)


def test_small_customers_are_settled_together_and_a_large_one_alone():
    customers = [("a", 1), ("b", 2), ("c", 1), ("d", 9), ("e", 1)]
    assert list(parts.groups_of(customers)) == [(["a", "b"], 3), (["c"], 1), (["d"], 9), (["e"], 1)]


def test_a_family_is_in_one_part_however_large_it_is():
    family = {"b", "e", "g", "h", "of another customer"}
    found = list(parts.parts_of(list("abcdefghi"), dict.fromkeys(sorted(family), frozenset(family))))

    assert found == [["a", "b", "e", "g", "h"], ["c", "d", "f"], ["i"]]


def test_every_subscription_is_in_exactly_one_part():
    families = {"c": {"c", "d"}, "d": {"c", "d"}, "f": {"a", "f"}, "a": {"a", "f"}}
    found = list(parts.parts_of(list("abcdefg"), families))

    assert sorted(name for part in found for name in part) == list("abcdefg")


def test_nobody_has_no_part():
    assert list(parts.parts_of([], {})) == []
