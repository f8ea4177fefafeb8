"""Operations and the change feed, on both surfaces."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from csp_gateway.models import Event, Feed, ListOf, Operation
from csp_gateway.operations import wait_seconds
from csp_gateway.surfaces.common import (
    Prefer,
    UsePage,
    UseParts,
    Waited,
    customer_scope,
    list_meta,
    operation_view,
    problems,
    reseller_scope,
)
from csp_runtime.consistency import to_token
from csp_runtime.problems import InvalidParameter, Problem, not_found
from csp_runtime.scope import Scope


def routes(*, with_cost: bool) -> APIRouter:
    """The routes of one surface."""
    router = APIRouter(tags=["platform"])
    scoped = Depends(reseller_scope if with_cost else customer_scope)

    @router.get("/operations", responses=problems(), operation_id="list_operations", dependencies=[Waited])
    async def list_operations(
        request: Request, parts: UseParts, page: UsePage, scope: Scope = scoped
    ) -> ListOf[Operation]:
        """Operations, newest first."""
        rows, cursor = await parts.screens.operations(scope, page)
        return ListOf(
            data=[operation_view(row) for row in rows], meta=list_meta(request, parts, page, cursor)
        )

    @router.get(
        "/operations/{operation_id}",
        responses=problems(404),
        operation_id="get_operation",
        dependencies=[Waited],
    )
    async def get_operation(
        operation_id: str, parts: UseParts, response: Response, scope: Scope = scoped, prefer: Prefer = None
    ) -> Operation:
        """The state of a command; with `Prefer: wait=n` the answer waits for its end."""
        row = await parts.operations.wait(scope, operation_id, wait_seconds(prefer))
        if row is None:
            raise not_found("operation")
        response.headers["Consistency-Token"] = to_token(row["token"])
        return operation_view(row)

    @router.get("/events", responses=problems(), operation_id="list_events", dependencies=[Waited])
    async def events(
        parts: UseParts,
        scope: Scope = scoped,
        after: Annotated[str, Query(max_length=30)] = "0",
        wanted: Annotated[str | None, Query(alias="filter[type]", max_length=200)] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Feed:
        """The same events as on Kafka, for who polls; go on with `next`."""
        if not after.isdigit() or int(after) > 2**62:
            parameter = InvalidParameter(
                field="after", rule="cursor", reason="is not a cursor of this feed", source="query"
            )
            raise Problem("validation", "The request breaks a rule", invalid=[parameter])
        rows = await parts.screens.events(scope, int(after), wanted, limit)
        following = str(rows[-1]["position"]) if rows else after
        return Feed(data=[Event.model_validate(row["body"]) for row in rows], next=following)

    return router
