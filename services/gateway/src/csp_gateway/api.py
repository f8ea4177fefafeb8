"""The two public apps, their OpenAPI documents, and the root that mounts them."""

from fastapi import APIRouter, FastAPI

from csp_gateway.documents import published
from csp_gateway.rate_limits import RateLimitHeaders
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
    # Routes are matched in this order: what portals ask for most comes first.
    parts_of_the_business = (
        subscriptions,
        platform,
        tenants,
        users,
        catalogue,
        price_edits,
        billing,
        taxes,
        forecasts,
    )
    return [part.routes(surface) for part in parts_of_the_business]


def _app(
    title: str, surface: Surface, verifier: TokenVerifier, parts: Parts | None, routers: list[APIRouter]
) -> FastAPI:
    app = create_app(title, verifier, docs=True)
    app.state.parts = parts
    if parts is not None:
        app.add_middleware(RateLimitHeaders, limits=parts.limits)
    for router in routers:
        # Not `include_router`: an included router is searched twice for each request, and there is nothing to add here.
        app.router.routes.extend(router.routes)
    document = published(app, title, surface.path)
    app.openapi = lambda: document  # type: ignore[method-assign]  # FastAPI's documented way
    return app
