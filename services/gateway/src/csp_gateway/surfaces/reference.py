"""What the addresses in answers lead to: the meaning of problem types, and the schemas of events. No token is asked for."""

from functools import cache
from typing import Any

from fastapi import APIRouter, Response

from csp_contracts.schemas import all_schemas
from csp_gateway.surfaces.answers import as_json
from csp_runtime.problem_types import PROBLEM_TYPES, ProblemType
from csp_runtime.problems import TYPE_BASE, not_found

_FOR_A_DAY = {"Cache-Control": "public, max-age=86400"}


def reference_routes() -> APIRouter:
    """`/problems`, the `type` of a problem; `/v1/schemas`, the `dataschema` of an event."""
    router = APIRouter()

    @router.get("/problems", include_in_schema=False)
    async def problem_types() -> Response:
        types = [_shown(name, each) for name, each in sorted(PROBLEM_TYPES.items())]
        return Response(as_json({"data": types}), media_type="application/json", headers=_FOR_A_DAY)

    @router.get("/problems/{name}", include_in_schema=False)
    async def problem_type(name: str) -> Response:
        found = PROBLEM_TYPES.get(name)
        if found is None:
            raise not_found("problem type")
        return Response(as_json(_shown(name, found)), media_type="application/json", headers=_FOR_A_DAY)

    @router.get("/v1/schemas/{name}.json", include_in_schema=False)
    async def schema(name: str) -> Response:
        found = _schemas().get(name)
        if found is None:
            raise not_found("schema")
        return Response(found, media_type="application/schema+json", headers=_FOR_A_DAY)

    return router


def _shown(name: str, each: ProblemType) -> dict[str, Any]:
    return {
        "type": f"{TYPE_BASE}{name}",
        "code": name.replace("-", "_"),
        "status": each.status,
        "retryable": each.is_retryable,
        "meaning": each.meaning,
        "remedy": each.remedy,
    }


@cache
def _schemas() -> dict[str, str]:
    """Of every published event, by its wire name."""
    return {name: as_json(schema) for name, schema in all_schemas().items()}
