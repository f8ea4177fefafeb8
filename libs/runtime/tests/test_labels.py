"""Labels are merged key by key; a patch that breaks rules says all of them."""

import pytest

from csp_runtime.labels import merged
from csp_runtime.problems import Problem


def test_a_value_sets_null_takes_away_and_the_rest_stays():
    assert merged({"a": "1", "b": "2", "c": "3"}, {"b": "5", "c": None, "d": "4"}) == {
        "a": "1",
        "b": "5",
        "d": "4",
    }


@pytest.mark.parametrize("key", ["", "A", "a-b", "1a", "a" * 41, "a.b", "ä", "a'b"])
def test_a_key_that_no_filter_could_name_is_refused(key):
    with pytest.raises(Problem) as refused:
        merged({}, {key: "x"})
    assert refused.value.invalid[0].rule == "key"


@pytest.mark.parametrize("value", ["x" * 201, "a\nb", "\0"])
def test_a_value_that_is_too_long_or_cannot_be_shown_is_refused(value):
    with pytest.raises(Problem) as refused:
        merged({}, {"a": value})
    assert refused.value.invalid[0].field == "labels.a"


def test_there_are_fifty_labels_at_most():
    full = {f"k{number}": "v" for number in range(50)}
    assert len(merged(full, {"k0": "w"})) == 50
    with pytest.raises(Problem):
        merged(full, {"one_more": "v"})
