"""Operations and the change feed, on both surfaces."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from csp_gateway.adapters.asking import SortKey
from csp_gateway.adapters.screens import OPERATIONS
from csp_gateway.models.base import CountedListOf
from csp_gateway.models.events import Feed
from csp_gateway.models.operations import Operation
from csp_gateway.operations import wait_seconds
from csp_gateway.surfaces.answers import JSON, answer_row
from csp_gateway.surfaces.common import Prefer, Reading, Surface
from csp_gateway.surfaces.documented import ONE, ONE_ASKED, WAITS, problems
from csp_gateway.surfaces.filters import moment, text
from csp_gateway.surfaces.listing import TOTAL_ESTIMATE, Listing
from csp_gateway.surfaces.lists import answer_screen
from csp_runtime.consistency import to_token
from csp_runtime.problems import InvalidParameter, Problem, not_found

LIST = Listing(
    (
        text("status"),
        text("kind"),
        text("subject"),
        text("requested_by"),
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
)


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
        "/events",
        responses=problems(),
        openapi_extra=WAITS,
        operation_id="list_events",
        response_model=Feed,
    )
    async def events(
        read: Reading = reads,
        after: Annotated[str, Query(max_length=30)] = "0",
        wanted: Annotated[str | None, Query(alias="filter[type]", max_length=200)] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Response:
        """The same events as on Kafka, for who polls; go on with `next`."""
        if not (after.isascii() and after.isdigit()) or int(after) > 2**62:
            parameter = InvalidParameter(
                field="after", rule="cursor", reason="is not a cursor of this feed", source="query"
            )
            raise Problem("validation", "The request breaks a rule", invalid=[parameter])
        shown, last = await read.parts.screens.events(read.scope, int(after), wanted, limit)
        return Response(f'{{"data":[{",".join(shown)}],"next":"{last}"}}', media_type=JSON)

    return router
