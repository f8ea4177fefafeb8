"""Composition root: the only place of this service that knows concrete classes."""

from datetime import timedelta

import httpx

from csp_partner_center import PartnerCenter
from csp_partner_feed.adapters.audit_cursors import AuditCursors
from csp_partner_feed.adapters.directory_skus import DirectorySkus
from csp_partner_feed.adapters.drift_enforcements import DriftEnforcements
from csp_partner_feed.adapters.drift_inbox import DriftInbox
from csp_partner_feed.adapters.drift_policies import DriftPolicies
from csp_partner_feed.adapters.drifts import DriftRows
from csp_partner_feed.adapters.first_syncs import FirstSyncs
from csp_partner_feed.adapters.freshness import Freshness
from csp_partner_feed.adapters.inbox import Inbox
from csp_partner_feed.adapters.parked import Parked
from csp_partner_feed.adapters.persons import PersonRows
from csp_partner_feed.adapters.publisher import Publisher
from csp_partner_feed.adapters.reads import Reads
from csp_partner_feed.adapters.receiver import NotificationReceiver
from csp_partner_feed.adapters.resources import Resources
from csp_partner_feed.adapters.signature import Signatures
from csp_partner_feed.adapters.status import StatusQuery
from csp_partner_feed.adapters.subscription_commands import SubscriptionCommands
from csp_partner_feed.adapters.tenants import TenantRows
from csp_partner_feed.adapters.trust import Trust
from csp_partner_feed.api import hooks, routes
from csp_partner_feed.application import FeedUseCases
from csp_partner_feed.projections import OwnChanges
from csp_partner_feed.settings import PartnerFeedSettings
from csp_partner_feed.workers.audit_poller import AuditPoller
from csp_partner_feed.workers.delta import DirectoryFollower
from csp_partner_feed.workers.drift_keeper import DriftKeeper
from csp_partner_feed.workers.inbox_worker import InboxWorker
from csp_partner_feed.workers.keeper import Keeper
from csp_partner_feed.workers.lister import Lister
from csp_partner_feed.workers.parts import Parts
from csp_partner_feed.workers.reader import Reader
from csp_partner_feed.workers.registrar import Registrar
from csp_partner_feed.workers.synchroniser import Synchroniser
from csp_runtime.consumer import Consumer
from csp_runtime.database import DatabaseRole
from csp_runtime.http import create_app
from csp_runtime.internal_api import events_router
from csp_runtime.platform import Platform, Service, Worker
from csp_runtime.public_log import StoredPublicLog

NAME = "partner-feed"
SCHEMA = "partner_feed"
PACKAGES = ("csp_runtime", "csp_partner_feed")


def build(platform: Platform, client: PartnerCenter, settings: PartnerFeedSettings | None = None) -> Service:
    """The feed. `settings` default to the environment's."""
    settings = settings or PartnerFeedSettings()
    worker = platform.database(SCHEMA, DatabaseRole.WORKER, max_size=8 + settings.readers)
    request = platform.database(SCHEMA, DatabaseRole.REQUEST)
    store = platform.store(SCHEMA)
    log = StoredPublicLog(worker, NAME)
    clock = platform.clock
    visibility = timedelta(minutes=platform.microsoft.visibility_minutes)
    http = httpx.AsyncClient(timeout=5.0, follow_redirects=False, transport=platform.upstream)
    trust = Trust(settings, _simulator(platform), http)
    reads, tenants, resources = Reads(worker), TenantRows(worker, platform.box), Resources(worker)
    persons, inbox = PersonRows(worker), Inbox(worker)
    policies = DriftPolicies(worker, request)
    drifts = DriftRows(store, worker, policies, clock)
    owner = SubscriptionCommands(platform.peers, platform.service_tokens)
    use_cases = FeedUseCases(
        inbox=DriftInbox(request, clock),
        drifts=drifts,
        policies=policies,
        wishes=reads,
        customers=tenants,
        known=resources,
        status=StatusQuery(request, worker),
        persons=persons,
        clock=clock,
    )
    signatures = Signatures(trust.policy, http)
    receiver = NotificationReceiver(
        signatures=signatures, inbox=inbox, client=client, clock=clock, wakeups=platform.wakeups
    )
    every = timedelta(days=settings.comparison_days)
    parts = Parts(
        client=client,
        clock=clock,
        wakeups=platform.wakeups,
        publisher=Publisher(store, worker, clock),
        reads=reads,
        tenants=tenants,
        resources=resources,
        first_syncs=FirstSyncs(worker, platform.box, settings.close_day),
        freshness=Freshness(worker),
        parked=Parked(worker),
        skus=DirectorySkus(),
    )
    keeper = DriftKeeper(
        drifts=drifts,
        enforcements=DriftEnforcements(worker),
        owner=owner,
        clock=clock,
        visibility=visibility,
    )
    reader = Reader(parts, visibility=visibility)
    synchroniser = Synchroniser(parts, every=every, at_once=settings.at_once)
    follower = DirectoryFollower(
        parts, pause=timedelta(seconds=settings.delta_poll_seconds), at_once=settings.at_once
    )
    poller = AuditPoller(
        parts,
        cursors=AuditCursors(worker),
        pause=settings.audit_poll_seconds,
        overlap_days=settings.audit_overlap_days,
    )
    workers: list[tuple[str, Worker]] = [
        ("inbox", InboxWorker(inbox=inbox, clock=clock, wakeups=platform.wakeups)),
        ("audit", poller),
        ("lister", Lister(parts, every=every)),
        *[(f"reader-{number}", reader) for number in range(settings.readers)],
        ("synchroniser", synchroniser),
        ("directory", follower),
        ("drift", keeper),
        ("keeper", Keeper(persons=persons, database=worker, clock=clock)),
    ]
    if settings.registers_webhook:
        base = settings.callback_url or platform.mail_settings.public_url
        workers.append(("registrar", Registrar(parts, callback_base=base)))
    app = create_app("CSP partner feed (internal)", platform.verifier)
    app.include_router(hooks(receiver))
    app.include_router(routes(use_cases))
    app.include_router(events_router(log))
    return Service(
        name=NAME,
        schema=SCHEMA,
        app=app,
        log=log,
        databases=[worker, request],
        store=store,
        consumers=[Consumer(OwnChanges(clock, visibility), platform.feed, worker, gaps=platform.gaps)],
        workers=workers,
        start=trust.start,
        stop=http.aclose,
    )


def _simulator(platform: Platform) -> str | None:
    """The simulator's address, whose certificates are fetched in plain http from loopback."""
    if platform.microsoft.cloud != "simulator":
        return None
    return platform.microsoft.base_url or platform.settings.simulator_url
