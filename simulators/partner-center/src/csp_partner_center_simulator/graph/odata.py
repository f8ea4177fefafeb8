"""The few OData words that the Graph operations here understand (PC 13)."""

import base64
import json
import re
from collections.abc import Callable
from types import NoneType
from typing import Any, TypeVar

from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import GraphError
from csp_partner_center_simulator.wire.request import Request

T = TypeVar("T")
_COMPARISON = re.compile(r"(\w+)\s+(eq|ne)\s+('(?:[^']|'')*'|true|false|null)", re.IGNORECASE)
_FUNCTION = re.compile(r"(startswith|endswith)\(\s*(\w+)\s*,\s*'((?:[^']|'')*)'\s*\)", re.IGNORECASE)


def bad_request(description: str, name: str = "Request_BadRequest") -> GraphError:
    """Make Graph's 400."""
    return GraphError(400, name, description)


def selected(request: Request, everything: dict[str, Any], usual: tuple[str, ...]) -> dict[str, Any]:
    """Give the properties that `$select` names, else the usual ones (samples of 13.1: `id` too must be named)."""
    wish = request.param("$select")
    names = [name.strip() for name in wish.split(",")] if wish else list(usual)
    by_name = {name.lower(): name for name in everything}
    return {
        by_name[name.lower()]: everything[by_name[name.lower()]] for name in names if name.lower() in by_name
    }


def filtered(request: Request, items: list[T], properties: Callable[[T], dict[str, Any]]) -> list[T]:
    """Apply `$filter`: comparisons and startswith/endswith joined by `and`; 400 for anything else."""
    text = request.param("$filter")
    if text is None:
        return items
    tests = [
        _test(part.strip().strip("()") if "(" not in part[1:] else part.strip())
        for part in re.split(r"\s+and\s+", text)
    ]
    return [item for item in items if all(test(properties(item)) for test in tests)]


def _test(text: str) -> Callable[[dict[str, Any]], bool]:
    if found := _FUNCTION.fullmatch(text):
        name, wanted = found[2].lower(), found[3].replace("''", "'").lower()
        starts = found[1].lower() == "startswith"

        def by_end(item: dict[str, Any]) -> bool:
            have = str(_member(item, name) or "").lower()
            return have.startswith(wanted) if starts else have.endswith(wanted)

        return by_end
    if found := _COMPARISON.fullmatch(text):
        name, equal = found[1].lower(), found[2].lower() == "eq"
        literal = _literal(found[3])

        def by_value(item: dict[str, Any]) -> bool:
            have = _member(item, name)
            same = (
                have.lower() == literal.lower()
                if isinstance(have, str) and isinstance(literal, str)
                else have == literal
            )
            return same is equal

        return by_value
    raise bad_request(f"Invalid filter clause: {text[:80]}", "BadRequest")


def _member(item: dict[str, Any], name: str) -> Any:
    return next((value for key, value in item.items() if key.lower() == name), None)


def _literal(text: str) -> Any:
    known = {"true": True, "false": False, "null": None}
    return known[text.lower()] if text.lower() in known else text[1:-1].replace("''", "'")


def page(call: Call, items: list[Any], uri: str, *, default: int, most: int, context: str) -> dict[str, Any]:
    """Cut a page by `$top` and `$skiptoken`; the next link repeats the query."""
    request = call.request
    top = request.number("$top") or default
    if not 1 <= top <= most:
        raise bad_request(f"$top must be between 1 and {most}.")
    offset = int(read_token(request.param("$skiptoken")).get("at", 0))
    answer: dict[str, Any] = {"@odata.context": f"{call.base_url}/graph/v1.0/$metadata#{context}"}
    if (request.param("$count") or "").lower() == "true":
        answer["@odata.count"] = len(items)
    if offset + top < len(items):
        kept = [
            part
            for part in request.raw_query.split("&")
            if part and not part.lower().startswith(("$skiptoken", "%24skiptoken"))
        ]
        query = "&".join([*kept, f"$skiptoken={write_token({'at': offset + top})}"])
        answer["@odata.nextLink"] = f"{call.base_url}/graph/v1.0{uri}?{query}"
    answer["value"] = items[offset : offset + top]
    return answer


def write_token(state: dict[str, Any]) -> str:
    """Write an opaque token."""
    return base64.urlsafe_b64encode(json.dumps(state, separators=(",", ":")).encode()).decode().rstrip("=")


def read_token(text: str | None) -> dict[str, Any]:
    """Read an opaque token; {} when there is none, 400 when it is not of ours."""
    if text is None:
        return {}
    try:
        state = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        known = dict(state)
        if not all(isinstance(known.get(name, 0), int | NoneType) for name in ("at", "since", "upto")):
            raise bad_request("The token is malformed.")
    except (ValueError, TypeError):
        raise bad_request("The token is malformed.") from None
    return known
