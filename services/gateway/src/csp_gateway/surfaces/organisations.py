"""Customers and tenants."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from csp_gateway.adapters.screens import Row
from csp_gateway.domain import etag
from csp_gateway.models import (
    Customer,
    CustomerDetail,
    DomainAnswer,
    DomainCheck,
    ListOf,
    NewCustomer,
    NewTenant,
    Operation,
    Secret,
    Tenant,
    TenantLink,
)
from csp_gateway.surfaces.common import (
    CustomerScope,
    Prefer,
    ResellerScope,
    UseCaller,
    UsePage,
    UseParts,
    Waited,
    answer_operation,
    list_meta,
    problems,
)
from csp_runtime.consistency import to_token
from csp_runtime.http import AnyCommand
from csp_runtime.problems import Problem, not_found


def reseller_routes() -> APIRouter:
    """Everything a reseller does with its customers."""
    router = APIRouter(tags=["customers and tenants"])

    @router.post("/customers", status_code=201, responses=problems(400), operation_id="add_customer")
    async def add_customer(
        body: NewCustomer,
        scope: ResellerScope,
        command: AnyCommand,
        caller: UseCaller,
        parts: UseParts,
        response: Response,
    ) -> dict[str, Any]:
        """Add a customer organisation. Every missing or invalid field is named at once."""
        made = await parts.owners.command("provisioning", "/customers", caller, command, body.model_dump())
        response.headers["Consistency-Token"] = to_token({made["id"]: made["version"]})
        response.headers["Location"] = f"/v1/customers/{made['id']}"
        return {"id": made["id"], "version": made["version"]}

    @router.get("/customers", responses=problems(), operation_id="list_customers", dependencies=[Waited])
    async def list_customers(
        request: Request,
        scope: ResellerScope,
        parts: UseParts,
        page: UsePage,
        status: Annotated[str | None, Query(alias="filter[status]")] = None,
    ) -> ListOf[Customer]:
        """Customer organisations by name; `unallocated` ones belong to discovered tenants."""
        rows, cursor = await parts.screens.page(
            scope, "customers", ["name", "customer_id"], {"status": status}, page
        )
        return ListOf(data=[customer_view(row) for row in rows], meta=list_meta(request, parts, page, cursor))

    @router.get(
        "/customers/{customer_id}",
        responses=problems(404),
        operation_id="get_customer",
        dependencies=[Waited],
    )
    async def get_customer(
        customer_id: str, scope: ResellerScope, caller: UseCaller, parts: UseParts, response: Response
    ) -> CustomerDetail:
        """One organisation with its address and contact."""
        row = await parts.screens.one(scope, "customers", "customer_id", customer_id)
        if row is None:
            raise not_found("customer")
        kept = await parts.owners.get("provisioning", f"/customers/{customer_id}", caller)
        response.headers["ETag"] = etag(row)
        return CustomerDetail(
            **customer_view(row).model_dump(), address=kept["address"], contact=kept["contact"]
        )

    @router.post("/domain-checks", responses=problems(), operation_id="check_domain")
    async def check_domain(
        body: DomainCheck, scope: ResellerScope, caller: UseCaller, parts: UseParts
    ) -> DomainAnswer:
        """Whether a `*.onmicrosoft.com` name is free."""
        answer = await parts.owners.ask("provisioning", "/domain-checks", caller, body.model_dump())
        return DomainAnswer(**answer)

    @router.post(
        "/customers/{customer_id}/tenants",
        status_code=202,
        responses={200: {"model": Operation}, **problems(400, 404, 409)},
        operation_id="create_tenant",
    )
    async def create_tenant(
        customer_id: str,
        body: NewTenant,
        scope: ResellerScope,
        command: AnyCommand,
        caller: UseCaller,
        parts: UseParts,
        response: Response,
        prefer: Prefer = None,
    ) -> Operation:
        """Make a tenant at Microsoft; the sign-in details go to the organisation's contact by a one-time link."""
        begun = await parts.owners.command(
            "provisioning", f"/customers/{customer_id}/tenants", caller, command, body.model_dump()
        )
        return await answer_operation(parts, scope, begun, prefer, response, "/v1")

    @router.get(
        "/customers/{customer_id}/tenants",
        responses=problems(404),
        operation_id="list_tenants",
        dependencies=[Waited],
    )
    async def list_tenants(
        customer_id: str, request: Request, scope: ResellerScope, parts: UseParts, page: UsePage
    ) -> ListOf[Tenant]:
        """The tenants of an organisation."""
        if await parts.screens.one(scope, "customers", "customer_id", customer_id) is None:
            raise not_found("customer")
        filters = {"customer_id": customer_id}
        rows, cursor = await parts.screens.page(scope, "tenants", ["domain", "tenant_id"], filters, page)
        return ListOf(data=[tenant_view(row) for row in rows], meta=list_meta(request, parts, page, cursor))

    @router.get(
        "/tenants/{tenant_id}", responses=problems(404), operation_id="get_tenant", dependencies=[Waited]
    )
    async def get_tenant(tenant_id: str, scope: ResellerScope, parts: UseParts, response: Response) -> Tenant:
        """One tenant."""
        row = await parts.screens.one(scope, "tenants", "tenant_id", tenant_id)
        if row is None:
            raise not_found("tenant")
        response.headers["ETag"] = etag(row)
        return tenant_view(row)

    @router.post("/tenants/{tenant_id}/link", responses=problems(400, 404), operation_id="link_tenant")
    async def link_tenant(
        tenant_id: str,
        body: TenantLink,
        scope: ResellerScope,
        command: AnyCommand,
        caller: UseCaller,
        parts: UseParts,
        response: Response,
    ) -> dict[str, Any]:
        """Give a discovered tenant to an organisation: open items move, issued lines stay where they were issued."""
        linked = await parts.owners.command(
            "provisioning", f"/tenants/{tenant_id}/link", caller, command, body.model_dump(mode="json")
        )
        response.headers["Consistency-Token"] = to_token({tenant_id: linked["version"]})
        return {"tenant_id": tenant_id, "customer_id": linked["customer_id"]}

    return router


