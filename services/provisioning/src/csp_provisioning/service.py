"""Composition root: the only place of this service that knows concrete classes."""

from datetime import timedelta

from csp_partner_center.client import PartnerCenter
from csp_provisioning.adapters.microsoft import PartnerCenterChecks
from csp_provisioning.adapters.organisations import OrganisationRows, OrganisationStatements
from csp_provisioning.api import routes
from csp_provisioning.application import ProvisioningUseCases
from csp_provisioning.outcomes import TenantOutcome
from csp_provisioning.processes import TenantObservations
from csp_runtime.consumer import Consumer
from csp_runtime.database import DatabaseRole
from csp_runtime.http import create_app
from csp_runtime.internal_api import events_router
from csp_runtime.operations import OperationMachine, Operations
from csp_runtime.outgoing_mail import OutgoingMail
from csp_runtime.platform import Platform, Service
from csp_runtime.public_log import StoredPublicLog
from csp_runtime.seals import Seals

NAME = "provisioning"
SCHEMA = "provisioning"
PACKAGES = ("csp_runtime", "csp_provisioning")


def build(platform: Platform, client: PartnerCenter) -> Service:
    """The provisioning service."""
    worker = platform.database(SCHEMA, DatabaseRole.WORKER, max_size=8)
    request = platform.database(SCHEMA, DatabaseRole.REQUEST)
    store = platform.store(SCHEMA)
    log = StoredPublicLog(worker, NAME)
    operations = Operations(store, worker, platform.box, platform.approvals)
    seals = Seals(worker, platform.box)
    mail = OutgoingMail(worker, platform.box, platform.mailer, platform.clock)
    use_cases = ProvisioningUseCases(
        store=store,
        rows=OrganisationRows(request),
        writer=OrganisationStatements(),
        checks=PartnerCenterChecks(client),
        operations=operations,
        clock=platform.clock,
    )
    outcome = TenantOutcome(
        store=store,
        rows=OrganisationRows(worker),
        seals=seals,
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
        plans=[outcome.plan(client)],
        list_delay=timedelta(minutes=platform.microsoft.list_delay_minutes),
    )
    app = create_app("CSP provisioning (internal)", platform.verifier)
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
            Consumer(
                TenantObservations(store, operations, platform.clock),
                platform.feed,
                worker,
                store=store,
                gaps=platform.gaps,
            )
        ],
        workers=[("operations", machine), ("mail", mail)],
    )
