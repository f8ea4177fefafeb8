"""Lists, page by page, in Microsoft's three styles (PC 2.4). A page's token can be kept, to go on there after a restart."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Generic, TypeVar

from csp_partner_center.calls import Call
from csp_partner_center.errors import Invalid, UnreadableAnswer
from csp_partner_center.exchange import Reply
from csp_partner_center.reading import UnreadableField, member, read
from csp_partner_center.session import Session

T = TypeVar("T")

CONTINUATION = "MS-ContinuationToken"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableItem:
    """One item that could not be read: it is set aside, the others go on. `raw` may hold personal data."""

    path: str
    rule: str
    raw: Any = field(repr=False)  # Any: whatever came


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """`continuation` is None on the last page; `began_at` is unknown to Microsoft, so callers take their own clock's."""

    items: list[T]
    unreadable: list[UnreadableItem] = field(default_factory=list)
    continuation: str | None = field(default=None, repr=False)
    answered_at: datetime | None = None


async def seek(
    session: Session, kind: type[T], call: Call, *, items: str = "items", continuation: str | None = None
) -> AsyncIterator[Page[T]]:
    """Pages by continuation token, which goes into a header; `seekOperation=Next` is put into the query (PC 2.4).

    Raises `PartnerCenterError`; `UnreadableAnswer` where the listing cannot be trusted to be whole (no list in it, or a
    token that comes twice), so that nobody takes what is missing for deleted.
    """
    seen: set[str] = set()
    while True:
        asked = call if continuation is None else _continued(call, continuation)
        try:
            reply = await session.send(asked)
        except Invalid as fault:
            # PC 2.4: the last page of customers may offer a next one, which then answers 400 code 2000.
            if continuation is not None and fault.upstream_code == "2000":
                return
            raise
        page = _page(call, reply, kind, items)
        if page.continuation is not None and page.continuation in seen:
            raise UnreadableAnswer(call.operation, "the listing goes round in circles")
        yield page
        if page.continuation is None:
            return
        seen.add(page.continuation)
        continuation = page.continuation


async def offset(
    session: Session, kind: type[T], call: Call, *, size: int, start: int = 0
) -> AsyncIterator[Page[T]]:
    """Pages by zero-based offset; `continuation` is the next offset as text.

    A full page without links is followed by one more question: links are missing at times, counts are wrong (PC 2.4).
    """
    while True:
        asked = replace(call, query=(*call.query, ("size", str(size)), ("offset", str(start))))
        reply = await session.send(asked)
        page = _page(asked, reply, kind, "items")
        got = len(page.items) + len(page.unreadable)
        links = member(reply.json, "links")
        has_next = member(links, "next") is not None if isinstance(links, Mapping) else got >= size
        ends = got == 0 or not has_next
        yield replace(page, continuation=None if ends else str(start + got))
        if ends:
            return
        start += got


async def everything(session: Session, kind: type[T], call: Call, *, items: str = "items") -> Page[T]:
    """A list that comes whole, as a collection or a bare array. Pages that come all the same are followed."""
    found: list[T] = []
    unreadable: list[UnreadableItem] = []
    answered_at: datetime | None = None
    async for page in seek(session, kind, call, items=items):
        found += page.items
        unreadable += page.unreadable
        answered_at = answered_at or page.answered_at
    return Page(items=found, unreadable=unreadable, answered_at=answered_at)


def read_page(kind: type[T], body: Any, items: str = "items") -> Page[T]:  # Any: decoded JSON
    """The items of a decoded body; raises `UnreadableField` where there is no list."""
    listed = body if isinstance(body, list) else member(body, items)
    if not isinstance(listed, list):
        raise UnreadableField(items, "is missing or not a list")
    found: list[T] = []
    unreadable: list[UnreadableItem] = []
    for each in listed:
        try:
            found.append(read(kind, each))
        except UnreadableField as fault:
            unreadable.append(UnreadableItem(path=fault.path, rule=fault.rule, raw=each))
    return Page(items=found, unreadable=unreadable)


def _page(call: Call, reply: Reply, kind: type[T], items: str) -> Page[T]:
    body = reply.json
    try:
        page = read_page(kind, body, items)
    except UnreadableField as fault:
        raise UnreadableAnswer(call.operation, f"unreadable answer: {fault}") from None
    return replace(page, continuation=_continuation(body, reply), answered_at=reply.answer.answered_at)


def _continuation(body: Any, reply: Reply) -> str | None:
    if isinstance(body, list):
        return None
    following = member(member(body, "links"), "next")
    for header in member(following, "headers") or ():
        if str(member(header, "key")).lower() == CONTINUATION.lower() and member(header, "value"):
            return str(member(header, "value"))
    # PC 6.7: some lists give it in the response's header. The body's own is believed only where there are no links.
    told = reply.headers.get(CONTINUATION)
    if told is None and not member(body, "links"):
        told = member(body, "continuationToken")
    return str(told) if told else None


def _continued(call: Call, continuation: str) -> Call:
    return replace(
        call,
        query=(*call.query, ("seekOperation", "Next")),
        headers=(*call.headers, (CONTINUATION, continuation)),
    )
