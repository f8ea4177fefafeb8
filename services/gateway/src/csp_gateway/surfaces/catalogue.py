"""Catalogue and quotes: pricing's answers, with cost and margin on the reseller's surface only."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from csp_gateway.adapters.paging import cursor_of, key_of
from csp_gateway.domain import money
from csp_gateway.models.base import Cycle, ListOf
from csp_gateway.models.catalogue import (
    CatalogueProduct,
    NewQuote,
    Quote,
    ResellerNewQuote,
    ResellerProduct,
    ResellerQuote,
)
from csp_gateway.surfaces.common import (
    Surface,
    UseCaller,
    UseParts,
    answer_list,
    as_json,
    problems,
)
from csp_gateway.surfaces.listing import CYCLES, Filter, Listing
from csp_runtime.scope import Scope

Step = Literal["category", "term", "charge_cycle", "product_group"]
_FILTERS = (
    Filter("category"),
    Filter("term", choices=CYCLES),
    Filter("charge_cycle", choices=CYCLES),
    Filter("product_group"),
    Filter("product", longest=100),
)
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
    products = Listing(
        (*_FILTERS, Filter("customer_id", is_perspective=True)) if surface.with_cost else _FILTERS
    )

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
        asked = products.asked(request)
        after = key_of(asked.page.after, asked.filters)
        rows = await parts.owners.get(
            "pricing",
            "/products",
            caller,
            **asked.filters,
            after=None if after is None else after[0],
            limit=asked.page.size + 1,
        )
        cursor = None
        if len(rows) > asked.page.size:
            rows = rows[: asked.page.size]
            cursor = cursor_of([rows[-1]["cursor"]], asked.filters)
        return answer_list(request, parts, asked.page, [as_json(view(row)) for row in rows], cursor)

    @router.get("/catalogue/{step}", responses=problems(), operation_id="list_catalogue_choices")
    async def choices(
        step: Step,
        caller: UseCaller,
        parts: UseParts,
        scope: Scope = scoped,
        category: Annotated[str | None, Query(alias="filter[category]", max_length=200)] = None,
        term: Annotated[Cycle | None, Query(alias="filter[term]")] = None,
        charge_cycle: Annotated[Cycle | None, Query(alias="filter[charge_cycle]")] = None,
    ) -> list[str]:
        """One step of the guided choice: category, then term and charge cycle, then product group."""
        found: list[str] = await parts.owners.get(
            "pricing", f"/choices/{step}", caller, category=category, term=term, charge_cycle=charge_cycle
        )
        return found

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
