"""What a request's body may hold, whichever route it goes to."""

from collections.abc import Sequence

import pytest
from pydantic import ValidationError

from csp_gateway.models.base import Body


class Note(Body):
    text: str
    tags: Sequence[str] = ()


@pytest.mark.parametrize(
    ("given", "field"),
    [({"text": "a\0b"}, "text"), ({"text": "a", "tags": ["x", "\0"]}, "tags")],
)
def test_text_that_no_database_can_hold_is_refused_by_its_field(given, field):
    with pytest.raises(ValidationError) as refused:
        Note(**given)
    (error,) = refused.value.errors()
    assert (error["loc"][0], error["type"]) == (field, "text")
