"""Composition root: the only place of this service that knows concrete classes."""

from csp_partner_center.client import PartnerCenter
from csp_pricing import price_edit_api
from csp_pricing.adapters.rows import PriceStatements, PricingRows, QuoteWriter
from csp_pricing.adapters.subscriptions import KeptSubscriptions, SubscriptionsProjection
from csp_pricing.api import routes
from csp_pricing.application import PricingUseCases
from csp_pricing.catalogue_import import CatalogueImport
from csp_pricing.price_edits import PriceEdits
from csp_pricing.processes import PendingLocks, PriceLocks
from csp_pricing.projections import CustomersProjection
from csp_runtime.consistency import KnownVersions
from csp_runtime.consumer import Consumer
from csp_runtime.database import DatabaseRole
from csp_runtime.http import Readiness, create_app
from csp_runtime.internal_api import events_router
from csp_runtime.platform import Platform, Service
from csp_runtime.public_log import StoredPublicLog

NAME = "pricing"
SCHEMA = "pricing"
PACKAGES = ("csp_runtime", "csp_pricing")


def build(platform: Platform, client: PartnerCenter) -> Service:
    """The pricing service."""
    worker = platform.database(SCHEMA, DatabaseRole.WORKER, max_size=8)
    request = platform.database(SCHEMA, DatabaseRole.REQUEST)
    store = platform.store(SCHEMA)
    log = StoredPublicLog(worker, NAME)
    use_cases = PricingUseCases(
        store=store,
        rows=PricingRows(request),
        statements=PriceStatements(),
        quotes=QuoteWriter(worker),
        clock=platform.clock,
    )
    locks = PriceLocks(store, PricingRows(worker), worker, platform.clock)
    catalogue = CatalogueImport(client, store, worker, platform.clock, platform.wakeups)
    edits = PriceEdits(store=store, subscriptions=KeptSubscriptions(request), clock=platform.clock)
    known = KnownVersions(worker, SubscriptionsProjection.name, platform.wakeups, platform.clock)
    app = create_app("CSP pricing (internal)", platform.verifier)
    app.include_router(routes(use_cases))
    app.include_router(price_edit_api.routes(edits, known))
    app.include_router(events_router(log))
    return Service(
        name=NAME,
        schema=SCHEMA,
        app=app,
        log=log,
        databases=[worker, request],
        store=store,
        consumers=[
            Consumer(CustomersProjection(), platform.feed, worker, gaps=platform.gaps),
            Consumer(SubscriptionsProjection(), platform.feed, worker, gaps=platform.gaps),
            Consumer(locks, platform.feed, worker, store=store, gaps=platform.gaps),
        ],
        workers=[
            ("catalogue", catalogue),
            ("pending locks", PendingLocks(locks, store, worker, platform.clock, platform.wakeups)),
        ],
        readiness=[Readiness(name="pricing catalogue", probe=catalogue.is_ready)],
    )
