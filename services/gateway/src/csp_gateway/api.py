"""The two public apps, their OpenAPI documents, and the root that mounts them."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from csp_gateway.surfaces import (
    billing,
    catalogue,
    organisations,
    platform,
    subscriptions,
    synchronisation,
    users,
)
from csp_gateway.surfaces.common import Parts
from csp_runtime.auth import TokenVerifier
from csp_runtime.http import create_app

LICENCE = {"name": "Apache 2.0", "identifier": "Apache-2.0"}


def reseller_app(verifier: TokenVerifier, parts: Parts | None) -> FastAPI:
    """`/v1`: the reseller's surface."""
    routers = [
        organisations.reseller_routes(),
        catalogue.reseller_routes(),
        subscriptions.routes("/v1", with_cost=True),
        users.routes("/v1", with_cost=True),
        billing.routes(with_cost=True),
        platform.routes(with_cost=True),
        synchronisation.routes(),
    ]
    return _app("CSP reseller API", "/v1", verifier, parts, routers)


def customer_app(verifier: TokenVerifier, parts: Parts | None) -> FastAPI:
    """`/portal/v1`: the customer's surface; its schemas have no cost and no margin."""
    routers = [
        organisations.customer_routes(),
        catalogue.customer_routes(),
        subscriptions.routes("/portal/v1", with_cost=False),
        users.routes("/portal/v1", with_cost=False),
        billing.routes(with_cost=False),
        platform.routes(with_cost=False),
    ]
    return _app("CSP customer API", "/portal/v1", verifier, parts, routers)


def _app(title: str, path: str, verifier: TokenVerifier, parts: Parts | None, routers: list[Any]) -> FastAPI:
    app = create_app(title, verifier, docs=True)
    app.state.parts = parts
    for router in routers:
        app.include_router(router)
    document = _document(app, title, path)
    app.openapi = lambda: document  # type: ignore[method-assign]  # FastAPI's documented way
    return app


def _document(app: FastAPI, title: str, path: str) -> dict[str, Any]:
    """OpenAPI 3.1 with a server, a licence and the bearer scheme on every operation."""
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
    document["security"] = [{"bearer": []}]
    for operations in document["paths"].values():
        for operation in operations.values():
            operation["parameters"] = [
                parameter
                for parameter in operation.get("parameters", [])
                if parameter["name"].lower() != "authorization"
            ]
            for status, answer in operation["responses"].items():
                if status[0] in "45":
                    answer["content"] = {
                        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                    }
    return document
