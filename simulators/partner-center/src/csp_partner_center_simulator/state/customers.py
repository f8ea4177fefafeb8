"""Customer tenants, their directory, and their relations to partners (PC 3, 7)."""

from datetime import datetime
from decimal import Decimal

import msgspec

from csp_partner_center_simulator.state.table import Row


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """A postal address as the billing profile holds it (PC 3.4)."""

    country: str
    city: str = ""
    state: str = ""
    address_line1: str = ""
    address_line2: str = ""
    postal_code: str = ""
    first_name: str = ""
    last_name: str = ""
    phone_number: str = ""


class BillingProfile(msgspec.Struct, frozen=True, kw_only=True):
    """Who pays and in which language; `etag` is a signed 64-bit number as text (PC 2.5)."""

    id: str
    email: str
    culture: str
    language: str
    company_name: str
    address: Address
    etag: str
    first_name: str = ""
    last_name: str = ""


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """A customer's acceptance as a partner confirmed it (PC 3.8)."""

    type: str
    template_id: str
    date_agreed: str
    user_id: str
    first_name: str
    last_name: str
    email: str
    phone_number: str = ""


class Qualification(msgspec.Struct, frozen=True, kw_only=True):
    """A segment a customer belongs to or has applied for (PC 3.9)."""

    qualification: str
    vetting_status: str | None = None
    vetting_create_date: datetime | None = None


class Relation(msgspec.Struct, frozen=True, kw_only=True):
    """What a partner is to the customer, and the GDAP roles its users hold there (PC 1.2).

    `standing_roles` came with the relation or by an act; those that relationships of Graph give come and go beside them.
    """

    partner_id: str
    since: datetime
    relationship: str = "reseller"
    gdap_roles: tuple[str, ...] = ()
    standing_roles: tuple[str, ...] = ()
    associated_partner_id: str = ""


class Customer(Row, frozen=True, kw_only=True):
    """A customer tenant; `id` is the tenant id. `usable_at`: when orders and users begin to work (PC 3.4)."""

    commerce_id: str
    company_name: str
    domain: str
    domains: tuple[str, ...]
    billing: BillingProfile
    created_at: datetime
    usable_at: datetime
    relations: tuple[Relation, ...] = ()
    agreements: tuple[Agreement, ...] = ()
    directly_signed: bool = False
    qualifications: tuple[Qualification, ...] = ()
    organization_registration_number: str = ""
    spending_budget: Decimal | None = None  # of metered usage, per month
    locked: bool = False
    review: str = ""

    @property
    def country(self) -> str:
        """The market the customer buys in (ISO 3166 alpha-2)."""
        return self.billing.address.country

    def relation(self, partner_id: str) -> Relation | None:
        """Give the relation to that partner, or None when there is none (any more)."""
        return next((one for one in self.relations if one.partner_id == partner_id), None)


class User(Row, frozen=True, kw_only=True):
    """A user of a customer's directory; `licenses` are (directory SKU id, disabled plan ids)."""

    customer_id: str
    user_principal_name: str
    display_name: str
    created_at: datetime
    changed_at: datetime
    change: int = 0
    first_name: str = ""
    last_name: str = ""
    usage_location: str = ""
    immutable_id: str = ""
    phone_number: str = ""
    job_title: str = ""
    account_enabled: bool = True
    force_change_password: bool = False
    last_directory_sync: datetime | None = None
    deleted_at: datetime | None = None
    purged_at: datetime | None = None
    licenses: tuple[tuple[str, tuple[str, ...]], ...] = ()
    roles: tuple[str, ...] = ()
    more: tuple[tuple[str, str | None], ...] = ()  # other properties of Graph that were written, as they came

    @property
    def active(self) -> bool:
        """Neither in the deleted items nor purged."""
        return self.deleted_at is None and self.purged_at is None
