"""Composition root: the only place of this service that knows concrete classes."""

from datetime import timedelta

from csp_identity_sync.adapters.directory import DirectoryRows, SeatRows
from csp_identity_sync.api import routes
from csp_identity_sync.application import IdentityUseCases
from csp_identity_sync.names import NamesFetcher
from csp_identity_sync.outcomes import UserOutcomes
from csp_identity_sync.processes.consumed_seats import ConsumedSeats
from csp_identity_sync.processes.observations import UserObservations
from csp_identity_sync.projections import TenantsProjection
from csp_partner_center.client import PartnerCenter
from csp_runtime.foundation import lay
from csp_runtime.outgoing_mail import OutgoingMail
from csp_runtime.platform import Platform, Service
from csp_runtime.rereads import Rereads
from csp_runtime.seals import Seals

NAME = "identity-sync"
SCHEMA = "identity_sync"
PACKAGES = ("csp_runtime", "csp_identity_sync")


def build(platform: Platform, client: PartnerCenter) -> Service:
    """The identity-sync service."""
    base = lay(platform, NAME, SCHEMA)
    worker, request, store = base.worker, base.request, base.store
    operations = base.operations()
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
    machine = base.machine(outcomes.plans(client))
    observations = UserObservations(
        store=store,
        directory=DirectoryRows(worker),
        operations=operations,
        clock=platform.clock,
        visibility=timedelta(minutes=platform.microsoft.visibility_minutes),
    )
    seats = ConsumedSeats(store, SeatRows(worker), platform.clock)
    return base.service(
        [routes(use_cases, seals, platform.clock)],
        consumers=[
            base.projection(TenantsProjection()),
            base.reactor(observations),
            base.reactor(seats),
        ],
        workers=[
            ("operations", machine),
            ("mail", mail),
            ("rereads", Rereads("user", worker, platform.peers, platform.service_tokens, platform.clock)),
            ("names", NamesFetcher(store, worker, platform.peers, platform.service_tokens, platform.clock)),
        ],
    )
