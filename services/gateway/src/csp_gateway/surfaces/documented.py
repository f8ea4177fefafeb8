"""What the OpenAPI document says of every route: how it fails, and the headers that it takes."""

import re
from typing import Any

from csp_gateway.models.base import Problem
from csp_gateway.models.operations import Operation
from csp_gateway.surfaces.listing import CONSISTENCY_TOKEN

_MEANINGS = {
    400: "The request cannot be read",
    401: "A valid bearer token is needed",
    403: "The role does not allow this",
    404: "There is no such thing in the caller's scope",
    409: "The state of the resource does not allow this",
    412: "The resource changed since it was read",
    422: "The request breaks a rule; each fault is named",
    428: "The change has to say which state it is meant for (`If-Match`)",
    429: "The caller has used its quota up; `Retry-After` says when there is a new one",
    501: "This way of running the platform cannot do it",
    503: "A part of the platform, or Microsoft, does not answer",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The documented problems of a route; the ones that every route has are added."""
    return {
        status: {
            "model": Problem,
            "description": _MEANINGS[status],
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in sorted({400, 401, 403, 422, 429, 503, *statuses})
    }


OPERATION: dict[int | str, dict[str, Any]] = {
    200: {"model": Operation, "description": "It ended while the caller waited (`Prefer: wait=n`)"},
    **problems(404, 409, 412),
}
"""What a command that becomes an operation answers beside 202."""

ONE: dict[int | str, dict[str, Any]] = {
    304: {"description": "The caller has this very state (`If-None-Match`)"},
    **problems(404),
}
"""What a single object answers beside 200."""

ONE_ASKED: dict[str, Any] = {
    "parameters": [
        CONSISTENCY_TOKEN,
        {
            "name": "If-None-Match",
            "in": "header",
            "required": False,
            "description": "The ETag of the state that the caller has",
            "schema": {"type": "string"},
        },
    ]
}
"""The headers that reads of a single object take."""

WAITS: dict[str, Any] = {"parameters": [CONSISTENCY_TOKEN]}
"""The header that every read takes."""


def parameters_of(path: str, others: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The parameters of a route whose handler does not declare them: the ids in its path, and others."""
    ids = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", path)
    ]
    return [*ids, *others]


PREFER: dict[str, Any] = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "`wait=n`: answer when the operation has ended, or after n seconds (at most 30)",
    "schema": {"type": "string"},
}
IF_MATCH: dict[str, Any] = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of the state that the command is meant for; 412 where it changed since",
    "schema": {"type": "string"},
}
