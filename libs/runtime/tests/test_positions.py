"""A position is text that anybody can write: what its owner did not make is refused."""

import pytest

from csp_runtime.positions import as_position, position_of
from csp_runtime.problems import Problem


def test_a_position_is_read_as_it_was_made():
    assert position_of(as_position('Ada "the" first', "usr_a"), 2) == ['Ada "the" first', "usr_a"]
    assert position_of(None, 2) is None


@pytest.mark.parametrize(
    "after",
    [
        "",
        "x",
        "1",
        "null",
        "{}",
        "[]",
        '["a"]',
        '["a", "b", "c"]',
        '["a", 1]',
        '["a", ["b"]]',
        '["a", "\\u0000"]',
    ],
)
def test_what_is_none_is_refused(after):
    with pytest.raises(Problem) as refused:
        position_of(after, 2)
    assert refused.value.status == 422
