"""The OpenAPI document of a surface."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from csp_gateway.surfaces.listing import FIELDS, SPARSE

LICENCE = {"name": "Apache 2.0", "identifier": "Apache-2.0"}


def published(app: FastAPI, title: str, path: str) -> dict[str, Any]:
    """OpenAPI 3.1 with a server, a licence, the bearer scheme, and the headers that answers have."""
    document = get_openapi(
        title=title,
        version=app.version,
        openapi_version="3.1.0",
        description="See the tags for the parts of the business; every failure is an RFC 9457 problem document.",
        routes=app.routes,
        license_info=LICENCE,
        servers=[{"url": path, "description": "this platform"}],
    )
    components = document.setdefault("components", {})
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    components["headers"] = {name: _header(*told) for name, told in _HEADERS.items()}
    document["security"] = [{"bearer": []}]
    for operations in document["paths"].values():
        for operation in operations.values():
            if any(each["name"] == FIELDS for each in operation.get("parameters", ())):
                operation["responses"]["200"]["content"][SPARSE] = {"schema": _SPARSE_PAGE}
            for status, answer in operation["responses"].items():
                names = _headers_of(operation, status)
                answer["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
                if status[0] in "45":
                    answer["content"] = {
                        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                    }
    return document


_SPARSE_PAGE: dict[str, Any] = {
    "title": "SparsePage",
    "description": "A page whose rows have the fields that were asked for",
    "type": "object",
    "properties": {
        "data": {"type": "array", "items": {"type": "object"}},
        "meta": {"$ref": "#/components/schemas/Meta"},
    },
    "required": ["data", "meta"],
}
_HEADERS = {
    "RateLimit-Policy": ("string", "The caller's quota: `q` requests in `w` seconds"),
    "RateLimit": ("string", "What is left of it: `r` requests for `t` seconds"),
    "Retry-After": ("integer", "Seconds after which it makes sense to ask again"),
    "ETag": ("string", "The state of the object, for `If-Match` and `If-None-Match`"),
    "Idempotency-Replayed": ("string", "`true`: the answer to an earlier request with this key"),
}


def _header(of_type: str, description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": of_type}}


def _headers_of(operation: dict[str, Any], status: str) -> list[str]:
    names = ["RateLimit-Policy"]
    if status != "401":
        names.append("RateLimit")
    if status in ("429", "503"):
        names.append("Retry-After")
    if status == "304" or (status == "200" and "304" in operation["responses"]):
        names.append("ETag")
    takes_key = any(each["name"].lower() == "idempotency-key" for each in operation.get("parameters", ()))
    if takes_key and status[0] == "2":
        names.append("Idempotency-Replayed")
    return names
