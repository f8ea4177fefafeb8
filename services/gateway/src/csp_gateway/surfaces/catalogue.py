"""Catalogue and quotes: pricing's answers, with cost and margin on the reseller's surface only."""

from typing import Any, Literal

from fastapi import APIRouter, Depends, Request, Response

from csp_gateway.domain import money
from csp_gateway.models.base import ListOf
from csp_gateway.models.catalogue import (
    CatalogueProduct,
    NewQuote,
    Quote,
    ResellerNewQuote,
    ResellerProduct,
    ResellerQuote,
)
from csp_gateway.surfaces.common import Surface, UseCaller, UseParts
from csp_gateway.surfaces.documented import problems
from csp_gateway.surfaces.filters import CYCLES, equal, perspective
from csp_gateway.surfaces.listing import Listing
from csp_gateway.surfaces.lists import answer_owned, answer_whole
from csp_runtime.scope import Scope

Step = Literal["category", "term", "charge_cycle", "product_group"]
_STEPS = (equal("category"), equal("term", choices=CYCLES), equal("charge_cycle", choices=CYCLES))
_FILTERS = (*_STEPS, equal("product_group"), equal("product", longest=100))
CHOICES = Listing(_STEPS)
_PRODUCT = tuple(name for name in CatalogueProduct.model_fields if name not in ("price", "price_reason"))
_QUOTED = (
    "product",
    "term",
    "charge_cycle",
    "quantity",
    "minimum_quantity",
    "maximum_quantity",
    "is_addon",
    "prerequisites",
    "segment",
    "expires_at",
)
NO_PRICE, NO_COST = "not_in_a_price_list", "not_in_a_price_sheet"


def routes(surface: Surface) -> APIRouter:
    """What can be bought, and for how much."""
    router = APIRouter(tags=["catalogue and prices" if surface.with_cost else "catalogue"])
    scoped = Depends(surface.who)
    model = ResellerProduct if surface.with_cost else CatalogueProduct
    wish = ResellerNewQuote if surface.with_cost else NewQuote
    view = reseller_product if surface.with_cost else catalogue_product
    native = (*_FILTERS, perspective("customer_id")) if surface.with_cost else _FILTERS
    products = Listing(native, model=model, is_compared_here=True)

    @router.get(
        "/products",
        responses=problems(404),
        openapi_extra=products.documented,
        operation_id="list_products",
        response_model=ListOf[model],  # type: ignore[valid-type]  # one of the two models
    )
    async def list_products(
        request: Request, caller: UseCaller, parts: UseParts, scope: Scope = scoped
    ) -> Response:
        """What can be bought, with the price of one seat and charge cycle; a customer's own price wins over the global one."""
        return await answer_owned(request, parts, caller, products, "pricing", "/products", show=view)

    @router.get(
        "/catalogue/{step}",
        responses=problems(),
        openapi_extra=CHOICES.documented,
        operation_id="list_catalogue_choices",
        response_model=ListOf[str],
    )
    async def choices(
        step: Step, request: Request, caller: UseCaller, parts: UseParts, scope: Scope = scoped
    ) -> Response:
        """One step of the guided choice: category, then term and charge cycle, then product group."""
        filters = CHOICES.asked(request).filters
        found: list[str] = await parts.owners.get("pricing", f"/choices/{step}", caller, **filters)
        return answer_whole(request, parts, CHOICES, found, str)

    @router.post(
        "/quotes",
        status_code=201,
        responses=problems(404),
        operation_id="create_quote",
        response_model=ResellerQuote if surface.with_cost else Quote,
    )
    async def quote(
        body: wish,  # type: ignore[valid-type]  # one of the two models
        caller: UseCaller,
        parts: UseParts,
        scope: Scope = scoped,
    ) -> dict[str, Any]:
        """A price that holds for 15 minutes."""
        given: dict[str, Any] = body.model_dump()  # type: ignore[attr-defined]  # either model has it
        asked = {**given, "customer_id": scope.customer or given.get("customer_id")}
        body = await parts.owners.ask("pricing", "/quotes", caller, asked)
        return reseller_quote(body) if surface.with_cost else quote_view(body)

    return router


def catalogue_product(row: dict[str, Any]) -> dict[str, Any]:
    """A product as a customer sees it."""
    return {
        **{name: row[name] for name in _PRODUCT},
        "price": money(row["unit_price_micro"], row["currency"]),
        "price_reason": None if row["unit_price_micro"] is not None else NO_PRICE,
    }


def reseller_product(row: dict[str, Any]) -> dict[str, Any]:
    """A product as the reseller sees it."""
    return {
        **catalogue_product(row),
        "cost": money(row["unit_cost_micro"], row["currency"]),
        "cost_reason": None if row["unit_cost_micro"] is not None else NO_COST,
        "margin": money(row["margin_micro"], row["currency"]),
        "margin_percent": row["margin_percent"],
    }


def quote_view(body: dict[str, Any]) -> dict[str, Any]:
    """A quote, with the price of all seats."""
    unit, quantity, most = body["unit_price_micro"], body["quantity"], body["maximum_quantity"]
    return {
        **{name: body[name] for name in _QUOTED},
        "id": body["quote_id"],
        "title": body["product_title"],
        "unit_price": money(unit, body["currency"]),
        "price_reason": None if unit is not None else NO_PRICE,
        "total": money(None if unit is None else unit * quantity, body["currency"]),
        "quantity_fits": body["minimum_quantity"] <= quantity and (most is None or quantity <= most),
    }


def reseller_quote(body: dict[str, Any]) -> dict[str, Any]:
    """A quote with cost and margin of all seats."""
    cost, margin, quantity = body["unit_cost_micro"], body["margin_micro"], body["quantity"]
    return {
        **quote_view(body),
        "unit_cost": money(cost, body["currency"]),
        "cost_reason": None if cost is not None else NO_COST,
        "total_cost": money(None if cost is None else cost * quantity, body["currency"]),
        "margin": money(None if margin is None else margin * quantity, body["currency"]),
        "margin_percent": body["margin_percent"],
    }
