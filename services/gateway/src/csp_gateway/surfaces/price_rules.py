"""The rows of price lists, with all their versions."""

from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response

from csp_gateway.adapters.owners import Caller
from csp_gateway.domain import etag, money
from csp_gateway.models.base import ListOf, Resource
from csp_gateway.models.price_lists import PriceRuleVersions, PriceRuleView
from csp_gateway.surfaces import standard
from csp_gateway.surfaces.answers import answer_document
from csp_gateway.surfaces.common import RESELLER, Parts, ResellerReading, UseCaller
from csp_gateway.surfaces.documented import ONE, ONE_ASKED, problems
from csp_gateway.surfaces.filters import CYCLES, equal, perspective_day
from csp_gateway.surfaces.listing import Listing
from csp_gateway.surfaces.lists import answer_owned
from csp_gateway.surfaces.price_lists import GLOBAL, OWNER, Whose, customer_of

LIST = Listing(
    (
        equal("product", longest=100),
        equal("term", choices=CYCLES),
        equal("charge_cycle", choices=CYCLES),
        equal("segment", longest=50),
        equal("currency", longest=3),
        equal("preview", choices=("true", "false")),
        perspective_day("valid_on"),
    ),
    model=PriceRuleView,
    is_compared_here=True,
)
_RULE = tuple(
    name
    for name in PriceRuleView.model_fields
    if name not in ("unit_price", *Resource.model_fields) or name == "version"
)


def routes() -> APIRouter:
    """The reseller's routes."""
    router = APIRouter(tags=["catalogue and prices"])

    @router.get(
        "/price-lists/{whose}/rules",
        responses=problems(404),
        openapi_extra=LIST.documented,
        operation_id="list_prices",
        response_model=ListOf[PriceRuleView],
    )
    async def rules(whose: Whose, request: Request, caller: UseCaller, read: ResellerReading) -> Response:
        """A price list, newest version of each row; `valid_on` a day asks for those that hold then."""
        return await _rules(request, read.parts, caller, customer_of(whose))

    @router.get(
        "/customers/{customer_id}/price-rules",
        responses=problems(404),
        openapi_extra=LIST.documented,
        operation_id="list_customer_prices",
        response_model=ListOf[PriceRuleView],
    )
    async def customer_rules(
        customer_id: str, request: Request, caller: UseCaller, read: ResellerReading
    ) -> Response:
        """A customer's own prices."""
        return await _rules(request, read.parts, caller, customer_id)

    @router.get(
        "/price-lists/{whose}/rules/{rule_id}",
        responses=ONE,
        operation_id="get_price",
        openapi_extra=ONE_ASKED,
        response_model=PriceRuleVersions,
    )
    async def rule(
        whose: Whose, rule_id: str, request: Request, caller: UseCaller, read: ResellerReading
    ) -> Response:
        """A row with all its versions: who made each, when and why."""
        row = await read.parts.owners.get(
            OWNER, "/price-row", caller, row_id=rule_id, customer_id=customer_of(whose)
        )
        versions = [
            {**_rule(each, whose), **{name: each[name] for name in ("made_at", "actor", "reason")}}
            for each in row["versions"]
        ]
        tag = etag({"version": row["list_version"], "revision": row["version"]})
        return answer_document(request, PriceRuleVersions, {**_rule(row, whose), "versions": versions}, tag)

    return router


async def _rules(request: Request, parts: Parts, caller: Caller, customer_id: str | None) -> Response:
    return await answer_owned(
        request,
        parts,
        caller,
        LIST,
        OWNER,
        "/price-rows",
        show=partial(_rule, whose=customer_id or GLOBAL),
        key="row_id",
        customer_id=customer_id,
    )


def _rule(row: dict[str, Any], whose: str) -> dict[str, Any]:
    shown = {
        "id": row["row_id"],
        **{name: row[name] for name in _RULE},
        "unit_price": money(row["unit_price_micro"], row["currency"]),
    }
    return standard.price_rule(RESELLER, shown, whose)
