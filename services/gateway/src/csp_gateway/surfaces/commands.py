"""Commands that become operations: each is handed to its owner under the same path, and answered by the operation."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from csp_gateway.adapters.owners import Caller
from csp_gateway.models.base import Body
from csp_gateway.models.operations import Operation
from csp_gateway.surfaces.answers import answer_operation
from csp_gateway.surfaces.common import Parts, Surface, UseCaller, UseParts, version_of
from csp_gateway.surfaces.documented import IF_MATCH, OPERATION, PREFER, parameters_of
from csp_runtime.http import AnyCommand, Command
from csp_runtime.scope import Scope

Check = Callable[[Parts, Scope, dict[str, Any]], Awaitable[None]]


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
    scoped = Depends(surface.who)

    async def begin(
        request: Request, scope: Scope, command: Command, caller: Caller, parts: Parts, given: dict[str, Any]
    ) -> Response:
        if check is not None:
            await check(parts, scope, given)
        expected = version_of(request.headers.get("If-Match")) if takes_if_match else None
        address = (owner_path or path).format(**request.path_params, own_customer=scope.customer)
        begun = await parts.owners.command(owner, address, caller, command, given, expected=expected)
        return await answer_operation(parts, scope, begun, request.headers.get("Prefer"), surface)

    async def without_body(
        request: Request, command: AnyCommand, caller: UseCaller, parts: UseParts, scope: Scope = scoped
    ) -> Response:
        return await begin(request, scope, command, caller, parts, {})

    async def with_body(
        body: body,  # type: ignore[valid-type]  # FastAPI reads the model from the annotation
        request: Request,
        command: AnyCommand,
        caller: UseCaller,
        parts: UseParts,
        scope: Scope = scoped,
    ) -> Response:
        given: dict[str, Any] = body.model_dump(mode="json")  # type: ignore[attr-defined]  # a Body
        return await begin(request, scope, command, caller, parts, given)

    router.add_api_route(
        path,
        without_body if body is None else with_body,
        methods=["POST"],
        status_code=202,
        responses=OPERATION,
        operation_id=operation_id,
        description=description,
        response_model=Operation,
        openapi_extra={"parameters": parameters_of(path, [PREFER, *([IF_MATCH] if takes_if_match else [])])},
    )
