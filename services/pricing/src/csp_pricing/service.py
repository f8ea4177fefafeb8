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
from csp_runtime.foundation import lay
from csp_runtime.http import Readiness
from csp_runtime.platform import Platform, Service

NAME = "pricing"
SCHEMA = "pricing"
PACKAGES = ("csp_runtime", "csp_pricing")


def build(platform: Platform, client: PartnerCenter) -> Service:
    """The pricing service."""
    base = lay(platform, NAME, SCHEMA)
    worker, request, store = base.worker, base.request, base.store
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
    return base.service(
        [routes(use_cases), price_edit_api.routes(edits, known)],
        consumers=[
            base.projection(CustomersProjection()),
            base.projection(SubscriptionsProjection()),
            base.reactor(locks),
        ],
        workers=[
            ("catalogue", catalogue),
            ("pending locks", PendingLocks(locks, store, worker, platform.clock, platform.wakeups)),
        ],
        readiness=[Readiness(name="pricing catalogue", probe=catalogue.is_ready)],
    )
