"""Composition root: the only place of this service that knows concrete classes."""

from datetime import timedelta

from csp_partner_center.client import PartnerCenter
from csp_runtime.foundation import lay
from csp_runtime.platform import Platform, Service
from csp_runtime.rereads import Rereads
from csp_subscriptions.adapters.quotes import PricingQuotes
from csp_subscriptions.adapters.seen_facts import SeenFacts
from csp_subscriptions.adapters.tenants import Tenants
from csp_subscriptions.adapters.waiting_records import WaitingRecords
from csp_subscriptions.api import routes
from csp_subscriptions.application import SubscriptionUseCases
from csp_subscriptions.billing_starts import BillingStarts
from csp_subscriptions.labels import SubscriptionLabels
from csp_subscriptions.outcomes import Outcomes
from csp_subscriptions.processes.audit_facts import AuditFacts
from csp_subscriptions.processes.observations import ObservationReactor
from csp_subscriptions.projections import TenantsProjection

NAME = "subscriptions"
SCHEMA = "subscriptions"
PACKAGES = ("csp_runtime", "csp_subscriptions")


def build(platform: Platform, client: PartnerCenter) -> Service:
    """The subscriptions service."""
    base = lay(platform, NAME, SCHEMA)
    worker, request, store = base.worker, base.request, base.store
    operations = base.operations()
    use_cases = SubscriptionUseCases(
        store=store,
        tenants=Tenants(request),
        operations=operations,
        quotes=PricingQuotes(platform.peers, platform.service_tokens),
        clock=platform.clock,
    )
    billing_starts = BillingStarts(store=store, visible=use_cases.subscription, clock=platform.clock)
    labels = SubscriptionLabels(store=store, visible=use_cases.subscription, clock=platform.clock)
    background_tenants = Tenants(worker)
    visibility = timedelta(minutes=platform.microsoft.visibility_minutes)
    reactor = ObservationReactor(
        store=store,
        facts=AuditFacts(
            store=store,
            seen_facts=SeenFacts(worker),
            waiting=WaitingRecords(worker),
            tenants=background_tenants,
            clock=platform.clock,
        ),
        tenants=background_tenants,
        operations=operations,
        clock=platform.clock,
        visibility=visibility,
    )
    machine = base.machine(Outcomes(store, platform.clock).plans(client))
    return base.service(
        [routes(use_cases, billing_starts, labels)],
        consumers=[
            base.projection(TenantsProjection()),
            base.reactor(reactor),
        ],
        workers=[
            ("operations", machine),
            (
                "rereads",
                Rereads("subscription", worker, platform.peers, platform.service_tokens, platform.clock),
            ),
        ],
    )
