"""Customers and tenants."""

from typing import Any

import msgspec
from fastapi import APIRouter, Depends, Request, Response

from csp_gateway.adapters.screens import CUSTOMERS, TENANTS
from csp_gateway.models.base import ListOf
from csp_gateway.models.organisations import Customer, CustomerAdded, CustomerDetail, NewCustomer
from csp_gateway.models.settings import NewSetting, Setting
from csp_gateway.models.tenants import DomainAnswer, DomainCheck, NewTenant, Tenant, TenantLink, TenantLinked
from csp_gateway.surfaces.commands import add_command
from csp_gateway.surfaces.common import (
    ONE,
    ONE_ASKED,
    Reading,
    ResellerReading,
    ResellerScope,
    Surface,
    UseCaller,
    UseParts,
    answer_row,
    answer_screen,
    as_json,
    problems,
    row_of,
)
from csp_gateway.surfaces.listing import Filter, Listing
from csp_runtime.consistency import to_token
from csp_runtime.http import AnyCommand
from csp_runtime.scope import Scope

OWNER = "provisioning"
CUSTOMER_LIST = Listing((Filter("status"),))
TENANT_LIST = Listing((Filter("status"),))


def routes(surface: Surface) -> APIRouter:
    """Tenants; on the reseller's surface also the organisations they belong to."""
    router = APIRouter(tags=["customers and tenants" if surface.with_cost else "tenants"])
    scoped, reads = Depends(surface.who), Depends(surface.reading)
    if surface.with_cost:
        _add_organisations(router)
        _add_settings(router)
        _add_tenants_of_organisations(router, surface)
    else:
        _add_own_tenants(router, surface)

    @router.get(
        "/tenants/{tenant_id}",
        responses=ONE,
        openapi_extra=ONE_ASKED,
        operation_id="get_tenant",
        response_model=Tenant,
    )
    async def get_tenant(tenant_id: str, request: Request, read: Reading = reads) -> Response:
        """One tenant."""
        return answer_row(request, await row_of(read, TENANTS, tenant_id, "tenant"))

    @router.post("/domain-checks", responses=problems(), operation_id="check_domain")
    async def check_domain(
        body: DomainCheck, caller: UseCaller, parts: UseParts, scope: Scope = scoped
    ) -> DomainAnswer:
        """Whether a `*.onmicrosoft.com` name is free."""
        answer = await parts.owners.ask(OWNER, "/domain-checks", caller, body.model_dump())
        return DomainAnswer(**answer)

    return router


def _add_settings(router: APIRouter) -> None:
    @router.post("/settings", status_code=201, responses=problems(400), operation_id="change_setting")
    async def change_setting(
        body: NewSetting, scope: ResellerScope, command: AnyCommand, caller: UseCaller, parts: UseParts
    ) -> Setting:
        """Change a setting of the reseller from a day on; a value that is not known is refused with those that are."""
        given = body.model_dump(mode="json")
        return Setting(**await parts.owners.command(OWNER, "/settings", caller, command, given))

    @router.post(
        "/customers/{customer_id}/settings",
        status_code=201,
        responses=problems(400, 404),
        operation_id="change_customer_setting",
    )
    async def change_customer_setting(
        customer_id: str,
        body: NewSetting,
        scope: ResellerScope,
        command: AnyCommand,
        caller: UseCaller,
        parts: UseParts,
    ) -> Setting:
        """Change a setting for one customer from a day on; it wins over the reseller's."""
        path = f"/customers/{customer_id}/settings"
        given = body.model_dump(mode="json")
        return Setting(**await parts.owners.command(OWNER, path, caller, command, given))


