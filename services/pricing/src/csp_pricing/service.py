"""Composition root: the only place of this service that knows concrete classes."""

from csp_partner_center.client import PartnerCenter
from csp_pricing.adapters.price_lists import KeptPriceLists, PriceStatements
from csp_pricing.adapters.rows import PricingRows, QuoteWriter
from csp_pricing.adapters.subscriptions import KeptSubscriptions, SubscriptionsProjection
from csp_pricing.api import routes
from csp_pricing.application import PricingUseCases
from csp_pricing.edits.api import price_edit_routes
from csp_pricing.edits.use_cases import PriceEdits
from csp_pricing.lists.api import price_list_routes
from csp_pricing.lists.imports import ListImports
from csp_pricing.lists.use_cases import PriceListUseCases
from csp_pricing.lists.writer import ListWriter
from csp_pricing.locks.changes import PriceChanges
from csp_pricing.locks.pending import PendingLocks
from csp_pricing.locks.process import PriceLocks, Reprices
from csp_pricing.projections import CustomersProjection
from csp_pricing.sheets.api import price_sheet_routes
from csp_pricing.sheets.daily_import import CatalogueImport
from csp_pricing.sheets.use_cases import PriceSheetUseCases
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
    rows, kept = PricingRows(request), KeptPriceLists(request)
    writer = ListWriter(store=store, lists=kept, statements=PriceStatements(), clock=platform.clock)
    lists = PriceListUseCases(rows=rows, lists=kept, writer=writer)
    imports = ListImports(uses=lists, rows=rows, lists=kept, writer=writer)
    sheets = PriceSheetUseCases(
        store=store, rows=rows, lists=kept, statements=PriceStatements(), clock=platform.clock
    )
    use_cases = PricingUseCases(
        rows=rows,
        quotes=QuoteWriter(worker),
        clock=platform.clock,
    )
    all_rows, all_subscriptions = PricingRows(worker), KeptSubscriptions(worker)
    locks = PriceLocks(store, all_rows, all_subscriptions, platform.clock)
    reprices = Reprices(store, all_rows, all_subscriptions, platform.clock)
    pending = PendingLocks(store, all_rows, all_subscriptions, worker, platform.clock, platform.wakeups)
    changes = PriceChanges(store, all_rows, all_subscriptions, worker, platform.clock, platform.wakeups)
    catalogue = CatalogueImport(client, store, worker, platform.clock, platform.wakeups)
    edits = PriceEdits(store=store, subscriptions=KeptSubscriptions(request), clock=platform.clock)
    known = KnownVersions(worker, SubscriptionsProjection.name, platform.wakeups, platform.clock)
    return base.service(
        [
            routes(use_cases),
            price_list_routes(lists, imports),
            price_sheet_routes(sheets),
            price_edit_routes(edits, known),
        ],
        consumers=[
            base.projection(CustomersProjection()),
            base.projection(SubscriptionsProjection()),
            base.reactor(locks),
            base.reactor(reprices),
        ],
        workers=[
            ("catalogue", catalogue),
            ("pending locks", pending),
            ("price changes", changes),
        ],
        readiness=[Readiness(name="pricing catalogue", probe=catalogue.is_ready)],
    )
