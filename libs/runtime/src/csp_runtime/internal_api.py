"""The internal API that every service has: its public log by page and by stream, for readers with role `service`."""

from collections.abc import Sequence
from typing import Annotated, Any

import httpx
import msgspec
from fastapi import APIRouter, Query, Response

from csp_contracts.codec import decode_meta, encode_meta
from csp_runtime.auth import ServiceTokens
from csp_runtime.feed import FeedRecord
from csp_runtime.http import AnyScope
from csp_runtime.platform import Peers
from csp_runtime.problems import Problem
from csp_runtime.public_log import PublicLog
from csp_runtime.scope import Role, Scope

MOST = 1000


def require_service(scope: Scope) -> None:
    """Only background work of the platform passes."""
    if Role.SERVICE not in scope.roles:
        raise Problem("forbidden", "Only services may read this")


def events_router(log: PublicLog) -> APIRouter:
    """`GET /internal/v1/events?after=…` by page, `?stream=…&after_version=…` by stream."""
    router = APIRouter(prefix="/internal/v1")

    @router.get("/events")
    async def events(
        scope: AnyScope,
        stream: str | None = None,
        after: Annotated[int, Query(ge=0)] = 0,
        after_version: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=MOST)] = MOST,
    ) -> Response:
        require_service(scope)
        if stream is not None:
            records: Sequence[FeedRecord] = await log.read_stream(stream, after_version, limit)
            next_offset = 0
        else:
            page = await log.read(after, limit)
            records, next_offset = page.records, page.next_offset
        body: dict[str, Any] = {"records": [_as_json(record) for record in records], "next": next_offset}
        return Response(msgspec.json.encode(body), media_type="application/json")

    return router


def _as_json(record: FeedRecord) -> dict[str, Any]:
    return {
        "stream": record.stream,
        "version": record.version,
        "type": record.type,
        "offset": record.offset,
        "data": msgspec.Raw(record.data),
        "meta": msgspec.Raw(encode_meta(record.meta)),
    }


class _Wire(msgspec.Struct):
    stream: str
    version: int
    type: str
    offset: int
    data: msgspec.Raw
    meta: msgspec.Raw


class _Page(msgspec.Struct):
    records: list[_Wire]


class PeerGaps:
    """Fetches missing versions from their owner's internal API."""

    def __init__(self, peers: Peers, tokens: ServiceTokens) -> None:
        self._peers = peers
        self._tokens = tokens

    async def fetch(self, context: str, stream: str, after_version: int) -> Sequence[FeedRecord]:
        """As `GapSource`; raises `httpx.TransportError` where the owner does not answer."""
        token = await self._tokens.token("platform")
        answer = await self._peers.client(context).get(
            "/internal/v1/events",
            params={"stream": stream, "after_version": after_version},
            headers={"Authorization": f"Bearer {token}"},
        )
        if answer.status_code != httpx.codes.OK:
            return []
        return [
            FeedRecord(
                stream=wire.stream,
                version=wire.version,
                type=wire.type,
                data=bytes(wire.data),
                meta=decode_meta(wire.meta),
                offset=wire.offset,
            )
            for wire in msgspec.json.decode(answer.content, type=_Page).records
        ]
