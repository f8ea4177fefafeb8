"""Historic edits of a subscription's sales price (R5.4): their effect before saving, the command, and what was edited why."""

from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from csp_gateway.adapters.screens import SUBSCRIPTIONS
from csp_gateway.domain import money
from csp_gateway.models.base import ListOf
from csp_gateway.models.price_edits import NewPriceEdit, PriceEdit, PriceEdited, PriceEditPreview
from csp_gateway.surfaces import standard
from csp_gateway.surfaces.common import Reading, ResellerReading, Surface, UseCaller, row_of
from csp_gateway.surfaces.documented import WAITS, problems
from csp_gateway.surfaces.listing import Listing
from csp_gateway.surfaces.lists import answer_whole
from csp_runtime.consistency import to_token
from csp_runtime.http import AnyCommand

_PATH = "/subscriptions/{subscription_id}/price-edits"
LIST = Listing(model=PriceEdit, is_compared_here=True)


def routes(surface: Surface) -> APIRouter:
    """What changed and why, for both surfaces; changing it, for the reseller's alone."""
    router = APIRouter(tags=["orders and subscriptions"])
    reads = Depends(surface.reading)

    @router.get(
        _PATH,
        responses=problems(404),
        operation_id="list_price_edits",
        openapi_extra=LIST.documented,
        response_model=ListOf[PriceEdit],
    )
    async def edits(
        subscription_id: str, request: Request, caller: UseCaller, read: Reading = reads
    ) -> Response:
        """Who set the sales price of which service days, when and why, oldest first. Locked prices of the lists are no edits."""
        await row_of(read, SUBSCRIPTIONS, subscription_id, "subscription")
        rows = await read.parts.owners.get("pricing", f"/subscriptions/{subscription_id}/price-edits", caller)
        return answer_whole(
            request,
            read.parts,
            LIST,
            [_shown(surface, subscription_id, row) for row in rows],
            lambda row: str(row["id"]),
        )

    if surface.with_cost:
        _add_edit(router)
    return router


def _add_edit(router: APIRouter) -> None:
    @router.post(
        f"{_PATH}/preview", responses=problems(404), operation_id="preview_price_edit", openapi_extra=WAITS
    )
    async def preview(
        subscription_id: str, body: NewPriceEdit, caller: UseCaller, read: ResellerReading
    ) -> PriceEditPreview:
        """What the edit would post in reports that are not issued yet; nothing is saved. Refused as the edit itself would be."""
        await row_of(read, SUBSCRIPTIONS, subscription_id, "subscription")
        owners = read.parts.owners
        path = f"/subscriptions/{subscription_id}/price-edit-checks"
        checked = await owners.ask("pricing", path, caller, body.model_dump(mode="json"))
        edit = {name: checked[name] for name in ("from_on", "until_on", "currency", "unit_price_micro")}
        what_if = {"subscription_id": subscription_id, "price_edit": edit}
        effect = await owners.ask("billing", "/what-ifs", caller, what_if)
        return PriceEditPreview.model_validate(
            {
                **edit,
                "unit_price": money(checked["unit_price_micro"], checked["currency"]),
                "previous_unit_price": money(checked["previous_unit_price_micro"], checked["currency"]),
                **effect,
            }
        )

    @router.post(_PATH, status_code=201, responses=problems(400, 404), operation_id="edit_price")
    async def edit(
        subscription_id: str,
        body: NewPriceEdit,
        command: AnyCommand,
        caller: UseCaller,
        read: ResellerReading,
        response: Response,
    ) -> PriceEdited:
        """Set the sales price of service days, also past ones. Issued reports stay; the difference posts in the next open one."""
        await row_of(read, SUBSCRIPTIONS, subscription_id, "subscription")
        made = await read.parts.owners.command(
            "pricing",
            f"/subscriptions/{subscription_id}/price-edits",
            caller,
            command,
            body.model_dump(mode="json"),
        )
        response.headers["Consistency-Token"] = to_token({made["stream"]: made["version"]})
        return PriceEdited(id=made["id"])


def _shown(surface: Surface, subscription_id: str, row: dict[str, Any]) -> dict[str, Any]:
    currency = row["currency"]
    shown = {
        **{name: row[name] for name in PriceEdit.model_fields if name in row},
        "unit_price": money(row["unit_price_micro"], currency),
        "previous_unit_price": money(row["previous_unit_price_micro"], currency),
    }
    return standard.price_edit(surface, shown, subscription_id)