def customer_routes() -> APIRouter:
    """What a customer sees of itself."""
    router = APIRouter(tags=["tenants"])

    @router.get("/tenants", responses=problems(), operation_id="list_tenants", dependencies=[Waited])
    async def list_tenants(
        request: Request, scope: CustomerScope, parts: UseParts, page: UsePage
    ) -> ListOf[Tenant]:
        """The organisation's tenants."""
        rows, cursor = await parts.screens.page(scope, "tenants", ["domain", "tenant_id"], {}, page)
        return ListOf(data=[tenant_view(row) for row in rows], meta=list_meta(request, parts, page, cursor))

    @router.get(
        "/tenants/{tenant_id}", responses=problems(404), operation_id="get_tenant", dependencies=[Waited]
    )
    async def get_tenant(tenant_id: str, scope: CustomerScope, parts: UseParts, response: Response) -> Tenant:
        """One tenant."""
        row = await parts.screens.one(scope, "tenants", "tenant_id", tenant_id)
        if row is None:
            raise not_found("tenant")
        response.headers["ETag"] = etag(row)
        return tenant_view(row)

    @router.post("/domain-checks", responses=problems(), operation_id="check_domain")
    async def check_domain(
        body: DomainCheck, scope: CustomerScope, caller: UseCaller, parts: UseParts
    ) -> DomainAnswer:
        """Whether a `*.onmicrosoft.com` name is free."""
        answer = await parts.owners.ask("provisioning", "/domain-checks", caller, body.model_dump())
        return DomainAnswer(**answer)

    @router.post(
        "/tenants",
        status_code=202,
        responses={200: {"model": Operation}, **problems(400, 404, 409)},
        operation_id="create_tenant",
    )
    async def create_tenant(
        body: NewTenant,
        scope: CustomerScope,
        command: AnyCommand,
        caller: UseCaller,
        parts: UseParts,
        response: Response,
        prefer: Prefer = None,
    ) -> Operation:
        """Make a tenant at Microsoft for one's own organisation."""
        begun = await parts.owners.command(
            "provisioning", f"/customers/{scope.customer}/tenants", caller, command, body.model_dump()
        )
        return await answer_operation(parts, scope, begun, prefer, response, "/portal/v1")

    return router


def open_routes() -> APIRouter:
    """The one-time link in the mail is its own right: no token is asked for."""
    router = APIRouter(tags=["retrieval"])

    @router.post("/retrieve/{seal_id}", include_in_schema=False)
    async def retrieve(seal_id: str, key: str, parts: UseParts, response: Response) -> Secret:
        response.headers["Cache-Control"] = "no-store"
        # The link does not say whose seal it is: the owner that knows it answers, the others say 404.
        for owner in ("identity-sync", "provisioning"):
            try:
                return Secret(**await parts.owners.redeem(owner, f"/retrievals/{seal_id}", key=key))
            except Problem as problem:
                if problem.status != 404:
                    raise
        raise not_found("retrieval link")

    @router.get("/retrieve/{seal_id}", include_in_schema=False)
    async def retrieve_page(seal_id: str, key: str) -> HTMLResponse:
        """A page with one button: mail scanners that follow links must not use the secret up."""
        del seal_id, key
        return HTMLResponse(
            _RETRIEVE_PAGE, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
        )

    return router


_RETRIEVE_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Your password</title>
<style>body{font:1.1rem system-ui;max-width:34rem;margin:4rem auto;padding:0 1rem}code{font-size:1.4rem}</style>
<h1>Your password</h1><p>It can be seen once. Keep it before you close this page.</p>
<p><button id="show">Show the password</button></p><p><code id="secret"></code></p>
<script>document.getElementById("show").onclick=async()=>{const answer=await fetch(location.href,{method:"POST"});
const body=await answer.json();document.getElementById("secret").textContent=answer.ok?body.secret:body.title;
document.getElementById("show").remove()}</script></html>"""


def customer_view(row: Row) -> Customer:
    """A row of the customers screen."""
    return Customer(
        id=row["customer_id"],
        name=row["name"],
        country=row["country"],
        status=row["status"],
        external_refs=row["external_refs"],
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def tenant_view(row: Row) -> Tenant:
    """A row of the tenants screen."""
    return Tenant(
        id=row["tenant_id"],
        customer_id=row["customer_id"],
        microsoft_tenant_id=row["microsoft_tenant_id"],
        domain=row["domain"],
        company_name=row["company_name"],
        country=row["country"],
        status=row["status"],
        agreement_accepted_on=row["agreement_accepted_on"],
        origin=row["origin"],
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
