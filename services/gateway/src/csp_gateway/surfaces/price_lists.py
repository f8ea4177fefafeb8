"""The reseller's price lists: the global one, and a customer's own. Rows are never changed: each change is a new version."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from csp_gateway.domain import etag
from csp_gateway.models.base import ListOf
from csp_gateway.models.price_lists import PriceList, PriceListChanged, PriceRowEnd, PriceRules
from csp_gateway.surfaces import standard
from csp_gateway.surfaces.answers import answer_document
from csp_gateway.surfaces.changes import add_change
from csp_gateway.surfaces.common import RESELLER, ResellerReading, UseCaller
from csp_gateway.surfaces.documented import ONE, ONE_ASKED, problems
from csp_gateway.surfaces.listing import Listing
from csp_gateway.surfaces.lists import answer_owned

OWNER = "pricing"
GLOBAL = "global"
LIST = Listing(model=PriceList, is_compared_here=True)
Whose = Annotated[str, Path(max_length=100, description="`global`, or the id of a customer whose list it is")]
_TELLS = "`If-Match` takes the ETag that the list, or a row of it, was read with"


def customer_of(whose: str) -> str | None:
    """The customer whose list is meant; None for the global one."""
    return None if whose == GLOBAL else whose


def routes() -> APIRouter:
    """The reseller's routes; a customer sees no price list, only its prices."""
    router = APIRouter(tags=["catalogue and prices"])
    _add_reads(router)
    _add_changes(router)
    return router


def _add_reads(router: APIRouter) -> None:
    @router.get(
        "/price-lists",
        responses=problems(),
        operation_id="list_price_lists",
        openapi_extra=LIST.documented,
        response_model=ListOf[PriceList],
    )
    async def price_lists(request: Request, caller: UseCaller, read: ResellerReading) -> Response:
        """The global list, and those of the customers that have prices of their own."""
        return await answer_owned(request, read.parts, caller, LIST, OWNER, "/price-lists", show=_list)

    @router.get(
        "/price-lists/{whose}",
        responses=ONE,
        operation_id="get_price_list",
        openapi_extra=ONE_ASKED,
        response_model=PriceList,
    )
    async def price_list(
        whose: Whose, request: Request, caller: UseCaller, read: ResellerReading
    ) -> Response:
        """A price list and its version, which changes of it are bound to."""
        found = await read.parts.owners.get(OWNER, "/price-list", caller, customer_id=customer_of(whose))
        return answer_document(request, PriceList, _list(found), etag(found))


def _add_changes(router: APIRouter) -> None:
    add_change(
        router,
        RESELLER,
        "/price-lists/{whose}/rules",
        owner=OWNER,
        owner_path="/price-rows",
        operation_id="set_prices",
        description=f"Set prices for all customers, or for one; a customer's own win. {_TELLS}.",
        failures=(400, 404),
        body=PriceRules,
        give=lambda given, ids: {"customer_id": customer_of(ids["whose"]), "rows": given["rules"]},
        model=PriceListChanged,
        show=_changed,
        versions=written,
        if_match="needed",
    )
    add_change(
        router,
        RESELLER,
        "/customers/{customer_id}/price-rules",
        owner=OWNER,
        owner_path="/price-rows",
        operation_id="set_customer_prices",
        description=f"Set prices for one customer; they win over the global ones. {_TELLS}.",
        failures=(400, 404),
        body=PriceRules,
        give=lambda given, ids: {"customer_id": ids["customer_id"], "rows": given["rules"]},
        model=PriceListChanged,
        show=_changed,
        versions=written,
        if_match="needed",
    )
    add_change(
        router,
        RESELLER,
        "/price-lists/{whose}/rules/{rule_id}/end",
        owner=OWNER,
        owner_path="/price-row-ends",
        operation_id="end_price",
        description="Let a row hold no more from a day on; on its first day it never was. Prices that are locked stay. "
        f"{_TELLS}.",
        failures=(400, 404),
        body=PriceRowEnd,
        give=lambda given, ids: {
            "customer_id": customer_of(ids["whose"]),
            "row_id": ids["rule_id"],
            **given,
        },
        model=PriceListChanged,
        show=_changed,
        versions=written,
        if_match="needed",
    )


def written(changed: dict[str, Any]) -> dict[str, int]:
    """What a read after a change of a list has to wait for."""
    return {changed["id"]: changed["version"]}


def _changed(changed: dict[str, Any]) -> dict[str, Any]:
    return {"id": changed["id"], "version": changed["version"], "rules": changed["rows"]}


def _list(found: dict[str, Any]) -> dict[str, Any]:
    return standard.price_list(RESELLER, {name: found[name] for name in ("id", "customer_id", "version")})
