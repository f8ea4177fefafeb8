"""Tenants, on both surfaces."""

from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from csp_gateway.adapters.asking import SortKey
from csp_gateway.adapters.screens import CUSTOMERS, TENANTS
from csp_gateway.models.base import CountedListOf
from csp_gateway.models.tenants import (
    DomainAnswer,
    DomainCheck,
    NewTenant,
    Tenant,
    TenantLink,
    TenantLinked,
    TenantsAndCustomers,
)
from csp_gateway.surfaces.answers import answer_row
from csp_gateway.surfaces.commands import add_command
from csp_gateway.surfaces.common import (
    Reading,
    ResellerReading,
    ResellerScope,
    Surface,
    UseCaller,
    UseParts,
    row_of,
)
from csp_gateway.surfaces.documented import ONE, ONE_ASKED, problems
from csp_gateway.surfaces.filters import Filter, day, moment, number, searched, text
from csp_gateway.surfaces.listing import TOTAL_ESTIMATE, Listing, Sorts
from csp_gateway.surfaces.lists import answer_screen
from csp_runtime.consistency import to_token
from csp_runtime.http import AnyCommand
from csp_runtime.scope import Scope

OWNER = "provisioning"
_FILTERS: tuple[Filter, ...] = (
    text("id", column="tenant_id"),
    number("version"),
    day("agreement_accepted_on"),
    text("status"),
    searched("domain"),
    searched("company_name"),
    text("country"),
    text("origin"),
    text("microsoft_tenant_id"),
    moment("created_at"),
    moment("updated_at"),
)
_SORTS: Sorts = {
    "domain": SortKey("domain", "text"),
    "company_name": SortKey("company_name", "text"),
    "created_at": SortKey("created_at", "timestamptz"),
    "updated_at": SortKey("updated_at", "timestamptz"),
}
LIST = Listing(_FILTERS, sorts=_SORTS, includes=(TOTAL_ESTIMATE,), model=Tenant, goes_back=True)
ALL = Listing(
    (text("customer_id"), *_FILTERS),
    sorts=_SORTS,
    includes=(TOTAL_ESTIMATE, "customer"),
    model=Tenant,
    goes_back=True,
)
_INCLUDED = {"customer": ("customer_id", CUSTOMERS)}


def routes(surface: Surface) -> APIRouter:
    """The routes of one surface."""
    router = APIRouter(tags=["customers and tenants" if surface.with_cost else "tenants"])
    scoped, reads = Depends(surface.who), Depends(surface.reading)
    if surface.with_cost:
        _add_those_of_organisations(router, surface)
    else:
        _add_own(router, surface)

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


def _add_those_of_organisations(router: APIRouter, surface: Surface) -> None:
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
        openapi_extra=LIST.documented,
        operation_id="list_tenants",
        response_model=CountedListOf[Tenant],
    )
    async def list_tenants(customer_id: str, request: Request, read: ResellerReading) -> Response:
        """The tenants of an organisation."""
        await row_of(read, CUSTOMERS, customer_id, "customer")
        return await answer_screen(request, read, TENANTS, LIST, customer_id=customer_id)

    @router.get(
        "/tenants",
        responses=problems(),
        openapi_extra=ALL.documented,
        operation_id="list_all_tenants",
        response_model=TenantsAndCustomers,
    )
    async def list_all(request: Request, read: ResellerReading) -> Response:
        """The tenants of all organisations; with `include=customer` whose they are."""
        return await answer_screen(request, read, TENANTS, ALL, _INCLUDED)

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


def _add_own(router: APIRouter, surface: Surface) -> None:
    reads = Depends(surface.reading)

    @router.get(
        "/tenants",
        responses=problems(),
        openapi_extra=LIST.documented,
        operation_id="list_tenants",
        response_model=CountedListOf[Tenant],
    )
    async def list_tenants(request: Request, read: Reading = reads) -> Response:
        """The organisation's tenants."""
        return await answer_screen(request, read, TENANTS, LIST)

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
