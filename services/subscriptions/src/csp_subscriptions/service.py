"""Composition root: the only place of this service that knows concrete classes."""

from datetime import timedelta

from csp_partner_center.client import PartnerCenter
from csp_runtime.consumer import Consumer
from csp_runtime.database import DatabaseRole
from csp_runtime.http import create_app
from csp_runtime.internal_api import events_router
from csp_runtime.operations import OperationMachine, Operations
from csp_runtime.platform import Platform, Service
from csp_runtime.public_log import StoredPublicLog
from csp_subscriptions.adapters.quotes import PricingQuotes
from csp_subscriptions.adapters.tenants import Tenants
from csp_subscriptions.api import routes
from csp_subscriptions.application import SubscriptionUseCases
from csp_subscriptions.outcomes import Outcomes
from csp_subscriptions.processes import ObservationReactor
from csp_subscriptions.projections import TenantsProjection
from csp_subscriptions.rereads import Rereads

NAME = "subscriptions"
SCHEMA = "subscriptions"
PACKAGES = ("csp_runtime", "csp_subscriptions")


def build(platform: Platform, client: PartnerCenter) -> Service:
    """The subscriptions service."""
    worker = platform.database(SCHEMA, DatabaseRole.WORKER, max_size=8)
    request = platform.database(SCHEMA, DatabaseRole.REQUEST)
    store = platform.store(SCHEMA)
    log = StoredPublicLog(worker, NAME)
    operations = Operations(store, worker, platform.box, platform.approvals)
    use_cases = SubscriptionUseCases(
        store=store,
        tenants=Tenants(request),
        operations=operations,
        quotes=PricingQuotes(platform.peers, platform.service_tokens),
        clock=platform.clock,
    )
    background_tenants = Tenants(worker)
    reactor = ObservationReactor(
        store=store,
        database=worker,
        tenants=background_tenants,
        operations=operations,
        clock=platform.clock,
        visibility=timedelta(minutes=platform.microsoft.visibility_minutes),
    )
    machine = OperationMachine(
        store=store,
        database=worker,
        box=platform.box,
        clock=platform.clock,
        wakeups=platform.wakeups,
        plans=Outcomes(store, platform.clock).plans(client),
        list_delay=timedelta(minutes=platform.microsoft.list_delay_minutes),
    )
    app = create_app("CSP subscriptions (internal)", platform.verifier)
    app.include_router(routes(use_cases))
    app.include_router(events_router(log))
    return Service(
        name=NAME,
        schema=SCHEMA,
        app=app,
        log=log,
        databases=[worker, request],
        store=store,
        consumers=[
            Consumer(TenantsProjection(), platform.feed, worker, gaps=platform.gaps),
            Consumer(reactor, platform.feed, worker, store=store, gaps=platform.gaps),
        ],
        workers=[
            ("operations", machine),
            ("rereads", Rereads(worker, platform.peers, platform.service_tokens, platform.clock)),
        ],
    )
