"""What all routes of commands have in common, with a body or without."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from csp_gateway.adapters.owners import Caller
from csp_gateway.models.base import Body
from csp_gateway.surfaces.common import Parts, Surface, UseCaller, UseParts
from csp_gateway.surfaces.documented import parameters_of
from csp_runtime.http import AnyCommand, Command
from csp_runtime.scope import Scope

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A command as it came in, and who gave it."""

    request: Request
    response: Response
    scope: Scope
    command: Command
    caller: Caller
    parts: Parts

    @property
    def if_match(self) -> str | None:
        """The state that it is meant for."""
        return self.request.headers.get("If-Match")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """How a command is documented."""

    operation_id: str
    description: str
    status: int
    responses: dict[int | str, Json]
    model: type[BaseModel]
    headers: list[Json]
    method: str = "POST"


def add_post(
    router: APIRouter,
    surface: Surface,
    path: str,
    body: type[Body] | None,
    act: Callable[[Given, Json], Awaitable[Any]],
    route: Route,
) -> None:
    """`POST path`: `act` answers, and is given what came in and what its body says."""

    async def given_of(
        request: Request,
        response: Response,
        command: AnyCommand,
        caller: UseCaller,
        parts: UseParts,
        scope: Annotated[Scope, Depends(surface.who)],
    ) -> Given:
        return Given(
            request=request, response=response, scope=scope, command=command, caller=caller, parts=parts
        )

    reads = Depends(given_of)

    async def without_body(given: Given = reads) -> Any:
        return await act(given, {})

    async def with_body(
        body: body,  # type: ignore[valid-type]  # FastAPI reads the model from the annotation
        given: Given = reads,
    ) -> Any:
        return await act(given, body.model_dump(mode="json"))  # type: ignore[attr-defined]  # a Body

    router.add_api_route(
        path,
        without_body if body is None else with_body,
        methods=[route.method],
        status_code=route.status,
        responses=route.responses,
        operation_id=route.operation_id,
        description=route.description,
        response_model=route.model,
        openapi_extra={"parameters": parameters_of(path, route.headers)},
    )
