"""How lists are answered: from a screen, from an owner that pages, or from an owner that knows only few rows and tells all."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from fastapi import Request, Response

from csp_gateway.adapters.owners import Caller
from csp_gateway.adapters.paging import Around, trail_of, unknown_cursor
from csp_gateway.adapters.screen_sql import Screen
from csp_gateway.surfaces.answers import JSON, as_json
from csp_gateway.surfaces.common import Parts, Reading
from csp_gateway.surfaces.listing import SPARSE, TOTAL_ESTIMATE, Asked, Listing

Row = dict[str, Any]
_PIECE, _MOST_PIECES = 200, 10
_CURSORS = tuple(
    f"page{opened}{where}{closed}="
    for where in ("after", "before")
    for opened, closed in ("[]", ("%5b", "%5d"))
)
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
    shown, around = await screens.page(read.scope, screen, question)
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
    return answer_list(request, read.parts, asked, shown, around, meta=meta, beside=beside)


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

    `key` are the fields of a row that its cursor is made of, `behind` the owner's parameters for them; `also` what the path
    fixes. Conditions that the owner does not know are applied to what is shown: then the owner is asked for larger pieces, a
    few at most, so that a page may have fewer rows, and even none, while `meta.page.next` goes on.
    """
    asked = listing.asked(request)
    fields, names = _several(key), _several(behind)
    bound = {**asked.identity, **also, "path": path}
    trail = trail_of(asked.page.after, bound, len(fields))
    size = asked.page.size if not asked.residual else max(asked.page.size, _PIECE)

    async def piece(after: list[Any] | None) -> tuple[list[Row], bool]:
        position = {} if after is None else dict(zip(names, after, strict=True))
        rows: list[Row] = await parts.owners.get(
            owner, path, caller, **asked.filters, **also, **position, limit=size + 1
        )
        return rows[:size], len(rows) > size

    page, following = await filled(asked, piece, trail.here, lambda row: [row[name] for name in fields], show)
    return answer_list(request, parts, asked, map(listing.text, page), trail.around(following, bound))


async def filled(
    asked: Asked,
    piece: Callable[[list[Any] | None], Awaitable[tuple[list[Row], bool]]],
    after: list[Any] | None,
    key: Callable[[Row], list[Any]],
    show: Callable[[Row], Any],
) -> tuple[list[Any], list[Any] | None]:
    """So many rows as the page holds, out of a few pieces, and the key of the last that was looked at where there are more."""
    page: list[Any] = []
    for _ in range(_MOST_PIECES):
        rows, goes_on = await piece(after)
        for number, row in enumerate(rows, 1):
            after, shown = key(row), show(row)
            if not asked.residual or asked.meets(shown):
                page.append(shown)
            if len(page) == asked.page.size:
                return page, after if goes_on or number < len(rows) else None
        if not goes_on:
            return page, None
    return page, after


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
    bound = {**asked.identity, **also, "path": request.url.path}
    trail = trail_of(asked.page.after, bound)
    if asked.residual:
        rows = [row for row in rows if asked.meets(row)]
    first = 0
    if trail.here is not None:
        keys = [key(row) for row in rows]
        if trail.here[0] not in keys:
            raise unknown_cursor("is of a row that is not there any more")
        first = keys.index(trail.here[0]) + 1
    page = rows[first : first + asked.page.size]
    more = first + asked.page.size < len(rows)
    around = trail.around([key(page[-1])] if more else None, bound)
    return answer_list(request, parts, asked, map(listing.text, page), around, headers=headers)


def answer_list(
    request: Request,
    parts: Parts,
    asked: Asked,
    shown: Iterable[str],
    around: Around,
    *,
    meta: Mapping[str, Any] | None = None,
    beside: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A page of rows that are JSON text already, cut to the fields that were asked for. `meta` and `beside` are added where
    they belong."""
    following, previous = around.following, around.previous
    page = {
        "size": asked.page.size,
        "next": None if following is None else _link(request, f"page%5Bafter%5D={following}"),
        "previous": None,
    }
    if previous is not None:
        direction = "before" if asked.goes_back else "after"
        page["previous"] = _link(request, f"page%5B{direction}%5D={previous}")
    elif around.starts_over:
        page["previous"] = _link(request)
    about: dict[str, Any] = {"page": page, "as_of": parts.clock.now()}
    if meta:
        about |= meta
    if asked.fields:
        shown = (_sparse(row, asked.fields) for row in shown)
    others = "".join(f',"{name}":{as_json(value)}' for name, value in beside.items()) if beside else ""
    body = f'{{"data":[{",".join(shown)}]{others},"meta":{as_json(about)}}}'
    media = SPARSE if asked.fields else JSON
    return Response(body, media_type=media, headers=dict(headers) if headers else None)


def _link(request: Request, *cursor: str) -> str:
    """This list with all its parameters, at another page; ours needs no quoting."""
    asked = request.scope["query_string"].decode("ascii", "replace").split("&")
    kept = [each for each in asked if each and not each.lower().startswith(_CURSORS)]
    query = "&".join([*kept, *cursor])
    return f"{request.scope['path']}?{query}" if query else request.scope["path"]


def _sparse(row: str, fields: Sequence[str]) -> str:
    whole = msgspec.json.decode(row, type=dict[str, msgspec.Raw])
    return as_json({name: whole[name] for name in fields if name in whole})


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
