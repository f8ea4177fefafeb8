"""How the routes of both surfaces answer: an object, an operation."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from hashlib import sha256
from typing import Any

import msgspec
from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from csp_gateway.adapters.owners import Caller
from csp_gateway.adapters.screens import Row
from csp_gateway.domain import etag
from csp_gateway.models.base import View
from csp_gateway.operations import SETTLED, as_begun, wait_seconds
from csp_gateway.surfaces.common import Parts, Surface
from csp_runtime.consistency import to_token
from csp_runtime.http import Command
from csp_runtime.replays import note_replay
from csp_runtime.scope import Scope

JSON = "application/json"


def answer_row(
    request: Request, row: Row, body: str | bytes | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """A single object with its ETag; 304 where the caller has this very state (`If-None-Match`)."""
    told = {**(headers or {}), "ETag": etag(row)}
    if is_known(request, told["ETag"]):
        return Response(status_code=304, headers=told)
    return Response(row["body"] if body is None else body, media_type=JSON, headers=told)


def answer_document(
    request: Request, model: type[View], found: Mapping[str, Any], tag: str | None = None
) -> Response:
    """A single object that its owner shows, as its model has it. Without a tag of the owner's the content is the tag."""
    body = as_model(model, found)
    tag = tag or f'"h{sha256(body.encode()).hexdigest()[:20]}"'
    if is_known(request, tag):
        return Response(status_code=304, headers={"ETag": tag})
    return Response(body, media_type=JSON, headers={"ETag": tag})


def is_known(request: Request, tag: str) -> bool:
    """Whether the caller says that it has this state (`If-None-Match`; `*`: any)."""
    known = request.headers.get("If-None-Match", "")
    return tag in known or known.strip() == "*"


async def answer_file(
    parts: Parts, caller: Caller, owner: str, path: str, **params: Any
) -> StreamingResponse:
    """A file as its owner makes it, handed on as it comes: this process holds a piece of it at a time."""
    async with AsyncExitStack() as stack:
        file = await stack.enter_async_context(parts.owners.stream(owner, path, caller, **params))
        kept = stack.pop_all()

    async def pieces() -> AsyncIterator[bytes]:
        async with kept:
            async for piece in file.aiter_bytes():
                yield piece

    disposition = file.headers.get("content-disposition", "attachment")
    return StreamingResponse(
        pieces(),
        media_type=file.headers.get("content-type", "application/octet-stream"),
        headers={"Content-Disposition": disposition},
    )


def as_model(model: type[View], value: Mapping[str, Any]) -> str:
    """JSON text of what the model knows of a value, and of nothing else."""
    return model.model_validate(value).model_dump_json(by_alias=True, exclude_unset=True)


def as_json(value: Any) -> str:  # what msgspec can encode
    """JSON text."""
    return msgspec.json.encode(value).decode()


async def answer_operation(
    parts: Parts,
    scope: Scope,
    command: Command,
    begun: Mapping[str, Any],
    prefer: str | None,
    surface: Surface,
) -> Response:
    """202 with the operation, or 200 if the caller waited for its end; its Consistency-Token either way."""
    row = await parts.operations.wait(scope, begun["operation_id"], wait_seconds(prefer))
    token = {begun["operation_id"]: begun["version"], **(row["token"] if row is not None else {})}
    headers = {
        "Consistency-Token": to_token(token),
        "Location": f"{surface.path}/operations/{begun['operation_id']}",
    }
    if begun["is_replay"]:
        note_replay()
    if row is not None and row["status"] in SETTLED:
        return Response(row["body"], 200, headers, JSON)
    body = row["body"] if row is not None else as_json(as_begun(begun, scope, command, surface.path))
    return Response(body, 202, {**headers, "Retry-After": "1"}, JSON)
