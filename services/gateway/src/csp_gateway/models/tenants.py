"""Tenants: Microsoft directories of customers."""

from datetime import date

from pydantic import Field

from csp_gateway.models.base import Body, CountedListOf, Resource, View
from csp_gateway.models.organisations import Customer


class Tenant(Resource):
    """A Microsoft directory of a customer."""

    customer_id: str
    microsoft_tenant_id: str
    domain: str
    company_name: str
    country: str
    status: str
    agreement_accepted_on: date | None


class DomainCheck(Body):
    """A domain to check, with or without `.onmicrosoft.com`."""

    domain: str = Field(max_length=200, examples=["contoso"])


class DomainAnswer(View):
    """Whether it can still be had."""

    domain: str
    is_free: bool


class NewTenant(Body):
    """A tenant to be made at Microsoft."""

    domain: str = Field(max_length=200)
    agreement_accepted: bool


class TenantLink(Body):
    """Whom a discovered tenant belongs to."""

    customer_id: str
    reprice_from: date | None = None


class TenantLinked(View):
    """Whose it is now."""

    tenant_id: str
    customer_id: str


class WhoseTenants(View):
    """Beside a list of tenants: whose they are."""

    customers: list[Customer]


class TenantsAndCustomers(CountedListOf[Tenant]):
    """A page of tenants; `included` with `include=customer`."""

    included: WhoseTenants | None
