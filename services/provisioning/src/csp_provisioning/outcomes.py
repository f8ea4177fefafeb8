"""What a created tenant writes: its facts, its row, and the mail with the one-time link to the password."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any

from csp_contracts.envelope import Recorded
from csp_contracts.ids import Kind, named_id
from csp_contracts.provisioning_v1 import AgreementAccepted, TenantCreated
from csp_partner_center.client import PartnerCenter
from csp_provisioning.adapters.microsoft import ConfirmAgreement, CreateTenant, SecurePassword
from csp_provisioning.adapters.organisations import OrganisationRows, OrganisationStatements
from csp_provisioning.ports import TenantRow
from csp_runtime.clock import Clock
from csp_runtime.mail import Mail
from csp_runtime.operations import Answered, Operation, Plan
from csp_runtime.operations.steps import Facts
from csp_runtime.outgoing_mail import OutgoingMail
from csp_runtime.scope import service_scope
from csp_runtime.seals import Seals
from csp_runtime.store import EventStore


class TenantOutcome:
    """The plan of `tenant.create`, and its facts."""

    def __init__(
        self,
        *,
        store: EventStore,
        rows: OrganisationRows,
        seals: Seals,
        mail: OutgoingMail,
        clock: Clock,
        public_url: str,
    ) -> None:
        self._store = store
        self._rows = rows
        self._seals = seals
        self._mail = mail
        self._clock = clock
        self._public_url = public_url

    def plan(self, client: PartnerCenter) -> Plan:
        """Create, confirm the agreement, make sure of the password."""
        return Plan(
            kind="tenant.create",
            steps=[
                CreateTenant(client, self._seals, self._clock),
                ConfirmAgreement(client),
                SecurePassword(client, self._seals, self._clock),
            ],
            facts=self.facts,
        )

    async def facts(self, operation: Operation, answered: Answered) -> Facts:
        """TenantCreated and AgreementAccepted; nothing twice where an observation of the tenant came first."""
        del answered
        reseller = operation.meta.reseller
        tenant_id = named_id(Kind.TENANT, reseller, operation.refs["microsoft_tenant_id"])
        now = self._clock.now()
        history = await self._store.load(tenant_id)
        version = len(history)
        events: list[Recorded[Any]] = []
        meta = replace(
            operation.meta,
            tenant=tenant_id,
            partition_key=tenant_id,
            recorded_at=max([now, *(event.meta.recorded_at for event in history)]),
            effective_at=operation.meta.recorded_at,
            causation_id=operation.id,
        )
        target = operation.target
        if not history:
            version += 1
            data = TenantCreated(
                tenant_id=tenant_id,
                customer_id=target["customer_id"],
                microsoft_tenant_id=operation.refs["microsoft_tenant_id"],
                domain=target["domain"],
                company_name=target["company_name"],
                country=target["country"],
            )
            events.append(Recorded(stream=tenant_id, version=version, data=data, meta=meta))
        if not any(isinstance(event.data, AgreementAccepted) for event in history):
            accepted_on: date = datetime.fromisoformat(target["agreement_accepted_at"]).date()
            agreement = AgreementAccepted(
                tenant_id=tenant_id,
                agreement_type=operation.refs.get("agreement_type", "MicrosoftCustomerAgreement"),
                accepted_on=accepted_on,
            )
            events.append(Recorded(stream=tenant_id, version=version + 1, data=agreement, meta=meta))
        administrator = f"admin@{target['domain']}"
        row = TenantRow(
            tenant_id=tenant_id,
            reseller_id=reseller,
            customer_id=target["customer_id"],
            microsoft_tenant_id=operation.refs["microsoft_tenant_id"],
            domain=target["domain"],
            company_name=target["company_name"],
            country=target["country"],
            administrator=administrator,
        )
        scope = service_scope(reseller, "provisioning")
        organisation = await self._rows.organisation(scope, target["customer_id"])
        also = [OrganisationStatements().tenant(row, now)]
        seal_id = operation.refs.get("seal_id")
        if organisation is not None and organisation.contact is not None and seal_id is not None:
            mail = self._welcome(operation.id, organisation.contact.email, administrator, seal_id, now)
            also.append(self._mail.enqueue(reseller=reseller, mail=mail))
        return Facts(events=events, also=also, resources=[tenant_id])

    def _welcome(self, key: str, to: str, administrator: str, seal_id: str, now: datetime) -> Mail:
        text = (
            "Your Microsoft 365 tenant is ready.\n\n"
            f"Sign in as {administrator} at https://admin.microsoft.com.\n\n"
            f"{self._seals.invitation(self._public_url, seal_id)}\n"
            "Microsoft asks for a new password at the first sign-in.\n"
        )
        return Mail(to=to, subject="Your Microsoft 365 tenant is ready", text=text, key=key, at=now)
