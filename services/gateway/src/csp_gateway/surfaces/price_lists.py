"""The reseller's price lists: the global one, and a customer's own. Rows are never changed: each change is a new version."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from csp_gateway.adapters.owners import Caller
from csp_gateway.domain import money
from csp_gateway.models.base import ListOf
from csp_gateway.models.price_lists import (
    PriceListChanged,
    PriceRowEnd,
    PriceRules,
    PriceRuleVersions,
    PriceRuleView,
)
from csp_gateway.surfaces.common import IfMatch, Parts, ResellerScope, UseCaller, UseParts, version_of
from csp_gateway.surfaces.documented import problems
from csp_gateway.surfaces.filters import CYCLES, equal, perspective_day
from csp_gateway.surfaces.listing import Listing
from csp_gateway.surfaces.lists import answer_owned
from csp_runtime.consistency import to_token
from csp_runtime.http import AnyCommand

GLOBAL = "global"
Whose = Annotated[str, Path(max_length=100, description="`global`, or the id of a customer whose list it is")]
RULES = Listing(
    (
        equal("product", longest=100),
        equal("term", choices=CYCLES),
        equal("charge_cycle", choices=CYCLES),
        equal("segment", longest=50),
        equal("currency", longest=3),
        equal("preview", choices=("true", "false")),
        perspective_day("valid_on"),
    )
)
_RULE = tuple(name for name in PriceRuleView.model_fields if name not in ("id", "unit_price"))


def customer_of(whose: str) -> str | None:
    """The customer whose list is meant; None for the global one."""
    return None if whose == GLOBAL else whose


def routes() -> APIRouter:
    """The reseller's routes; a customer sees no price list, only its prices."""
    router = APIRouter(tags=["catalogue and prices"])
    _add_customers_own(router)

    @router.post("/price-lists/{whose}/rules", responses=problems(400, 404, 412), operation_id="set_prices")
    async def set_rules(
        whose: Whose,
        body: PriceRules,
        scope: ResellerScope,
        command: AnyCommand,
        caller: UseCaller,
        parts: UseParts,
        response: Response,
        if_match: IfMatch = None,
    ) -> PriceListChanged:
        """Set prices for all customers, or for one; a customer's own win. `If-Match` takes the ETag that a row was read with."""
        return await _set_prices(parts, caller, command, customer_of(whose), body, response, if_match)

    @router.get(
        "/price-lists/{whose}/rules",
        responses=problems(404),
        openapi_extra=RULES.documented,
        operation_id="list_prices",
        response_model=ListOf[PriceRuleView],
    )
    async def rules(
        whose: Whose, request: Request, scope: ResellerScope, caller: UseCaller, parts: UseParts
    ) -> Response:
        """A price list, newest version of each row; `valid_on` a day asks for those that hold then."""
        return await _rules(request, parts, caller, customer_of(whose))

    @router.get("/price-lists/{whose}/rules/{rule_id}", responses=problems(404), operation_id="get_price")
    async def rule(
        whose: Whose,
        rule_id: str,
        scope: ResellerScope,
        caller: UseCaller,
        parts: UseParts,
        response: Response,
    ) -> PriceRuleVersions:
        """A row with all its versions: who made each, when and why."""
        row = await parts.owners.get(
            "pricing", "/price-row", caller, row_id=rule_id, customer_id=customer_of(whose)
        )
        response.headers["ETag"] = f'"v{row["list_version"]}.{row["version"]}"'
        versions = [
            {**_rule(each), **{name: each[name] for name in ("made_at", "actor", "reason")}}
            for each in row["versions"]
        ]
        return PriceRuleVersions.model_validate({**_rule(row), "versions": versions})

    @router.post(
        "/price-lists/{whose}/rules/{rule_id}/end",
        responses=problems(400, 404, 412),
        operation_id="end_price",
    )
    async def end(
        whose: Whose,
        rule_id: str,
        body: PriceRowEnd,
        scope: ResellerScope,
        command: AnyCommand,
        caller: UseCaller,
        parts: UseParts,
        response: Response,
        if_match: IfMatch = None,
    ) -> PriceListChanged:
        """Let a row hold no more from a day on; on its first day it never was. Prices that are locked stay."""
        given = {"customer_id": customer_of(whose), "row_id": rule_id, **body.model_dump(mode="json")}
        changed = await parts.owners.command(
            "pricing", "/price-row-ends", caller, command, given, expected=version_of(if_match)
        )
        return _changed(changed, response)

    return router


def _add_customers_own(router: APIRouter) -> None:
    @router.post(
        "/customers/{customer_id}/price-rules",
        responses=problems(400, 404, 412),
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
        if_match: IfMatch = None,
    ) -> PriceListChanged:
        """Set prices for one customer; they win over the global ones."""
        return await _set_prices(parts, caller, command, customer_id, body, response, if_match)

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


async def _set_prices(
    parts: Parts,
    caller: Caller,
    command: AnyCommand,
    customer_id: str | None,
    body: PriceRules,
    response: Response,
    if_match: str | None,
) -> PriceListChanged:
    rows = [rule.model_dump(mode="json") for rule in body.rules]
    given = {"customer_id": customer_id, "rows": rows}
    changed = await parts.owners.command(
        "pricing", "/price-rows", caller, command, given, expected=version_of(if_match)
    )
    return _changed(changed, response)


def _changed(changed: dict[str, Any], response: Response) -> PriceListChanged:
    response.headers["Consistency-Token"] = to_token({changed["id"]: changed["version"]})
    return PriceListChanged(id=changed["id"], version=changed["version"], rules=changed["rows"])


async def _rules(request: Request, parts: Parts, caller: Caller, customer_id: str | None) -> Response:
    return await answer_owned(
        request,
        parts,
        caller,
        RULES,
        "pricing",
        "/price-rows",
        show=_rule,
        key="row_id",
        customer_id=customer_id,
    )


def _rule(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["row_id"],
        **{name: row[name] for name in _RULE},
        "unit_price": money(row["unit_price_micro"], row["currency"]),
    }
