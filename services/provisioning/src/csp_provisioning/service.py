"""Composition root: the only place of this service that knows concrete classes."""

from datetime import timedelta

from csp_partner_center.client import PartnerCenter
from csp_provisioning.adapters.microsoft import PartnerCenterChecks
from csp_provisioning.adapters.organisations import OrganisationRows, OrganisationStatements
from csp_provisioning.api import routes
from csp_provisioning.application import ProvisioningUseCases
from csp_provisioning.labels import CustomerLabels
from csp_provisioning.outcomes import TenantOutcome
from csp_provisioning.processes import TenantObservations
from csp_provisioning.reseller_settings import SettingUseCases
from csp_provisioning.setting_api import routes as setting_routes
from csp_runtime.foundation import lay
from csp_runtime.outgoing_mail import OutgoingMail
from csp_runtime.platform import Platform, Service
from csp_runtime.rereads import Rereads
from csp_runtime.seals import Seals

NAME = "provisioning"
SCHEMA = "provisioning"
PACKAGES = ("csp_runtime", "csp_provisioning")


def build(platform: Platform, client: PartnerCenter) -> Service:
    """The provisioning service."""
    base = lay(platform, NAME, SCHEMA)
    worker, request, store = base.worker, base.request, base.store
    operations = base.operations()
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
    settings = SettingUseCases(store=store, rows=OrganisationRows(request), clock=platform.clock)
    labels = CustomerLabels(store=store, rows=OrganisationRows(request), clock=platform.clock)
    outcome = TenantOutcome(
        store=store,
        rows=OrganisationRows(worker),
        seals=seals,
        mail=mail,
        clock=platform.clock,
        public_url=platform.mail_settings.public_url,
    )
    machine = base.machine([outcome.plan(client)])
    visibility = timedelta(minutes=platform.microsoft.visibility_minutes)
    observations = TenantObservations(store, operations, platform.clock, visibility)
    return base.service(
        [routes(use_cases, seals, platform.clock), setting_routes(settings, labels)],
        consumers=[base.reactor(observations)],
        workers=[
            ("operations", machine),
            ("mail", mail),
            ("rereads", Rereads("tenant", worker, platform.peers, platform.service_tokens, platform.clock)),
        ],
    )
