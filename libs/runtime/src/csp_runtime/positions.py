"""Where a page begins: the values of the row before it, as text that its owner has made and that anybody can write."""

import json

from csp_runtime.problems import InvalidParameter, Problem


def as_position(*values: str) -> str:
    """The position behind a row with these values."""
    return json.dumps(values)


def position_of(after: str | None, width: int) -> list[str] | None:
    """Its values; None for the beginning. Raises `Problem` (422) where it is not of so many texts."""
    if after is None:
        return None
    try:
        read = json.loads(after)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, list) or len(read) != width or not all(_is_text(each) for each in read):
        parameter = InvalidParameter(
            field="page[after]", rule="cursor", reason="is not a cursor of this list", source="query"
        )
        raise Problem("validation", "The request breaks a rule", invalid=[parameter])
    return read


def _is_text(value: object) -> bool:
    return isinstance(value, str) and "\0" not in value  # no text of PostgreSQL can hold it
