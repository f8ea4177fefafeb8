"""Use cases of resellers, organisations and tenants."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import date
from typing import Any

from csp_contracts.envelope import Recorded
from csp_contracts.ids import Kind, named_id
from csp_contracts.provisioning_v1 import (
    CustomerAdded,
    ResellerRegistered,
    ResellerSettingChanged,
    TenantLinked,
)
from csp_provisioning.domain.forms import (
    Address,
    Contact,
    address_faults,
    domain_faults,
    domain_of,
    organisation_faults,
)
from csp_provisioning.ports import MicrosoftChecks, Organisations, OrganisationWriter, TenantRow
from csp_runtime.clock import Clock
from csp_runtime.commands import Decision, carry_out, command_meta, key_of
from csp_runtime.http import Command
from csp_runtime.new_ids import new_id
from csp_runtime.operations import Beginning, Operations
from csp_runtime.operations.beginning import Begun
from csp_runtime.problems import InvalidParameter, Problem, not_found
from csp_runtime.scope import Role, Scope
from csp_runtime.store import Also, EventStore

CONTEXT = "provisioning"

LINK_INSTEAD = {"alternatives": [{"action": "link_tenant", "href": "/v1/unallocated"}]}
"""A tenant that is there already is linked: once its owner has accepted the reseller it is among the unallocated."""


class ProvisioningUseCases:
    """Commands and questions of this context."""

    def __init__(
        self,
        *,
        store: EventStore,
        rows: Organisations,
        writer: OrganisationWriter,
        checks: MicrosoftChecks,
        operations: Operations,
        clock: Clock,
    ) -> None:
        self._store = store
        self._rows = rows
        self._writer = writer
        self._checks = checks
        self._operations = operations
        self._clock = clock

    async def register_reseller(
        self,
        scope: Scope,
        *,
        name: str,
        country: str,
        currency: str,
        microsoft_tenant_id: str,
        close_day: int,
        command: Command,
    ) -> dict[str, Any]:
        """Make a reseller known, with its first settings; the same again changes nothing."""
        reseller_id = named_id(Kind.RESELLER, "platform", microsoft_tenant_id)
        now = self._clock.now()

        async def decide() -> Decision:
            answer = {"id": reseller_id, "name": name, "currency": currency}
            if await self._store.load(reseller_id):
                return Decision(events=[], answer=answer)
            meta = replace(command_meta(scope, command, now, partition_key=reseller_id), reseller=reseller_id)
            registered = ResellerRegistered(
                reseller_id=reseller_id,
                name=name,
                country=country,
                currency=currency,
                microsoft_tenant_id=microsoft_tenant_id,
            )
            setting = ResellerSettingChanged(
                reseller_id=reseller_id,
                setting="close_day",
                value=str(close_day),
                effective_on=date(2000, 1, 1),
            )
            return Decision(
                events=[
                    Recorded(stream=reseller_id, version=1, data=registered, meta=meta),
                    Recorded(stream=reseller_id, version=2, data=setting, meta=meta),
                ],
                answer=answer,
                also=[self._writer.reseller(reseller_id, name, country, currency, microsoft_tenant_id)],
            )

        return await carry_out(self._store, command, now, decide)

    async def add_customer(
        self, scope: Scope, *, name: str, address: Address, contact: Contact, command: Command
    ) -> dict[str, Any]:
        """A customer organisation; every fault of the form is named at once (product 1)."""
        await self._check_form(scope, name, address, contact)
        now = self._clock.now()
        customer_id = new_id(Kind.CUSTOMER)

        async def decide() -> Decision:
            data = CustomerAdded(customer_id=customer_id, name=name, country=address.country, status="active")
            meta = command_meta(scope, command, now, partition_key=customer_id, customer=customer_id)
            return Decision(
                events=[Recorded(stream=customer_id, version=1, data=data, meta=meta)],
                answer={"id": customer_id, "version": 1},
                also=[
                    self._writer.organisation(
                        customer_id=customer_id,
                        reseller=scope.reseller,
                        name=name,
                        status="active",
                        country=address.country,
                        address=address,
                        contact=contact,
                        at=now,
                    )
                ],
            )

        return await carry_out(self._store, command, now, decide)

    async def _check_form(self, scope: Scope, name: str, address: Address, contact: Contact) -> None:
        faults: list[InvalidParameter] = organisation_faults(name, address, contact)
        if not any(fault.field == "address.country" for fault in faults):
            rules = await self._checks.country_rules(scope.reseller, address.country)
            faults += address_faults(address, rules)
        _raise(faults)

    async def check_domain(self, scope: Scope, prefix: str) -> dict[str, Any]:
        """Whether `<prefix>.onmicrosoft.com` is free (PC 3.1)."""
        domain = domain_of(prefix)
        _raise(domain_faults(domain))
        is_free = await self._checks.is_domain_free(scope.reseller, domain)
        return {"domain": domain, "is_free": is_free}

    async def create_tenant(
        self, scope: Scope, customer_id: str, *, prefix: str, agreement_accepted: bool, command: Command
    ) -> Begun:
        """Begin the creation of a tenant for an organisation.

        Raises a `Problem`: `not-found`, `validation`, `address-invalid`, `agreement-missing`, `domain-taken`.
        """
        organisation = await self._rows.organisation(scope, customer_id)
        if organisation is None:
            raise not_found("customer")
        now = self._clock.now()
        key = key_of(command, now)
        domain = domain_of(prefix)
        if self._store.answer_to(key.caller, key.key) is None:
            _raise(domain_faults(domain))
            if organisation.address is None or organisation.contact is None:
                raise Problem("address-invalid", "The organisation has no complete address and contact yet")
            if not agreement_accepted:
                raise Problem("agreement-missing", "The Microsoft customer agreement must be accepted first")
            if not await self._checks.is_domain_free(scope.reseller, domain):
                raise Problem(
                    "domain-taken",
                    "The domain is taken",
                    f"{domain} belongs to somebody already",
                    extra={"domain": domain} | ({} if scope.is_customer else LINK_INSTEAD),
                )
        return await self._operations.begin(
            Beginning(
                kind="tenant.create",
                context=CONTEXT,
                target={
                    "customer_id": customer_id,
                    "domain": domain,
                    "company_name": organisation.name,
                    "country": organisation.country,
                    "agreement_accepted_at": now.isoformat(),
                },
                payload={
                    "address": asdict(organisation.address) if organisation.address else {},
                    "contact": asdict(organisation.contact) if organisation.contact else {},
                },
                meta=command_meta(scope, command, now, partition_key=customer_id, customer=customer_id),
                match_keys=[f"domain/{domain}"],
            ),
            key=key,
            now=now,
        )

    async def link_tenant(
        self, scope: Scope, tenant_id: str, customer_id: str, reprice_from: date | None, command: Command
    ) -> dict[str, Any]:
        """Give a discovered tenant to an organisation; open items move, issued lines stay."""
        tenant = await self._tenant(scope, tenant_id)
        if await self._rows.organisation(scope, customer_id) is None:
            raise not_found("customer")
        now = self._clock.now()

        async def decide() -> Decision:
            history = await self._store.load(tenant_id)
            answer = {"tenant_id": tenant_id, "customer_id": customer_id, "version": len(history) + 1}
            if tenant.customer_id == customer_id:
                return Decision(events=[], answer={**answer, "version": len(history)})
            data = TenantLinked(
                tenant_id=tenant_id,
                from_customer_id=tenant.customer_id,
                to_customer_id=customer_id,
                reprice_from=reprice_from,
            )
            meta = command_meta(
                scope, command, now, partition_key=tenant_id, customer=customer_id, tenant=tenant_id
            )
            also: Sequence[Also] = [self._writer.move_tenant(tenant_id, scope.reseller, customer_id)]
            return Decision(
                events=[Recorded(stream=tenant_id, version=len(history) + 1, data=data, meta=meta)],
                answer=answer,
                also=also,
            )

        return await carry_out(self._store, command, now, decide)

    async def customer(self, scope: Scope, customer_id: str) -> dict[str, Any]:
        """The organisation with its address and contact, for who may see them."""
        organisation = await self._rows.organisation(scope, customer_id)
        if organisation is None:
            raise not_found("customer")
        tenants = await self._rows.tenants_of(scope, customer_id)
        return {**asdict(organisation), "tenants": [asdict(tenant) for tenant in tenants]}

    async def _tenant(self, scope: Scope, tenant_id: str) -> TenantRow:
        tenant = await self._rows.tenant(scope, tenant_id)
        if tenant is None:
            raise not_found("tenant")
        return tenant


def is_reseller_admin(scope: Scope) -> bool:
    """Who may change organisations."""
    return bool(scope.roles & {Role.RESELLER_ADMIN, Role.SERVICE})


def _raise(faults: Sequence[InvalidParameter]) -> None:
    if faults:
        raise Problem("validation", "The form is not complete", invalid=faults)
