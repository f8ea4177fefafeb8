"""What the use cases need from outside: rows of organisations and tenants, and Microsoft's answers before a command."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from csp_provisioning.domain.forms import Address, Contact, CountryRules
from csp_runtime.scope import Scope
from csp_runtime.store import Also


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """A customer organisation with what may not be in events."""

    customer_id: str
    reseller_id: str
    name: str
    status: str
    country: str
    address: Address | None
    contact: Contact | None
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantRow:
    """A tenant as this service shows it."""

    tenant_id: str
    reseller_id: str
    customer_id: str
    microsoft_tenant_id: str
    domain: str
    company_name: str
    country: str
    administrator: str | None


class Organisations(Protocol):
    """The erasable rows."""

    async def organisation(self, scope: Scope, customer_id: str) -> Organisation | None:
        """If it lies inside the scope."""

    async def tenant(self, scope: Scope, tenant_id: str) -> TenantRow | None:
        """If it lies inside the scope."""

    async def tenants_of(self, scope: Scope, customer_id: str) -> list[TenantRow]:
        """Of an organisation inside the scope."""


class MicrosoftChecks(Protocol):
    """Questions that change nothing."""

    async def is_domain_free(self, reseller: str, domain: str) -> bool:
        """Whether the name can still be had."""

    async def country_rules(self, reseller: str, country: str) -> CountryRules:
        """What an address in this country needs."""


class OrganisationWriter(Protocol):
    """Statements for the transaction of the events they belong to."""

    def reseller(
        self, reseller_id: str, name: str, country: str, currency: str, microsoft_tenant_id: str
    ) -> Also:
        """The row of a new reseller."""

    def organisation(
        self,
        *,
        customer_id: str,
        reseller: str,
        name: str,
        status: str,
        country: str,
        address: Address | None,
        contact: Contact | None,
        at: datetime,
    ) -> Also:
        """The row of a new organisation."""

    def tenant(self, row: TenantRow, at: datetime) -> Also:
        """The row of a new tenant; one that is known stays as it is, but learns its administrator."""

    def move_tenant(self, tenant_id: str, reseller: str, to_customer: str) -> Also:
        """A linked tenant belongs to another organisation."""