def _add_organisations(router: APIRouter) -> None:
    @router.post("/customers", status_code=201, responses=problems(400), operation_id="add_customer")
    async def add_customer(
        body: NewCustomer,
        scope: ResellerScope,
        command: AnyCommand,
        caller: UseCaller,
        parts: UseParts,
        response: Response,
    ) -> CustomerAdded:
        """Add a customer organisation. Every missing or invalid field is named at once."""
        made = await parts.owners.command(OWNER, "/customers", caller, command, body.model_dump())
        response.headers["Consistency-Token"] = to_token({made["id"]: made["version"]})
        response.headers["Location"] = f"/v1/customers/{made['id']}"
        return CustomerAdded(id=made["id"], version=made["version"])

    @router.get(
        "/customers",
        responses=problems(),
        openapi_extra=CUSTOMER_LIST.documented,
        operation_id="list_customers",
        response_model=ListOf[Customer],
    )
    async def list_customers(request: Request, read: ResellerReading) -> Response:
        """Customer organisations by name; `unallocated` ones belong to discovered tenants."""
        return await answer_screen(request, read, CUSTOMERS, CUSTOMER_LIST)

    @router.get(
        "/customers/{customer_id}",
        responses=ONE,
        openapi_extra=ONE_ASKED,
        operation_id="get_customer",
        response_model=CustomerDetail,
    )
    async def get_customer(
        customer_id: str, request: Request, read: ResellerReading, caller: UseCaller
    ) -> Response:
        """One organisation with its address and contact."""
        row = await row_of(read, CUSTOMERS, customer_id, "customer")
        kept = await read.parts.owners.get(OWNER, f"/customers/{customer_id}", caller)
        shown = msgspec.json.decode(row["body"])
        return answer_row(
            request, row, as_json({**shown, "address": kept["address"], "contact": kept["contact"]})
        )


def _add_tenants_of_organisations(router: APIRouter, surface: Surface) -> None:
    add_command(
        router,
        surface,
        "/customers/{customer_id}/tenants",
        owner=OWNER,
        operation_id="create_tenant",
        description="Make a tenant at Microsoft; the sign-in details go to the organisation's contact by a one-time link.",
        body=NewTenant,
    )

    @router.get(
        "/customers/{customer_id}/tenants",
        responses=problems(404),
        openapi_extra=TENANT_LIST.documented,
        operation_id="list_tenants",
        response_model=ListOf[Tenant],
    )
    async def list_tenants(customer_id: str, request: Request, read: ResellerReading) -> Response:
        """The tenants of an organisation."""
        await row_of(read, CUSTOMERS, customer_id, "customer")
        return await answer_screen(request, read, TENANTS, TENANT_LIST, customer_id=customer_id)

    @router.post("/tenants/{tenant_id}/link", responses=problems(404, 409), operation_id="link_tenant")
    async def link_tenant(
        tenant_id: str,
        body: TenantLink,
        scope: ResellerScope,
        command: AnyCommand,
        caller: UseCaller,
        parts: UseParts,
        response: Response,
    ) -> TenantLinked:
        """Give a discovered tenant to an organisation: open items move, issued lines stay where they were issued."""
        path, given = f"/tenants/{tenant_id}/link", body.model_dump(mode="json")
        linked: dict[str, Any] = await parts.owners.command(OWNER, path, caller, command, given)
        response.headers["Consistency-Token"] = to_token({tenant_id: linked["version"]})
        return TenantLinked(tenant_id=tenant_id, customer_id=linked["customer_id"])


def _add_own_tenants(router: APIRouter, surface: Surface) -> None:
    reads = Depends(surface.reading)

    @router.get(
        "/tenants",
        responses=problems(),
        openapi_extra=TENANT_LIST.documented,
        operation_id="list_tenants",
        response_model=ListOf[Tenant],
    )
    async def list_tenants(request: Request, read: Reading = reads) -> Response:
        """The organisation's tenants."""
        return await answer_screen(request, read, TENANTS, TENANT_LIST)

    add_command(
        router,
        surface,
        "/tenants",
        owner=OWNER,
        owner_path="/customers/{own_customer}/tenants",
        operation_id="create_tenant",
        description="Make a tenant at Microsoft for one's own organisation.",
        body=NewTenant,
    )
