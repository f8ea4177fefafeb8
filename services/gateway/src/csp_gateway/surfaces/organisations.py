"""Customer organisations: the reseller's surface alone has them."""

import msgspec
from fastapi import APIRouter, Request, Response

from csp_gateway.adapters.asking import SortKey
from csp_gateway.adapters.screens import CUSTOMERS
from csp_gateway.models.base import CountedListOf
from csp_gateway.models.labels import LABELS_ARE, Labelled, LabelsPatch
from csp_gateway.models.organisations import Customer, CustomerAdded, CustomerDetail, NewCustomer
from csp_gateway.surfaces.answers import answer_row, as_json
from csp_gateway.surfaces.changes import add_change
from csp_gateway.surfaces.common import RESELLER, ResellerReading, ResellerScope, UseCaller, UseParts, row_of
from csp_gateway.surfaces.documented import ONE, ONE_ASKED, problems
from csp_gateway.surfaces.filters import moment, number, searched, text
from csp_gateway.surfaces.listing import TOTAL_ESTIMATE, Listing
from csp_gateway.surfaces.lists import answer_screen
from csp_runtime.consistency import to_token
from csp_runtime.http import AnyCommand

OWNER = "provisioning"
LIST = Listing(
    (
        text("id", column="customer_id"),
        text("status"),
        searched("name"),
        text("country"),
        text("origin"),
        number("version"),
        moment("created_at"),
        moment("updated_at"),
    ),
    sorts={
        "name": SortKey("name", "text"),
        "country": SortKey("country", "text"),
        "status": SortKey("status", "text"),
        "created_at": SortKey("created_at", "timestamptz"),
        "updated_at": SortKey("updated_at", "timestamptz"),
    },
    includes=(TOTAL_ESTIMATE,),
    model=Customer,
    goes_back=True,
    is_labelled=True,
)


def routes() -> APIRouter:
    """The reseller's routes."""
    router = APIRouter(tags=["customers and tenants"])

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
        openapi_extra=LIST.documented,
        operation_id="list_customers",
        response_model=CountedListOf[Customer],
    )
    async def list_customers(request: Request, read: ResellerReading) -> Response:
        """Customer organisations by name; `unallocated` ones belong to discovered tenants."""
        return await answer_screen(request, read, CUSTOMERS, LIST)

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

    add_change(
        router,
        RESELLER,
        "/customers/{customer_id}",
        method="PATCH",
        owner=OWNER,
        owner_path="/customers/{customer_id}/labels",
        operation_id="label_customer",
        description=LABELS_ARE,
        body=LabelsPatch,
        model=Labelled,
        versions=lambda found: {found["id"]: found["version"]},
        if_match="taken",
    )
    return router
