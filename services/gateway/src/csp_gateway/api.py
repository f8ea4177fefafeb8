"""The two public apps, their OpenAPI documents, and the root that mounts them."""

from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi

from csp_gateway.surfaces import (
    adjustments,
    billing,
    billing_cycles,
    catalogue,
    drifts,
    forecasts,
    invoice_imports,
    invoice_intake,
    organisations,
    platform,
    price_edits,
    price_imports,
    price_lists,
    price_rules,
    settings,
    subscriptions,
    synchronisation,
    taxes,
    tenants,
    users,
)
from csp_gateway.surfaces.common import CUSTOMER, RESELLER, Parts, Surface
from csp_runtime.auth import TokenVerifier
from csp_runtime.http import create_app

LICENCE = {"name": "Apache 2.0", "identifier": "Apache-2.0"}


def reseller_app(verifier: TokenVerifier, parts: Parts | None) -> FastAPI:
    """`/v1`: the reseller's surface."""
    routers = [
        *_shared_routes(RESELLER),
        organisations.routes(),
        settings.routes(),
        billing_cycles.routes(),
        invoice_intake.routes(),
        invoice_imports.routes(),
        adjustments.routes(),
        price_lists.routes(),
        price_rules.routes(),
        price_imports.routes(),
        synchronisation.routes(),
        drifts.routes(),
    ]
    return _app("CSP reseller API", RESELLER, verifier, parts, routers)


def customer_app(verifier: TokenVerifier, parts: Parts | None) -> FastAPI:
    """`/portal/v1`: the customer's surface; its schemas have no cost and no margin."""
    return _app("CSP customer API", CUSTOMER, verifier, parts, _shared_routes(CUSTOMER))


def _shared_routes(surface: Surface) -> list[APIRouter]:
    parts_of_the_business = (
        tenants,
        catalogue,
        subscriptions,
        price_edits,
        users,
        billing,
        taxes,
        forecasts,
        platform,
    )
    return [part.routes(surface) for part in parts_of_the_business]


def _app(
    title: str, surface: Surface, verifier: TokenVerifier, parts: Parts | None, routers: list[APIRouter]
) -> FastAPI:
    app = create_app(title, verifier, docs=True)
    app.state.parts = parts
    for router in routers:
        # Not `include_router`: an included router is searched twice for each request, and there is nothing to add here.
        app.router.routes.extend(router.routes)
    document = _document(app, title, surface.path)
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
            for status, answer in operation["responses"].items():
                if status[0] in "45":
                    answer["content"] = {
                        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                    }
    return document
