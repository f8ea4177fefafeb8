"""Commands that their owner carries out at once: handed over under the same path, answered by what became of it."""

from collections.abc import Callable
from typing import Any, Literal

from fastapi import APIRouter, Depends, Request, Response

from csp_gateway.models.base import Body, View
from csp_gateway.surfaces.common import Surface, UseCaller, UseParts, version_of
from csp_gateway.surfaces.documented import IF_MATCH, parameters_of, problems
from csp_runtime.consistency import to_token
from csp_runtime.http import AnyCommand
from csp_runtime.scope import Scope

Json = dict[str, Any]
IfMatch = Literal["no", "taken", "needed"]
_PRECONDITIONS: dict[IfMatch, tuple[int, ...]] = {"no": (), "taken": (412,), "needed": (412, 428)}
_HEADERS: dict[IfMatch, list[Json]] = {
    "no": [],
    "taken": [IF_MATCH],
    "needed": [{**IF_MATCH, "description": f"{IF_MATCH['description']}. Needed; `*` for whatever it is"}],
}
Give = Callable[[Json, dict[str, str]], Json]
"""What the owner is given, made of the body and of what the path says."""


def add_change(
    router: APIRouter,
    surface: Surface,
    path: str,
    *,
    owner: str,
    operation_id: str,
    description: str,
    model: type[View],
    status: int = 200,
    failures: tuple[int, ...] = (400, 404, 409),
    body: type[Body] | None = None,
    owner_path: str | None = None,
    give: Give = lambda given, _: given,
    show: Callable[[Json], Any] = lambda found: found,
    versions: Callable[[Json], dict[str, int]] | None = None,
    headers: Callable[[Json], dict[str, str]] | None = None,
    if_match: IfMatch = "no",
) -> None:
    """`POST path`. `show` turns the owner's answer into the model, `versions` tells what a read has to wait for,
    `headers` what else is answered; all of them see the owner's answer."""
    scoped = Depends(surface.who)

    async def change(
        request: Request,
        response: Response,
        command: AnyCommand,
        caller: UseCaller,
        parts: UseParts,
        given: Json,
    ) -> Any:
        expected = None
        if if_match != "no":
            expected = version_of(request.headers.get("If-Match"), is_needed=if_match == "needed")
        address = (owner_path or path).format(**request.path_params)
        handed = give(given, request.path_params)
        found: Json = await parts.owners.command(owner, address, caller, command, handed, expected=expected)
        if versions is not None:
            response.headers["Consistency-Token"] = to_token(versions(found))
        if headers is not None:
            response.headers.update(headers(found))
        return show(found)

    async def without_body(
        request: Request,
        response: Response,
        command: AnyCommand,
        caller: UseCaller,
        parts: UseParts,
        scope: Scope = scoped,
    ) -> Any:
        return await change(request, response, command, caller, parts, {})

    async def with_body(
        body: body,  # type: ignore[valid-type]  # FastAPI reads the model from the annotation
        request: Request,
        response: Response,
        command: AnyCommand,
        caller: UseCaller,
        parts: UseParts,
        scope: Scope = scoped,
    ) -> Any:
        given: Json = body.model_dump(mode="json")  # type: ignore[attr-defined]  # a Body
        return await change(request, response, command, caller, parts, given)

    router.add_api_route(
        path,
        without_body if body is None else with_body,
        methods=["POST"],
        status_code=status,
        responses=problems(*failures, *_PRECONDITIONS[if_match]),
        operation_id=operation_id,
        description=description,
        response_model=model,
        openapi_extra={"parameters": parameters_of(path, _HEADERS[if_match])},
    )
