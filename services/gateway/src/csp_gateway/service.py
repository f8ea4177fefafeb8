"""Composition root: the only place of this service that knows concrete classes."""

from csp_gateway.adapters.owners import Owners
from csp_gateway.adapters.screens import Screens as ScreenRows
from csp_gateway.api import customer_app, reseller_app
from csp_gateway.hooks import hook_routes
from csp_gateway.operations import OperationView
from csp_gateway.projections import Screens
from csp_gateway.rate_limits import RateLimits
from csp_gateway.surfaces.common import Parts
from csp_gateway.surfaces.reference import reference_routes
from csp_gateway.surfaces.retrieval import open_routes
from csp_runtime.consistency import KnownVersions
from csp_runtime.consumer import Consumer
from csp_runtime.database import DatabaseRole
from csp_runtime.http import create_app
from csp_runtime.platform import Platform, Service

NAME = "gateway"
SCHEMA = "gateway"
PACKAGES = ("csp_runtime", "csp_gateway")


def build(platform: Platform) -> Service:
    """The gateway: the two public surfaces over rows of its own."""
    worker = platform.database(SCHEMA, DatabaseRole.WORKER, max_size=6)
    request = platform.database(SCHEMA, DatabaseRole.REQUEST, max_size=10)
    screens = ScreenRows(request)
    filling = Consumer(Screens(), platform.feed, worker, gaps=platform.gaps)
    parts = Parts(
        screens=screens,
        owners=Owners(platform.peers),
        operations=OperationView(screens, platform.wakeups, platform.clock),
        known=KnownVersions(worker, Screens.name, platform.wakeups, platform.clock),
        limits=RateLimits(platform.settings.requests_per_minute, platform.clock),
        clock=platform.clock,
        health=filling.health,
    )
    app = create_app("CSP gateway", platform.verifier)
    app.state.parts = parts
    app.include_router(open_routes())
    app.include_router(reference_routes())
    app.include_router(hook_routes(platform.peers))
    app.mount("/v1", reseller_app(platform.verifier, parts))
    app.mount("/portal/v1", customer_app(platform.verifier, parts))
    return Service(
        name=NAME,
        schema=SCHEMA,
        app=app,
        log=None,
        databases=[worker, request],
        consumers=[filling],
    )
