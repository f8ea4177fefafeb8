"""The paging styles of Partner Center (PC 2.4): size with offset, and seek with a continuation token."""

import base64
import json
from collections.abc import Callable
from typing import Any, TypeVar

from csp_partner_center_simulator.wire.answer import collection, link
from csp_partner_center_simulator.wire.errors import ApiError, invalid
from csp_partner_center_simulator.wire.filters import operator
from csp_partner_center_simulator.wire.request import Request

T = TypeVar("T")
HEADER = "MS-ContinuationToken"
SEEKS = frozenset({"next", "previous", "first"})


def by_offset(
    request: Request, items: list[T], uri: str, render: Callable[[T], Any], *, most: int
) -> dict[str, Any]:
    """Cut a page by `size` and zero-based `offset`; without size (or size 0) everything."""
    size = request.number("size") or 0
    offset = request.number("offset") or 0
    if size < 0 or offset < 0 or size > most:
        raise invalid(f"size must be between 0 and {most}, offset at least 0.")
    page = items[offset : offset + size] if size else items[offset:]
    rest = _query(request, {"size", "offset"})
    following = offset + size
    return collection(
        [render(item) for item in page],
        _uri(uri, request.raw_query),
        next_link=link(_uri(uri, f"{rest}size={size}&offset={following}"))
        if size and following < len(items)
        else None,
        previous_link=link(_uri(uri, f"{rest}size={size}&offset={max(0, offset - size)}"))
        if size and offset
        else None,
    )


def by_seek(
    request: Request,
    operation: str,
    uri: str,
    select: Callable[[dict[str, Any]], list[T]],
    render: Callable[[T], Any],
    *,
    default: int,
    most: int,
    wishes: dict[str, Any],
    trailing_next: bool = False,
) -> dict[str, Any]:
    """Cut a page by `size`; the token of the next page holds size and wishes, for clients repeat neither.

    `operation` names the list, with the ids of its path: a token of another list is refused.

    `wishes` (filter, dates, …) select the items; the last page offers no next, and asking beyond it is
    400 with code 2000. With `trailing_next` a full last page offers one all the same, as the service may.
    """
    token = request.headers.get(HEADER.lower())
    seek = operator(request.param("seekoperation") or "")
    if seek and seek not in SEEKS:
        raise invalid(f"seekOperation must be one of {', '.join(sorted(SEEKS))}.", code=900126)
    if seek in {"next", "previous"} or (token and seek != "first"):
        state = _read_token(token, operation)
        asked = request.param("filter")
        if asked is not None and asked != state["wishes"].get("filter"):
            raise invalid(f"The header {HEADER} belongs to a list with another filter.")
        if seek == "previous":
            state["at"] = max(0, state["at"] - 2 * state["size"])
    else:
        size = request.number("size")
        if size is not None and not 0 <= size <= most:
            raise invalid(f"size must be between 0 and {most}.")
        # size=0 together with a filter means no limit (PC 2.4)
        state = {
            "op": operation,
            "at": 0,
            "size": size or (0 if size == 0 else default),
            "wishes": wishes,
        }
    items = select(state["wishes"])
    start, size = int(state["at"]), int(state["size"])
    if start and start >= len(items):
        raise ApiError(400, 2000, "There are no more records.")
    page = items[start : start + size] if size else items[start:]
    following = start + len(page)
    answer = collection([render(item) for item in page], _uri(uri, request.raw_query))
    if following < len(items) or (trailing_next and size and len(page) == size):
        token = _write_token({**state, "at": following})
        rest = "&".join(
            part
            for part in request.raw_query.split("&")
            if part and not part.lower().startswith("seekoperation=")
        )
        next_uri = f"{uri}?{rest}&seekOperation=Next" if rest else f"{uri}?seekOperation=Next"
        answer["links"]["next"] = link(next_uri, headers=[{"key": HEADER, "value": token}])
        answer["continuationToken"] = token
    return answer


def _write_token(state: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(state, separators=(",", ":")).encode()).decode()


def _read_token(token: str | None, operation: str) -> dict[str, Any]:
    try:
        state = json.loads(base64.urlsafe_b64decode((token or "").encode()))
        return {
            "op": {operation: operation}[state["op"]],  # a token of another list is none of this one
            "at": int(state["at"]),
            "size": int(state["size"]),
            "wishes": dict(state["wishes"]),
        }
    except (ValueError, KeyError, TypeError):
        raise invalid(f"The header {HEADER} is missing or not a token of this list.") from None


def _query(request: Request, without: set[str]) -> str:
    kept = [
        part
        for part in request.raw_query.split("&")
        if part and part.partition("=")[0].lower() not in without
    ]
    return "&".join(kept) + "&" if kept else ""


def _uri(uri: str, query: str) -> str:
    return f"{uri}?{query}" if query else uri
