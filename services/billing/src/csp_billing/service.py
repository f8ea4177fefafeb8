"""Composition root: the only place of this service that knows concrete classes."""

from csp_billing.adapters.facts import Facts, ReportKeys
from csp_billing.adapters.issued import Issuance, IssuedReports
from csp_billing.adapters.public_log import BillingLog
from csp_billing.api import routes
from csp_billing.application import BillingUseCases
from csp_billing.close import CloseUseCases
from csp_billing.projections import Inbox
from csp_runtime.consistency import KnownVersions
from csp_runtime.consumer import Consumer
from csp_runtime.database import DatabaseRole
from csp_runtime.http import create_app
from csp_runtime.internal_api import events_router
from csp_runtime.platform import Platform, Service

NAME = "billing"
SCHEMA = "billing"
PACKAGES = ("csp_runtime", "csp_billing")


def build(platform: Platform) -> Service:
    """The billing service."""
    worker = platform.database(SCHEMA, DatabaseRole.WORKER, max_size=6)
    request = platform.database(SCHEMA, DatabaseRole.REQUEST)
    log = BillingLog(worker, NAME)
    store = platform.store(SCHEMA)
    issuance = Issuance(worker)
    use_cases = BillingUseCases(
        facts=Facts(request),
        report_ids=ReportKeys(worker),
        issued=IssuedReports(request),
        books=issuance,
        clock=platform.clock,
    )
    closes = CloseUseCases(store=store, reports=use_cases, issuance=issuance, clock=platform.clock)
    known = KnownVersions(worker, Inbox.name, platform.wakeups, platform.clock)
    app = create_app("CSP billing (internal)", platform.verifier)
    app.include_router(routes(use_cases, closes, known))
    app.include_router(events_router(log))
    return Service(
        name=NAME,
        schema=SCHEMA,
        app=app,
        log=log,
        databases=[worker, request],
        store=store,
        consumers=[Consumer(Inbox(), platform.feed, worker, gaps=platform.gaps)],
    )
