"""How lists are answered: from a screen, from an owner that pages, or from an owner that knows only few rows and tells all."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from fastapi import Request, Response

from csp_gateway.adapters.owners import Caller
from csp_gateway.adapters.paging import Page, cursor_of, key_of, unknown_cursor
from csp_gateway.adapters.screen_sql import Screen
from csp_gateway.surfaces.answers import JSON, as_json
from csp_gateway.surfaces.common import Parts, Reading
from csp_gateway.surfaces.listing import TOTAL_ESTIMATE, Listing

Row = dict[str, Any]
Included = Mapping[str, tuple[str, Screen]]
"""What can be answered beside the rows of a screen, by name: the column of a row that names it, and where it is."""


async def answer_screen(
    request: Request,
    read: Reading,
    screen: Screen,
    listing: Listing,
    included: Included | None = None,
    **also: str,
) -> Response:
    """A page of a screen as the request asks for it; `also` are columns that the path fixes."""
    asked = listing.asked(request)
    question = asked.question(**also)
    screens = read.parts.screens
    shown, cursor = await screens.page(read.scope, screen, question)
    beside: dict[str, Any] = {}
    meta: dict[str, Any] = {}
    if listing.includes:
        meta[TOTAL_ESTIMATE] = None
        if TOTAL_ESTIMATE in asked.include:
            meta[TOTAL_ESTIMATE] = await screens.count(read.scope, screen, question.conditions)
    if included:
        beside["included"] = None
        if wanted := {name: included[name] for name in included if name in asked.include}:
            beside["included"] = await _beside(read, shown, wanted, included)
    return answer_list(request, read.parts, asked.page, shown, cursor, meta=meta, beside=beside)


async def answer_owned(
    request: Request,
    parts: Parts,
    caller: Caller,
    listing: Listing,
    owner: str,
    path: str,
    *,
    show: Callable[[Row], Any] = lambda row: row,
    key: str | Sequence[str] = "cursor",
    behind: str | Sequence[str] = "after",
    **also: str | None,
) -> Response:
    """A page of an owner's rows, who is asked for one row more than the page has.

    `key` are the fields of a row that its cursor is made of, `behind` the owner's parameters for them; `also` what the path fixes.
    """
    asked = listing.asked(request)
    fields, names = _several(key), _several(behind)
    bound = {**asked.filters, **also, "path": path}
    after = key_of(asked.page.after, bound, len(fields))
    position = {} if after is None else dict(zip(names, after, strict=True))
    rows: list[Row] = await parts.owners.get(
        owner, path, caller, **asked.filters, **also, **position, limit=asked.page.size + 1
    )
    cursor = None
    if len(rows) > asked.page.size:
        rows = rows[: asked.page.size]
        cursor = cursor_of([rows[-1][field] for field in fields], bound)
    return answer_list(request, parts, asked.page, [as_json(show(row)) for row in rows], cursor)


def answer_whole(
    request: Request,
    parts: Parts,
    listing: Listing,
    rows: Sequence[Any],
    key: Callable[[Any], str],
    headers: Mapping[str, str] | None = None,
    **also: str | None,
) -> Response:
    """A page of rows that are all here, in their order; `key` tells one from the others, `also` is what the path fixes."""
    asked = listing.asked(request)
    bound = {**asked.filters, **also, "path": request.url.path}
    after = key_of(asked.page.after, bound)
    first = 0
    if after is not None:
        keys = [key(row) for row in rows]
        if after[0] not in keys:
            raise unknown_cursor("is of a row that is not there any more")
        first = keys.index(after[0]) + 1
    page = rows[first : first + asked.page.size]
    more = first + asked.page.size < len(rows)
    cursor = cursor_of([key(page[-1])], bound) if more else None
    return answer_list(request, parts, asked.page, map(as_json, page), cursor, headers=headers)


def answer_list(
    request: Request,
    parts: Parts,
    page: Page,
    shown: Iterable[str],
    cursor: str | None,
    *,
    meta: Mapping[str, Any] | None = None,
    beside: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A page of rows that are JSON text already; `next` keeps all parameters. `meta` and `beside` are added where they belong."""
    following = None
    if cursor is not None:
        # Of two cursors in a query the last one counts; ours needs no quoting.
        asked = request.scope["query_string"].decode("ascii", "replace").split("&")
        kept = [each for each in asked if each and not each.startswith(("page[after]=", "page%5Bafter%5D="))]
        following = f"{request.scope['path']}?{'&'.join([*kept, f'page%5Bafter%5D={cursor}'])}"
    about: dict[str, Any] = {"page": {"size": page.size, "next": following}, "as_of": parts.clock.now()}
    if meta:
        about |= meta
    others = "".join(f',"{name}":{as_json(value)}' for name, value in beside.items()) if beside else ""
    body = f'{{"data":[{",".join(shown)}]{others},"meta":{as_json(about)}}}'
    return Response(body, media_type=JSON, headers=dict(headers) if headers else None)


async def _beside(
    read: Reading, shown: Iterable[str], wanted: Included, all_of_them: Included
) -> dict[str, list[Any]]:
    """The objects that the rows of a page name, each once; empty for what was not asked for."""
    rows = [msgspec.json.decode(row) for row in shown]
    found: dict[str, list[Any]] = {f"{name}s": [] for name in all_of_them}
    for name, (column, screen) in wanted.items():
        keys = sorted({row[column] for row in rows if row[column] is not None})
        found[f"{name}s"] = [
            msgspec.Raw(each) for each in await read.parts.screens.some(read.scope, screen, keys)
        ]
    return found


def _several(names: str | Sequence[str]) -> Sequence[str]:
    return (names,) if isinstance(names, str) else names
