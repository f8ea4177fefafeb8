"""Operations and the change feed, on both surfaces."""

from collections.abc import AsyncIterator

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse

from csp_gateway.adapters.asking import SortKey
from csp_gateway.adapters.screens import OPERATIONS, Row
from csp_gateway.models.base import CountedListOf
from csp_gateway.models.events import Feed
from csp_gateway.models.operations import Operation
from csp_gateway.operations import wait_seconds
from csp_gateway.surfaces.answers import JSON, answer_row
from csp_gateway.surfaces.common import Prefer, Reading, Surface, row_of
from csp_gateway.surfaces.documented import ONE, ONE_ASKED, problems
from csp_gateway.surfaces.filters import moment, number, perspective_number, text
from csp_gateway.surfaces.listing import CONSISTENCY_TOKEN, TOTAL_ESTIMATE, Listing
from csp_gateway.surfaces.lists import answer_screen
from csp_runtime.consistency import to_token
from csp_runtime.problems import not_found

LIST = Listing(
    (
        text("status"),
        text("kind"),
        text("subject"),
        text("requested_by"),
        text("id", column="operation_id"),
        text("origin"),
        text("reason"),
        text("ticket"),
        text("correlation_id"),
        number("version"),
        moment("deadline_at"),
        moment("created_at", column="requested_at"),
        moment("requested_at"),
        moment("updated_at"),
    ),
    sorts={
        "requested_at": SortKey("requested_at", "timestamptz"),
        "updated_at": SortKey("updated_at", "timestamptz"),
        "kind": SortKey("kind", "text"),
        "status": SortKey("status", "text"),
    },
    includes=(TOTAL_ESTIMATE,),
    model=Operation,
    goes_back=True,
)

EVENTS = Listing(
    (
        text("type", operators=("eq",)),
        perspective_number("after", 0, 2**62),
        perspective_number("limit", 1, 1000),
    ),
    is_paged=False,
)
ONE_STREAMED = {
    "parameters": [
        CONSISTENCY_TOKEN,
        {
            "name": "Last-Event-ID",
            "in": "header",
            "required": False,
            "description": "The id of the last event that was seen: go on behind it",
            "schema": {"type": "string"},
        },
    ]
}


def routes(surface: Surface) -> APIRouter:
    """The routes of one surface."""
    router = APIRouter(tags=["platform"])
    reads = Depends(surface.reading)

    @router.get(
        "/operations",
        responses=problems(),
        openapi_extra=LIST.documented,
        operation_id="list_operations",
        response_model=CountedListOf[Operation],
    )
    async def list_operations(request: Request, read: Reading = reads) -> Response:
        """Operations, newest first."""
        return await answer_screen(request, read, OPERATIONS, LIST)

    @router.get(
        "/operations/{operation_id}",
        responses=ONE,
        openapi_extra=ONE_ASKED,
        operation_id="get_operation",
        response_model=Operation,
    )
    async def get_operation(
        operation_id: str, request: Request, read: Reading = reads, prefer: Prefer = None
    ) -> Response:
        """The state of a command; with `Prefer: wait=n` the answer waits for its end."""
        row = await read.parts.operations.wait(read.scope, operation_id, wait_seconds(prefer))
        if row is None:
            raise not_found("operation")
        return answer_row(request, row, headers={"Consistency-Token": to_token(row["token"])})

    @router.get(
        "/operations/{operation_id}/events",
        responses={200: {"content": {"text/event-stream": {}}}, **problems(404)},
        openapi_extra=ONE_STREAMED,
        operation_id="stream_operation",
        response_class=Response,
    )
    async def stream(operation_id: str, request: Request, read: Reading = reads) -> Response:
        """Server-sent events: the operation each time that it changes, until it has ended; after a minute one asks again."""
        await row_of(read, OPERATIONS, operation_id, "operation")
        seen = request.headers.get("Last-Event-ID", "")
        after = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 10 else 0
        states = read.parts.operations.states(read.scope, operation_id, after)
        # Not held back by a proxy that collects an answer before it hands it on.
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(_told(states), media_type="text/event-stream", headers=headers)

    @router.get(
        "/events",
        responses=problems(),
        openapi_extra=EVENTS.documented,
        operation_id="list_events",
        response_model=Feed,
    )
    async def events(request: Request, read: Reading = reads) -> Response:
        """The same events as on Kafka, for who polls; go on with `next`, which is there also when nothing has happened."""
        filters = EVENTS.asked(request).filters
        after, limit = filters["after"] or 0, filters["limit"] or 100
        shown, last = await read.parts.screens.events(read.scope, after, filters["type"], limit)
        return Response(f'{{"data":[{",".join(shown)}],"next":"{last}"}}', media_type=JSON)

    return router


async def _told(states: AsyncIterator[Row | None]) -> AsyncIterator[str]:
    yield "retry: 1000\n\n"
    async for row in states:
        yield (
            ": still\n\n"
            if row is None
            else f"id: {row['version']}\nevent: operation\ndata: {row['body']}\n\n"
        )
