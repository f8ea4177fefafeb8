"""Resellers and their dated settings, customer organisations, tenants, agreements.

No names of persons, mail, phone or street: those lie in erasable tables of the owning service.
"""

from dataclasses import dataclass, field
from datetime import date

from csp_contracts.envelope import Visibility
from csp_contracts.ids import Kind
from csp_contracts.registry import event


@event("csp.provisioning.reseller-registered.v1", stream=Kind.RESELLER)
@dataclass(frozen=True, slots=True, kw_only=True)
class ResellerRegistered:
    """A reseller is known; `microsoft_tenant_id` is its own directory at Microsoft."""

    reseller_id: str
    name: str
    country: str
    currency: str
    microsoft_tenant_id: str


@event("csp.provisioning.reseller-setting-changed.v1", stream=Kind.RESELLER)
@dataclass(frozen=True, slots=True, kw_only=True)
class ResellerSettingChanged:
    """A setting with the UTC day from which it holds, for example `close_day` = `15`."""

    reseller_id: str
    setting: str
    value: str
    effective_on: date


@event("csp.provisioning.customer-added.v1", stream=Kind.CUSTOMER)
@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerAdded:
    """A customer organisation. `status`: `active`, or `unallocated` when it was made for a discovered tenant."""

    customer_id: str
    name: str
    country: str
    status: str
    external_refs: dict[str, str] = field(default_factory=dict)


@event("csp.provisioning.customer-setting-changed.v1", stream=Kind.CUSTOMER)
@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerSettingChanged:
    """A setting of one customer with the UTC day from which it holds."""

    customer_id: str
    setting: str
    value: str
    effective_on: date


@event("csp.provisioning.customer-labels-changed.v1", stream=Kind.CUSTOMER, visibility=Visibility.RESELLER)
@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerLabelsChanged:
    """What the reseller labels an organisation with: all of its labels, by key. Never a person's name."""

    customer_id: str
    labels: dict[str, str]


@event("csp.provisioning.tenant-created.v1", stream=Kind.TENANT)
@dataclass(frozen=True, slots=True, kw_only=True)
class TenantCreated:
    """A Microsoft directory that we had Microsoft make; `domain` is its `*.onmicrosoft.com` name."""

    tenant_id: str
    customer_id: str
    microsoft_tenant_id: str
    domain: str
    company_name: str
    country: str


@event("csp.provisioning.tenant-discovered.v1", stream=Kind.TENANT)
@dataclass(frozen=True, slots=True, kw_only=True)
class TenantDiscovered:
    """A tenant that Microsoft told us of; `customer_id` is an organisation of its own, status `unallocated`."""

    tenant_id: str
    customer_id: str
    microsoft_tenant_id: str
    domain: str
    company_name: str
    country: str


@event("csp.provisioning.tenant-linked.v1", stream=Kind.TENANT)
@dataclass(frozen=True, slots=True, kw_only=True)
class TenantLinked:
    """A tenant moved from one organisation to another; open items move, issued lines stay where they were issued."""

    tenant_id: str
    from_customer_id: str
    to_customer_id: str
    reprice_from: date | None = None


@event("csp.provisioning.tenant-offboarded.v1", stream=Kind.TENANT)
@dataclass(frozen=True, slots=True, kw_only=True)
class TenantOffboarded:
    """The reseller relationship with this tenant has ended."""

    tenant_id: str


@event("csp.provisioning.agreement-accepted.v1", stream=Kind.TENANT)
@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementAccepted:
    """The customer accepted Microsoft's customer agreement; who did so is kept by the owning service."""

    tenant_id: str
    agreement_type: str
    accepted_on: date
