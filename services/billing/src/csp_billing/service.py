"""Composition root: the only place of this service that knows concrete classes."""

import asyncio

from csp_billing.adapters.books import Books
from csp_billing.adapters.facts import Facts, ReportKeys
from csp_billing.adapters.issued import IssuedReports
from csp_billing.adapters.line_stream import LineStream
from csp_billing.adapters.matched import MatchedLines
from csp_billing.adapters.previews import Previews
from csp_billing.adapters.price_edit_effects import PriceEditEffects
from csp_billing.adapters.public_log import BillingLog
from csp_billing.adapters.stored_taxes import StoredTaxes
from csp_billing.adjustments.api import adjustment_routes
from csp_billing.api import routes
from csp_billing.application import BillingUseCases
from csp_billing.closing.pool import ShardPool, usual_processes
from csp_billing.closing.use_cases import CloseUseCases
from csp_billing.closing.worker import CloseWorker
from csp_billing.forecast.api import forecast_routes
from csp_billing.invoices.api import invoice_routes
from csp_billing.invoices.discovery import InvoiceDiscovery
from csp_billing.invoices.fetching import FetchWorker
from csp_billing.invoices.use_cases import InvoiceUseCases
from csp_billing.invoices.worker import MatchWorker
from csp_billing.projections import Inbox
from csp_billing.settings import BillingSettings
from csp_billing.taxes.api import tax_routes
from csp_partner_center.client import PartnerCenter
from csp_runtime.consistency import KnownVersions
from csp_runtime.consumer import Consumer
from csp_runtime.database import DatabaseRole
from csp_runtime.http import create_app
from csp_runtime.internal_api import events_router
from csp_runtime.platform import Platform, Service, Worker

NAME = "billing"
SCHEMA = "billing"
PACKAGES = ("csp_runtime", "csp_billing")
PUBLIC_LOG = BillingLog


def build(platform: Platform, client: PartnerCenter | None = None) -> Service:
    """The billing service. Without a client of Microsoft's invoices come as files only."""
    settings = BillingSettings()
    worker = platform.database(SCHEMA, DatabaseRole.WORKER, max_size=6)
    request = platform.database(SCHEMA, DatabaseRole.REQUEST)
    url = platform.settings.database_url.get_secret_value()
    books = Books(url, SCHEMA)
    lines = LineStream(url, SCHEMA)
    log = PUBLIC_LOG(worker, NAME)
    facts = Facts(request)
    use_cases = BillingUseCases(
        facts=facts,
        report_ids=ReportKeys(worker),
        issued=IssuedReports(request),
        lines=lines,
        taxes=StoredTaxes(books),
        matched=MatchedLines(books),
        previews=Previews(books),
        price_edits=PriceEditEffects(books),
        clock=platform.clock,
    )
    closes = CloseUseCases(books=books, names=facts, reports=use_cases, clock=platform.clock)
    processes = usual_processes() if settings.close_processes is None else settings.close_processes
    pool = ShardPool(url, SCHEMA, processes)
    closer = CloseWorker(url, SCHEMA, pool, platform.wakeups, platform.clock)
    known = KnownVersions(worker, Inbox.name, platform.wakeups, platform.clock)
    app = create_app("CSP billing (internal)", platform.verifier)
    app.include_router(routes(use_cases, closes, known))
    invoices = InvoiceUseCases(books=books, clock=platform.clock, fetches=client is not None)
    app.include_router(invoice_routes(invoices))
    app.include_router(adjustment_routes(books, platform.clock))
    app.include_router(tax_routes(books, facts, use_cases, platform.clock))
    app.include_router(forecast_routes(books, facts, known, platform.clock))
    app.include_router(events_router(log))

    workers: list[tuple[str, Worker]] = [
        ("close", closer),
        ("match", MatchWorker(url, SCHEMA, platform.wakeups, platform.clock)),
    ]
    if client is not None:
        workers.append(("invoices", FetchWorker(client, books, platform.wakeups, platform.clock)))
        workers.append(("new invoices", InvoiceDiscovery(client, books, platform.clock)))

    async def start() -> None:
        await books.open()
        lines.open()

    async def stop() -> None:
        await books.close()
        await asyncio.to_thread(lines.close)
        await asyncio.to_thread(pool.close)

    return Service(
        name=NAME,
        schema=SCHEMA,
        app=app,
        log=log,
        databases=[worker, request],
        store=platform.store(SCHEMA),
        consumers=[Consumer(Inbox(), platform.feed, worker, gaps=platform.gaps)],
        workers=workers,
        start=start,
        stop=stop,
    )
