"""The internal HTTP edge: parse, authorise, call, answer. The gateway is its only caller from outside."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from csp_provisioning.adapters.microsoft import SEAL_PURPOSE
from csp_provisioning.application import ProvisioningUseCases, is_reseller_admin
from csp_provisioning.domain.forms import Address, Contact
from csp_runtime.clock import Clock
from csp_runtime.http import AnyCommand, AnyScope
from csp_runtime.problems import Problem
from csp_runtime.scope import Role, Scope
from csp_runtime.seals import Seals

Text = Annotated[str, Field(max_length=200)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AddressBody(_Body):
    """A postal address."""

    line1: Text = ""
    line2: Text | None = None
    city: Text = ""
    state: Text | None = None
    postal_code: Text | None = None
    country: Text = ""
    phone: Text | None = None


class ContactBody(_Body):
    """Who gets the mail."""

    first_name: Text = ""
    last_name: Text = ""
    email: Text = ""


class CustomerBody(_Body):
    """A new customer organisation."""

    name: Text = ""
    address: AddressBody = AddressBody()
    contact: ContactBody = ContactBody()


class DomainBody(_Body):
    """A domain to check."""

    domain: Text


class TenantBody(_Body):
    """A new tenant."""

    domain: Text
    agreement_accepted: bool


class LinkBody(_Body):
    """Whom a discovered tenant belongs to."""

    customer_id: str
    reprice_from: date | None = None


class ResellerBody(_Body):
    """A reseller."""

    name: Text
    country: Text
    currency: Text
    microsoft_tenant_id: Text
    close_day: int = Field(15, ge=1, le=31)


def routes(use_cases: ProvisioningUseCases, seals: Seals, clock: Clock) -> APIRouter:
    """The routes of this context."""
    router = APIRouter(prefix="/internal/v1")

    @router.post("/resellers", status_code=201)
    async def register_reseller(body: ResellerBody, scope: AnyScope, command: AnyCommand) -> dict[str, Any]:
        if Role.SERVICE not in scope.roles:
            raise Problem("forbidden", "Only the platform registers resellers")
        return await use_cases.register_reseller(scope, **body.model_dump(), command=command)

    @router.post("/customers", status_code=201)
    async def add_customer(body: CustomerBody, scope: AnyScope, command: AnyCommand) -> dict[str, Any]:
        check_reseller_admin(scope)
        return await use_cases.add_customer(
            scope,
            name=body.name,
            address=Address(**body.address.model_dump()),
            contact=Contact(**body.contact.model_dump()),
            command=command,
        )

    @router.get("/customers/{customer_id}")
    async def customer(customer_id: str, scope: AnyScope) -> dict[str, Any]:
        return await use_cases.customer(scope, customer_id)

    @router.post("/domain-checks")
    async def check_domain(body: DomainBody, scope: AnyScope) -> dict[str, Any]:
        return await use_cases.check_domain(scope, body.domain)

    @router.post("/customers/{customer_id}/tenants", status_code=202)
    async def create_tenant(
        customer_id: str, body: TenantBody, scope: AnyScope, command: AnyCommand
    ) -> dict[str, Any]:
        if not (is_reseller_admin(scope) or Role.CUSTOMER_ADMIN in scope.roles):
            raise Problem("forbidden", "Your role does not allow new tenants")
        begun = await use_cases.create_tenant(
            scope,
            customer_id,
            prefix=body.domain,
            agreement_accepted=body.agreement_accepted,
            command=command,
        )
        return {"operation_id": begun.operation_id, "version": begun.version, "is_replay": begun.is_replay}

    @router.post("/tenants/{tenant_id}/link")
    async def link_tenant(
        tenant_id: str, body: LinkBody, scope: AnyScope, command: AnyCommand
    ) -> dict[str, Any]:
        check_reseller_admin(scope)
        return await use_cases.link_tenant(scope, tenant_id, body.customer_id, body.reprice_from, command)

    @router.post("/retrievals/{seal_id}")
    async def retrieve(seal_id: str, key: str) -> dict[str, str]:
        """The link in the mail is the right to see the secret, once; no token is asked for."""
        secret = await seals.redeem_by_link(seal_id, key, purpose=SEAL_PURPOSE, now=clock.now())
        return {"secret": secret}

    return router


def check_reseller_admin(scope: Scope) -> None:
    """403 for who may not change the reseller's organisations and settings."""
    if not is_reseller_admin(scope):
        raise Problem("forbidden", "Only the reseller's administrators may do this")
