"""Catalogue, prices and quotes."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from csp_gateway.adapters.owners import Caller
from csp_gateway.adapters.paging import Page, cursor_of, key_of
from csp_gateway.domain import money
from csp_gateway.models import (
    CatalogueProduct,
    Cycle,
    ListOf,
    NewQuote,
    PriceListChanged,
    PriceRules,
    PriceRuleView,
    Quote,
    ResellerNewQuote,
    ResellerProduct,
)
from csp_gateway.surfaces.common import (
    CustomerScope,
    Parts,
    ResellerScope,
    UseCaller,
    UsePage,
    UseParts,
    list_meta,
    problems,
)
from csp_runtime.consistency import to_token
from csp_runtime.http import AnyCommand

Step = Literal["category", "term", "charge_cycle", "product_group"]
Category = Annotated[str | None, Query(alias="filter[category]", max_length=200)]
Group = Annotated[str | None, Query(alias="filter[product_group]", max_length=200)]
Code = Annotated[str | None, Query(alias="filter[product]", max_length=100)]
Term = Annotated[Cycle | None, Query(alias="filter[term]")]
ChargeCycle = Annotated[Cycle | None, Query(alias="filter[charge_cycle]")]


def reseller_routes() -> APIRouter:
    """With cost and margin."""
    router = APIRouter(tags=["catalogue and prices"])

    @router.get("/products", responses=problems(404), operation_id="list_products")
    async def list_products(
        request: Request,
        scope: ResellerScope,
        caller: UseCaller,
        parts: UseParts,
        page: UsePage,
        customer_id: str | None = None,
        category: Category = None,
        term: Term = None,
        charge_cycle: ChargeCycle = None,
        product_group: Group = None,
        product: Code = None,
    ) -> ListOf[ResellerProduct]:
        """What can be bought, with sales price, cost and margin of one seat and charge cycle; for a customer, its own price."""
        filters = {
            "customer_id": customer_id,
            "category": category,
            "term": term,
            "charge_cycle": charge_cycle,
            "product_group": product_group,
            "product": product,
        }
        rows, cursor = await _products(parts, caller, filters, page)
        return ListOf(
            data=[reseller_product(row) for row in rows], meta=list_meta(request, parts, page, cursor)
        )

    @router.get("/catalogue/{step}", responses=problems(), operation_id="list_catalogue_choices")
    async def choices(
        step: Step,
        scope: ResellerScope,
        caller: UseCaller,
        parts: UseParts,
        category: Category = None,
        term: Term = None,
        charge_cycle: ChargeCycle = None,
    ) -> list[str]:
        """One step of the guided choice: category, then term and charge cycle, then product group."""
        return await _choices(parts, caller, step, category, term, charge_cycle)

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

    @router.get("/price-lists/global/rules", responses=problems(), operation_id="list_global_prices")
    async def global_rules(
        request: Request, scope: ResellerScope, caller: UseCaller, parts: UseParts, page: UsePage
    ) -> ListOf[PriceRuleView]:
        """The global price list, newest version of each row."""
        return await _rules(request, parts, caller, None, page)

    @router.get(
        "/customers/{customer_id}/price-rules", responses=problems(404), operation_id="list_customer_prices"
    )
    async def customer_rules(
        customer_id: str,
        request: Request,
        scope: ResellerScope,
        caller: UseCaller,
        parts: UseParts,
        page: UsePage,
    ) -> ListOf[PriceRuleView]:
        """A customer's own prices."""
        return await _rules(request, parts, caller, customer_id, page)

    @router.post("/quotes", status_code=201, responses=problems(404), operation_id="create_quote")
    async def quote(
        body: ResellerNewQuote, scope: ResellerScope, caller: UseCaller, parts: UseParts
    ) -> Quote:
        """A price for a customer that holds for 15 minutes."""
        return quote_view(await parts.owners.ask("pricing", "/quotes", caller, body.model_dump()))

    return router


