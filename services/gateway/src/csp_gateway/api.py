"""The two public apps, their OpenAPI documents, and the root that mounts them."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute

from csp_gateway.documents import VERSION, published
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Contract:
    """What a surface is, whoever verifies its tokens and answers behind it: made once, for it takes most of a second."""

    title: str
    routes: list[BaseRoute]
    document: dict[str, Any]


def reseller_app(verifier: TokenVerifier, parts: Parts | None) -> FastAPI:
    """`/v1`: the reseller's surface."""
    return _app(_reseller_contract(), verifier, parts)


def customer_app(verifier: TokenVerifier, parts: Parts | None) -> FastAPI:
    """`/portal/v1`: the customer's surface; its schemas have no cost and no margin."""
    return _app(_customer_contract(), verifier, parts)


@cache
def _reseller_contract() -> _Contract:
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
    return _contract("CSP reseller API", RESELLER, routers)


@cache
def _customer_contract() -> _Contract:
    return _contract("CSP customer API", CUSTOMER, _shared_routes(CUSTOMER))


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


def _contract(title: str, surface: Surface, routers: list[APIRouter]) -> _Contract:
    routes = [route for router in routers for route in router.routes]
    return _Contract(title=title, routes=routes, document=published(routes, title, surface.path))


def _app(contract: _Contract, verifier: TokenVerifier, parts: Parts | None) -> FastAPI:
    app = create_app(contract.title, verifier, version=VERSION, docs=True)
    app.state.parts = parts
    if parts is not None:
        app.add_middleware(RateLimitHeaders, limits=parts.limits)
    # Not `include_router`: an included router is searched twice for each request, and there is nothing to add here.
    app.router.routes.extend(contract.routes)
    app.openapi = lambda: contract.document  # type: ignore[method-assign]  # FastAPI's documented way
    return app
