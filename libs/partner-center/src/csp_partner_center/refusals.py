"""Error bodies in all their shapes (PC 2.8, 13.4), scrubbed to what may be shown."""

from collections.abc import Mapping
from typing import Any

from csp_partner_center.errors import Refusal
from csp_partner_center.reading import UnreadableField, decode, member

_LONGEST = 1024


def refusal_of(status: int, body: bytes) -> Refusal:
    """What an answer that is not a success says. Never raises: pages of HTML and empty bodies are answers too."""
    try:
        found = decode(body)
    except UnreadableField:
        return Refusal(status=status)
    if not isinstance(found, Mapping):
        return Refusal(status=status)
    inner = member(found, "error")  # Graph and the pricing host
    said: Mapping[str, Any] = inner if isinstance(inner, Mapping) else found
    code = member(said, "code")
    text = member(said, "description") or member(said, "message") or member(said, "errorMessageExtended")
    data = member(said, "data")
    return Refusal(
        status=status,
        code=None if code is None else str(code),
        description=str(text)[:_LONGEST] if text else None,
        data=tuple(str(each)[:_LONGEST] for each in data if isinstance(each, str))
        if isinstance(data, list)
        else (),
    )
