"""Composition root: the only place of this service that knows concrete classes."""

from datetime import timedelta

from csp_identity_sync.adapters.directory import DirectoryRows, SeatRows
from csp_identity_sync.api import routes
from csp_identity_sync.application import IdentityUseCases
from csp_identity_sync.names import NamesFetcher
from csp_identity_sync.outcomes import UserOutcomes
from csp_identity_sync.processes import ConsumedSeats, UserObservations
from csp_identity_sync.projections import TenantsProjection
from csp_partner_center.client import PartnerCenter
from csp_runtime.consumer import Consumer
from csp_runtime.database import DatabaseRole
from csp_runtime.http import create_app
from csp_runtime.internal_api import events_router
from csp_runtime.operations import OperationMachine, Operations
from csp_runtime.outgoing_mail import OutgoingMail
from csp_runtime.platform import Platform, Service
from csp_runtime.public_log import StoredPublicLog
from csp_runtime.seals import Seals

NAME = "identity-sync"
SCHEMA = "identity_sync"
PACKAGES = ("csp_runtime", "csp_identity_sync")


def build(platform: Platform, client: PartnerCenter) -> Service:
    """The identity-sync service."""
    worker = platform.database(SCHEMA, DatabaseRole.WORKER, max_size=8)
    request = platform.database(SCHEMA, DatabaseRole.REQUEST)
    store = platform.store(SCHEMA)
    log = StoredPublicLog(worker, NAME)
    operations = Operations(store, worker, platform.box, platform.approvals)
    seals = Seals(worker, platform.box)
    mail = OutgoingMail(worker, platform.box, platform.mailer, platform.clock)
    use_cases = IdentityUseCases(
        directory=DirectoryRows(request), operations=operations, clock=platform.clock
    )
    outcomes = UserOutcomes(
        store=store,
        database=worker,
        seals=seals,
        box=platform.box,
        mail=mail,
        clock=platform.clock,
        public_url=platform.mail_settings.public_url,
    )
    machine = OperationMachine(
        store=store,
        database=worker,
        box=platform.box,
        clock=platform.clock,
        wakeups=platform.wakeups,
        plans=outcomes.plans(client),
        list_delay=timedelta(minutes=platform.microsoft.list_delay_minutes),
    )
    observations = UserObservations(
        store=store, directory=DirectoryRows(worker), operations=operations, clock=platform.clock
    )
    seats = ConsumedSeats(store, SeatRows(worker), platform.clock)
    app = create_app("CSP identity-sync (internal)", platform.verifier)
    app.include_router(routes(use_cases, seals, platform.clock))
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
            Consumer(observations, platform.feed, worker, store=store, gaps=platform.gaps),
            Consumer(seats, platform.feed, worker, store=store, gaps=platform.gaps),
        ],
        workers=[
            ("operations", machine),
            ("mail", mail),
            ("names", NamesFetcher(store, worker, platform.peers, platform.service_tokens, platform.clock)),
        ],
    )
