"""Commands that become operations: each is handed to its owner under the same path, and answered by the operation."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Response

from csp_gateway.models.base import Body
from csp_gateway.models.operations import Operation
from csp_gateway.surfaces.answers import answer_operation
from csp_gateway.surfaces.common import Parts, Surface, version_of
from csp_gateway.surfaces.documented import IF_MATCH, OPERATION, PREFER
from csp_gateway.surfaces.posts import Given, Json, Route, add_post
from csp_runtime.scope import Scope

Check = Callable[[Parts, Scope, Json], Awaitable[None]]


def add_command(
    router: APIRouter,
    surface: Surface,
    path: str,
    *,
    owner: str,
    operation_id: str,
    description: str,
    body: type[Body] | None = None,
    owner_path: str | None = None,
    takes_if_match: bool = False,
    check: Check | None = None,
) -> None:
    """`POST path`. `owner_path` where the owner calls it otherwise (`{own_customer}` is the caller's); `check` looks at the
    body inside the caller's scope before the owner hears of it."""

    async def begin(given: Given, said: Json) -> Response:
        if check is not None:
            await check(given.parts, given.scope, said)
        expected = version_of(given.if_match) if takes_if_match else None
        address = (owner_path or path).format(**given.request.path_params, own_customer=given.scope.customer)
        begun = await given.parts.owners.command(
            owner, address, given.caller, given.command, said, expected=expected
        )
        prefer = given.request.headers.get("Prefer")
        return await answer_operation(given.parts, given.scope, given.command, begun, prefer, surface)

    route = Route(
        operation_id=operation_id,
        description=description,
        status=202,
        responses=OPERATION,
        model=Operation,
        headers=[PREFER, *([IF_MATCH] if takes_if_match else [])],
    )
    add_post(router, surface, path, body, begin, route)
