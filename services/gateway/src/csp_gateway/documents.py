"""The OpenAPI document of a surface."""

from collections.abc import Sequence
from typing import Any

from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from csp_gateway.surfaces.listing import FIELDS, SPARSE

VERSION = "1.0.0"
LICENCE = {"name": "Apache 2.0", "identifier": "Apache-2.0"}


def published(routes: Sequence[BaseRoute], title: str, path: str) -> dict[str, Any]:
    """OpenAPI 3.1 with a server, a licence, the bearer scheme, and the headers that answers have."""
    document = get_openapi(
        title=title,
        version=VERSION,
        openapi_version="3.1.0",
        description=_BEGIN,
        routes=routes,
        license_info=LICENCE,
        servers=[{"url": path, "description": "this platform"}],
    )
    components = document.setdefault("components", {})
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    components["headers"] = {name: _header(*told) for name, told in _HEADERS.items()}
    document["security"] = [{"bearer": []}]
    used = {
        tag for each in document["paths"].values() for operation in each.values() for tag in operation["tags"]
    }
    document["tags"] = [{"name": tag, "description": text} for tag, text in _TAGS.items() if tag in used]
    for operations in document["paths"].values():
        for operation in operations.values():
            operation["summary"] = operation["operationId"].replace("_", " ").capitalize()
            if any(each["name"] == FIELDS for each in operation.get("parameters", ())):
                operation["responses"]["200"]["content"][SPARSE] = {"schema": _SPARSE_PAGE}
            for parameter in operation.get("parameters", ()):
                if parameter["name"].lower() == "idempotency-key":
                    parameter["required"] = True  # without it 400, as a problem of ours
            for status, answer in operation["responses"].items():
                names = _headers_of(operation, status)
                answer["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
                if status[0] in "45":
                    answer["content"] = {
                        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                    }
    return document


_BEGIN = """\
A request needs a bearer token; every id is looked up inside what its caller may see, and what lies outside does not exist (404).

- A POST that changes something needs an `Idempotency-Key`: sent again, it is answered again and done once.
- A command that ends at Microsoft answers 202 with an operation: read it at `Location`, wait with `Prefer: wait=20`, or follow its events.
- `Consistency-Token` of any answer, sent with a read, makes the read wait until it shows what the answer told of.
- Lists go on at `meta.page.next`; money is a decimal text with its currency; days are UTC, `until` is the day after the last.
- Every failure is a problem (RFC 9457) that names field and rule.
"""
_TAGS = {
    "customers and tenants": "Organisations, and their directories at Microsoft.",
    "tenants": "Your directories at Microsoft.",
    "catalogue and prices": "What can be bought, what it costs, and what it is sold for.",
    "catalogue": "What can be bought, and its price.",
    "orders and subscriptions": "Buying, and what was bought.",
    "users and licences": "People of a directory, and what they may use.",
    "billing": "Reports line by line, forecasts, and what an invoice of Microsoft differs in.",
    "synchronisation": "How fresh everything from Microsoft is, and where both sides differ.",
    "platform": "Operations, and every event for who polls.",
}
"""The parts of the business, in the order in which a customer meets them."""

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
