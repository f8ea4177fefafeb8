"""Customers: create, read, link, part (PC 3.4-3.7, 3.9)."""

import html
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from csp_partner_center.answers import Answer, RequestIds, with_value
from csp_partner_center.calls import Access, Call, etag_header, path
from csp_partner_center.domains import Address
from csp_partner_center.paging import Page, everything, seek
from csp_partner_center.reading import Guid, OpenEnum, member, read, wire
from csp_partner_center.secrets import Secret
from csp_partner_center.session import Session
from csp_partner_center.writing import changed, encode


class Relationship(OpenEnum):
    """What we are to this tenant."""

    NONE = "none"
    RESELLER = "reseller"
    ADVISOR = "advisor"
    SYNDICATION = "syndication"
    MICROSOFT_SUPPORT = "microsoft_support"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCustomer:
    """What Microsoft needs to make a tenant (PC 3.4). `domain` is `<prefix>.onmicrosoft.com`."""

    domain: str
    company_name: str
    email: str = field(repr=False)
    address: Address
    culture: str = "en-US"
    language: str = "en"
    first_name: str | None = field(default=None, repr=False)
    last_name: str | None = field(default=None, repr=False)
    organization_registration_number: str | None = None
    associated_partner_id: str | None = None
    enable_gdap_by_default: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyProfile:
    """The organisation as its directory knows it; read-only."""

    tenant_id: Guid | None = None
    domain: str | None = None
    company_name: str | None = None
    organization_registration_number: str | None = None
    email: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileAddress:
    """As it is on file: any part may be missing."""

    country: str | None = None
    address_line1: str | None = field(default=None, repr=False)
    address_line2: str | None = field(default=None, repr=False)
    city: str | None = field(default=None, repr=False)
    state: str | None = None
    postal_code: str | None = field(default=None, repr=False)
    first_name: str | None = field(default=None, repr=False)
    last_name: str | None = field(default=None, repr=False)
    phone_number: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """`etag` is Microsoft's version of the resource, where it keeps one (PC 2.5)."""

    etag: str | None = None
    object_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingProfile:
    """Whom Microsoft's records name. `raw` is the whole resource as read, for writing it back (PC 3.7)."""

    company_name: str | None = None
    culture: str | None = None
    language: str | None = None
    email: str | None = field(default=None, repr=False)
    first_name: str | None = field(default=None, repr=False)
    last_name: str | None = field(default=None, repr=False)
    default_address: ProfileAddress | None = None
    attributes: Attributes = field(default_factory=Attributes)
    raw: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserCredentials:
    """The first administrator's; the password comes once, with the first answer only (PC 2.7, 3.4)."""

    user_name: str = field(repr=False)
    password: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A tenant that is a customer of this partner. Lists carry only id, company profile and relationship."""

    id: Guid
    company_profile: CompanyProfile = field(default_factory=CompanyProfile)
    relationship_to_partner: Relationship | None = None
    commerce_id: str | None = None
    billing_profile: BillingProfile | None = None
    allow_delegated_access: bool | None = None
    custom_domains: list[str] = field(default_factory=list)
    associated_partner_id: str | None = None
    enable_gdap_by_default: bool | None = field(default=None, metadata=wire("enableGDAPByDefault"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedCustomer:
    """`credentials` is None where the answer was a repeated one."""

    customer: Customer
    credentials: UserCredentials | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationshipRequest:
    """The same link for all customers of the partner (PC 3.6)."""

    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Qualification:
    """The segment a customer may buy in (PC 3.9)."""

    qualification: str
    vetting_status: str | None = None


class Customers:
    """Mostly app-only; the exceptions say so."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def create(self, new: NewCustomer, ids: RequestIds) -> Answer[CreatedCustomer]:
        """Make a tenant. Not repeated after an unknown outcome: look for the domain first.

        Raises `AlreadyExists` for a taken domain, `Invalid`, `OutcomeUnknown` and the others.
        """
        call = Call(operation="customers.create", method="POST", path="/customers", body=_body_of(new))
        reply = await self._session.send(call, ids)
        found = self._session.understood(call, reply, _created)
        return with_value(reply.answer, found)

    async def get(self, customer_id: str) -> Answer[Customer]:
        """One customer, with its billing profile."""
        return await self._session.ask(
            Customer, Call(operation="customers.get", method="GET", path=path("customers", customer_id))
        )

    def pages(self, *, size: int = 500, continuation: str | None = None) -> AsyncIterator[Page[Customer]]:
        """All customers, at most 500 a page."""
        call = Call(
            operation="customers.list",
            method="GET",
            path="/customers",
            query=(("size", str(min(size, 500))),),
        )
        return seek(self._session, Customer, call, continuation=continuation)

    async def find(self, field_name: str, beginning: str) -> list[Customer]:
        """Customers whose `CompanyName` or `Domain` begins so (PC 3.5: the only operator)."""
        wanted = msgspec.json.encode(
            {"Field": field_name, "Value": beginning, "Operator": "starts_with"}
        ).decode()
        call = Call(
            operation="customers.list.filter",
            method="GET",
            path="/customers",
            query=(("size", "0"), ("filter", wanted)),
        )
        return (await everything(self._session, Customer, call)).items

    async def company_profile(self, customer_id: str) -> Answer[CompanyProfile]:
        """App+user."""
        return await self._session.ask(
            CompanyProfile,
            Call(
                operation="customers.profiles.company.get",
                method="GET",
                path=path("customers", customer_id, "profiles", "company"),
                access=Access.APP_USER,
            ),
        )

    async def billing_profile(self, customer_id: str) -> Answer[BillingProfile]:
        """With the etag that a change needs."""
        return await self._session.ask(
            BillingProfile,
            Call(
                operation="customers.profiles.billing.get",
                method="GET",
                path=path("customers", customer_id, "profiles", "billing"),
            ),
        )

    async def change_billing_profile(
        self, customer_id: str, current: BillingProfile, changes: dict[str, object], ids: RequestIds
    ) -> Answer[BillingProfile]:
        """Write the whole profile back with some members (wire names) changed. Raises `Changed` for a stale one."""
        return await self._session.ask(
            BillingProfile,
            Call(
                operation="customers.profiles.billing.update",
                method="PUT",
                path=path("customers", customer_id, "profiles", "billing"),
                body=encode(changed(current.raw, changes)),
                headers=etag_header(current.attributes.etag),
                is_repeatable=True,
            ),
            ids,
        )

    async def custom_domains(self, customer_id: str) -> Answer[list[str]]:
        """The domains a new user's name may end with."""
        return await self._session.ask(
            list[str],
            Call(
                operation="customers.customdomains.list",
                method="GET",
                path=path("customers", customer_id, "customDomains"),
                access=Access.APP_USER,
            ),
        )

    async def relationship_request(self) -> Answer[RelationshipRequest]:
        """The link by which an existing tenant becomes a customer; app+user. Older answers have HTML entities in it."""
        answer = await self._session.ask(
            RelationshipRequest,
            Call(
                operation="customers.relationshiprequests.get",
                method="GET",
                path="/customers/relationshiprequests",
                access=Access.APP_USER,
            ),
        )
        return with_value(answer, RelationshipRequest(url=html.unescape(answer.value.url)))

    async def remove_relationship(self, customer_id: str, ids: RequestIds) -> Answer[None]:
        """End the reseller relationship; app+user. All subscriptions must be suspended or cancelled before (PC 3.7)."""
        call = Call(
            operation="customers.update",
            method="PATCH",
            path=path("customers", customer_id),
            body=encode({"relationshipToPartner": "none", "attributes": {"objectType": "Customer"}}),
            access=Access.APP_USER,
            is_repeatable=True,
        )
        return (await self._session.send(call, ids)).answer

    async def qualifications(self, customer_id: str) -> list[Qualification]:
        """Segments and the state of their vetting."""
        call = Call(
            operation="customers.qualifications.list",
            method="GET",
            path=path("customers", customer_id, "qualifications"),
        )
        return (await everything(self._session, Qualification, call)).items

    async def add_qualification(
        self, customer_id: str, qualification: str, ids: RequestIds, *, website: str | None = None
    ) -> Answer[Qualification]:
        """Ask for a segment; approval comes days later."""
        body = {"qualification": qualification, **({"website": website} if website else {})}
        return await self._session.ask(
            Qualification,
            Call(
                operation="customers.qualifications.create",
                method="POST",
                path=path("customers", customer_id, "qualifications"),
                body=encode(body),
            ),
            ids,
        )


def _body_of(new: NewCustomer) -> bytes:
    company = {
        "domain": new.domain,
        "companyName": new.company_name,
        "organizationRegistrationNumber": new.organization_registration_number,
    }
    billing = {
        "email": new.email,
        "culture": new.culture,
        "language": new.language,
        "companyName": new.company_name,
        "firstName": new.first_name,
        "lastName": new.last_name,
        "defaultAddress": new.address,
    }
    return encode(
        {
            "companyProfile": {key: value for key, value in company.items() if value is not None},
            "billingProfile": {key: value for key, value in billing.items() if value is not None},
            **({"associatedPartnerId": new.associated_partner_id} if new.associated_partner_id else {}),
            **(
                {"enableGDAPByDefault": new.enable_gdap_by_default}
                if new.enable_gdap_by_default is not None
                else {}
            ),
        }
    )


def _created(body: object) -> CreatedCustomer:
    said = member(body, "userCredentials")
    name, password = member(said, "userName"), member(said, "password")
    return CreatedCustomer(
        customer=read(Customer, body),
        credentials=UserCredentials(user_name=str(name), password=Secret(str(password)) if password else None)
        if name
        else None,
    )
