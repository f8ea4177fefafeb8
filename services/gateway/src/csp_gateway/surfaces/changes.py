"""Commands that their owner carries out at once: handed over under the same path, answered by what became of it."""

from collections.abc import Callable
from typing import Any, Literal

from fastapi import APIRouter

from csp_gateway.models.base import Body, View
from csp_gateway.surfaces.common import Surface, version_of
from csp_gateway.surfaces.documented import IF_MATCH, problems
from csp_gateway.surfaces.posts import Given, Json, Route, add_post
from csp_runtime.consistency import to_token

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
    method: Literal["POST", "PATCH"] = "POST",
    model: type[View],
    status: int = 200,
    failures: tuple[int, ...] = (400, 404, 409),
    body: type[Body] | None = None,
    owner_path: str | None = None,
    give: Give = lambda given, _: given,
    show: Callable[[Json], Any] = lambda found: found,
    show_by_id: Callable[[Json, dict[str, str]], Any] | None = None,
    versions: Callable[[Json], dict[str, int]] | None = None,
    headers: Callable[[Json], dict[str, str]] | None = None,
    if_match: IfMatch = "no",
) -> None:
    """`POST path`. `show` turns the owner's answer into the model (`show_by_id` with the ids of the path), `versions` tells what a read has to wait for,
    `headers` what else is answered; all of them see the owner's answer."""

    async def change(given: Given, said: Json) -> Any:
        expected = None
        if if_match != "no":
            expected = version_of(given.if_match, is_needed=if_match == "needed")
        ids = given.request.path_params
        found: Json = await given.parts.owners.command(
            owner,
            (owner_path or path).format(**ids),
            given.caller,
            given.command,
            give(said, ids),
            expected=expected,
        )
        if versions is not None:
            given.response.headers["Consistency-Token"] = to_token(versions(found))
        if headers is not None:
            given.response.headers.update(headers(found))
        return show(found) if show_by_id is None else show_by_id(found, ids)

    route = Route(
        operation_id=operation_id,
        description=description,
        status=status,
        responses=problems(*failures, *_PRECONDITIONS[if_match]),
        model=model,
        headers=_HEADERS[if_match],
        method=method,
    )
    add_post(router, surface, path, body, change, route)