def customer_routes() -> APIRouter:
    """The customer's own prices, and nothing else."""
    router = APIRouter(tags=["catalogue"])

    @router.get("/products", responses=problems(), operation_id="list_products")
    async def list_products(
        request: Request,
        scope: CustomerScope,
        caller: UseCaller,
        parts: UseParts,
        page: UsePage,
        category: Category = None,
        term: Term = None,
        charge_cycle: ChargeCycle = None,
        product_group: Group = None,
        product: Code = None,
    ) -> ListOf[CatalogueProduct]:
        """What can be bought, with the price of one seat and charge cycle."""
        filters = {
            "category": category,
            "term": term,
            "charge_cycle": charge_cycle,
            "product_group": product_group,
            "product": product,
        }
        rows, cursor = await _products(parts, caller, filters, page)
        return ListOf(
            data=[catalogue_product(row) for row in rows], meta=list_meta(request, parts, page, cursor)
        )

    @router.get("/catalogue/{step}", responses=problems(), operation_id="list_catalogue_choices")
    async def choices(
        step: Step,
        scope: CustomerScope,
        caller: UseCaller,
        parts: UseParts,
        category: Category = None,
        term: Term = None,
        charge_cycle: ChargeCycle = None,
    ) -> list[str]:
        """One step of the guided choice: category, then term and charge cycle, then product group."""
        return await _choices(parts, caller, step, category, term, charge_cycle)

    @router.post("/quotes", status_code=201, responses=problems(404), operation_id="create_quote")
    async def quote(body: NewQuote, scope: CustomerScope, caller: UseCaller, parts: UseParts) -> Quote:
        """A price that holds for 15 minutes."""
        asked = {**body.model_dump(), "customer_id": scope.customer}
        return quote_view(await parts.owners.ask("pricing", "/quotes", caller, asked))

    return router


async def _products(
    parts: Parts, caller: Caller, filters: dict[str, Any], page: Page
) -> tuple[list[dict[str, Any]], str | None]:
    after = key_of(page.after, filters)
    rows = await parts.owners.get(
        "pricing",
        "/products",
        caller,
        **filters,
        after=None if after is None else after[0],
        limit=min(page.size + 1, 500),
    )
    if len(rows) <= page.size:
        return rows, None
    return rows[: page.size], cursor_of([rows[page.size - 1]["cursor"]], filters)


async def _choices(
    parts: Parts,
    caller: Caller,
    step: str,
    category: str | None,
    term: str | None,
    charge_cycle: str | None,
) -> list[str]:
    found: list[str] = await parts.owners.get(
        "pricing", f"/choices/{step}", caller, category=category, term=term, charge_cycle=charge_cycle
    )
    return found


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


async def _rules(
    request: Request, parts: Parts, caller: Caller, customer_id: str | None, page: Page
) -> ListOf[PriceRuleView]:
    filters = {"customer_id": customer_id}
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
    return ListOf(data=[_rule_view(row) for row in rows], meta=list_meta(request, parts, page, cursor))


def _rule_view(row: dict[str, Any]) -> PriceRuleView:
    price = money(row["unit_price_micro"], row["currency"])
    return PriceRuleView.model_validate(
        {
            "id": row["row_id"],
            **{
                name: row[name]
                for name in (
                    "version",
                    "product",
                    "term",
                    "charge_cycle",
                    "segment",
                    "valid_from",
                    "valid_until",
                )
            },
            "unit_price": price,
        }
    )


_PRODUCT = (
    "product",
    "title",
    "product_group",
    "category",
    "commerce",
    "segment",
    "term",
    "charge_cycle",
    "is_addon",
    "is_trial",
    "minimum_quantity",
    "maximum_quantity",
    "prerequisites",
    "price_scope",
)


def catalogue_product(row: dict[str, Any]) -> CatalogueProduct:
    """A product as a customer sees it."""
    return CatalogueProduct.model_validate(
        {**{name: row[name] for name in _PRODUCT}, "price": money(row["unit_price_micro"], row["currency"])}
    )


def reseller_product(row: dict[str, Any]) -> ResellerProduct:
    """A product as the reseller sees it."""
    return ResellerProduct.model_validate(
        {
            **{name: row[name] for name in _PRODUCT},
            "price": money(row["unit_price_micro"], row["currency"]),
            "cost": money(row["unit_cost_micro"], row["currency"]),
            "margin": money(row["margin_micro"], row["currency"]),
            "margin_percent": row["margin_percent"],
        }
    )


def quote_view(body: dict[str, Any]) -> Quote:
    """A quote, with the price of all seats."""
    unit = body["unit_price_micro"]
    return Quote.model_validate(
        {
            "id": body["quote_id"],
            "product": body["product"],
            "title": body["product_title"],
            "term": body["term"],
            "charge_cycle": body["charge_cycle"],
            "quantity": body["quantity"],
            "unit_price": money(unit, body["currency"]),
            "total": money(None if unit is None else unit * body["quantity"], body["currency"]),
            "expires_at": body["expires_at"],
        }
    )
