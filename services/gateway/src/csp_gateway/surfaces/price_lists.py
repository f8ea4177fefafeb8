"""The reseller's price lists: the global one, and a customer's own."""

from typing import Any

from fastapi import APIRouter, Request, Response

from csp_gateway.adapters.owners import Caller
from csp_gateway.adapters.paging import cursor_of, key_of
from csp_gateway.domain import money
from csp_gateway.models import ListOf, PriceListChanged, PriceRules, PriceRuleView
from csp_gateway.surfaces.common import (
    Parts,
    ResellerScope,
    UseCaller,
    UseParts,
    answer_list,
    as_json,
    problems,
)
from csp_gateway.surfaces.listing import Listing
from csp_runtime.consistency import to_token
from csp_runtime.http import AnyCommand

RULES = Listing()
_RULE = tuple(name for name in PriceRuleView.model_fields if name not in ("id", "unit_price"))


def routes() -> APIRouter:
    """The reseller's routes; a customer sees no price list, only its prices."""
    router = APIRouter(tags=["catalogue and prices"])

    @router.post("/price-lists/global/rules", responses=problems(400), operation_id="set_global_prices")
    async def set_global(
        body: PriceRules,
        scope: ResellerScope,
        command: AnyCommand,
        caller: UseCaller,
        parts: UseParts,
        response: Response,
    ) -> PriceListChanged:
        """Set prices for all customers."""
        return await _set_prices(parts, caller, command, None, body, response)

    @router.post(
        "/customers/{customer_id}/price-rules",
        responses=problems(400, 404),
        operation_id="set_customer_prices",
    )
    async def set_customer(
        customer_id: str,
        body: PriceRules,
        scope: ResellerScope,
        command: AnyCommand,
        caller: UseCaller,
        parts: UseParts,
        response: Response,
    ) -> PriceListChanged:
        """Set prices for one customer; they win over the global ones."""
        return await _set_prices(parts, caller, command, customer_id, body, response)

    @router.get(
        "/price-lists/global/rules",
        responses=problems(),
        openapi_extra=RULES.documented,
        operation_id="list_global_prices",
        response_model=ListOf[PriceRuleView],
    )
    async def global_rules(
        request: Request, scope: ResellerScope, caller: UseCaller, parts: UseParts
    ) -> Response:
        """The global price list, newest version of each row."""
        return await _rules(request, parts, caller, None)

    @router.get(
        "/customers/{customer_id}/price-rules",
        responses=problems(404),
        openapi_extra=RULES.documented,
        operation_id="list_customer_prices",
        response_model=ListOf[PriceRuleView],
    )
    async def customer_rules(
        customer_id: str, request: Request, scope: ResellerScope, caller: UseCaller, parts: UseParts
    ) -> Response:
        """A customer's own prices."""
        return await _rules(request, parts, caller, customer_id)

    return router


async def _set_prices(
    parts: Parts,
    caller: Caller,
    command: AnyCommand,
    customer_id: str | None,
    body: PriceRules,
    response: Response,
) -> PriceListChanged:
    rows = [rule.model_dump(mode="json") for rule in body.rules]
    changed = await parts.owners.command(
        "pricing", "/price-rows", caller, command, {"customer_id": customer_id, "rows": rows}
    )
    response.headers["Consistency-Token"] = to_token({changed["id"]: changed["version"]})
    return PriceListChanged(id=changed["id"], version=changed["version"], rules=changed["rows"])


async def _rules(request: Request, parts: Parts, caller: Caller, customer_id: str | None) -> Response:
    page, filters = RULES.asked(request).page, {"customer_id": customer_id}
    after = key_of(page.after, filters)
    rows = await parts.owners.get(
        "pricing",
        "/price-rows",
        caller,
        customer_id=customer_id,
        after=None if after is None else after[0],
        limit=page.size + 1,
    )
    cursor = None
    if len(rows) > page.size:
        rows = rows[: page.size]
        cursor = cursor_of([rows[-1]["row_id"]], filters)
    return answer_list(request, parts, page, [as_json(_rule(row)) for row in rows], cursor)


def _rule(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["row_id"],
        **{name: row[name] for name in _RULE},
        "unit_price": money(row["unit_price_micro"], row["currency"]),
    }
