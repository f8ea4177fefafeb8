"""The internal HTTP edge: parse, authorise, call, answer. The gateway is its only caller from outside."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from csp_pricing.application import PricingUseCases, WishedRow, as_json
from csp_pricing.price_edit_api import check_may_price
from csp_runtime.http import AnyCommand, AnyScope
from csp_runtime.problems import Problem
from csp_runtime.scope import Scope

Cycle = Literal["P1M", "P1Y", "P3Y"]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RowBody(_Body):
    """A wished row of a price list."""

    product: str = Field(min_length=1, max_length=100)
    term: Cycle
    charge_cycle: Cycle
    unit_price: str = Field(max_length=30)
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    valid_from: date
    valid_until: date | None = None
    segment: str = "commercial"


class RowsBody(_Body):
    """Rows of the global list, or of a customer's."""

    customer_id: str | None = None
    rows: list[RowBody] = Field(min_length=1, max_length=400)


class QuoteBody(_Body):
    """What is to be priced."""

    customer_id: str
    product: str
    term: Cycle
    charge_cycle: Cycle
    quantity: int = Field(ge=1)


def routes(use_cases: PricingUseCases) -> APIRouter:
    """The routes of this context."""
    router = APIRouter(prefix="/internal/v1")

    @router.post("/price-rows")
    async def set_rows(body: RowsBody, scope: AnyScope, command: AnyCommand) -> dict[str, Any]:
        check_may_price(scope)
        wished = [WishedRow(**row.model_dump()) for row in body.rows]
        return await use_cases.set_rows(scope, body.customer_id, wished, command)

    @router.get("/price-rows")
    async def price_rows(
        scope: AnyScope, customer_id: str | None = None, after: str | None = None, limit: int = 100
    ) -> list[dict[str, Any]]:
        _staff(scope)
        rows = await use_cases.price_rows(scope, customer_id, after=after, limit=limit)
        return [
            {
                "row_id": row.row_id,
                "version": row.version,
                "product": row.product,
                "term": row.term,
                "charge_cycle": row.charge_cycle,
                "segment": row.segment,
                "currency": row.currency,
                "valid_from": row.valid_from.isoformat(),
                "valid_until": None if row.valid_until is None else row.valid_until.isoformat(),
                "unit_price_micro": row.unit_price_micro,
            }
            for row in rows
        ]

    @router.get("/products")
    async def products(
        scope: AnyScope,
        customer_id: str | None = None,
        category: str | None = None,
        term: str | None = None,
        charge_cycle: str | None = None,
        product_group: str | None = None,
        product: str | None = None,
        after: str | None = None,
        limit: Annotated[int, Query(ge=1, le=501)] = 100,
    ) -> list[dict[str, Any]]:
        filters = _given(
            category=category,
            term=term,
            charge_cycle=charge_cycle,
            product_group=product_group,
            product=product,
        )
        whose = scope.customer or customer_id
        offers = await use_cases.offered(scope, whose, filters, after=after, limit=limit)
        return [as_json(offer, with_cost=not scope.is_customer) for offer in offers]

    @router.get("/choices/{step}")
    async def choices(
        step: str,
        scope: AnyScope,
        category: str | None = None,
        term: str | None = None,
        charge_cycle: str | None = None,
    ) -> list[str]:
        filters = _given(category=category, term=term, charge_cycle=charge_cycle)
        return await use_cases.choices(scope, step, filters)

    @router.post("/quotes", status_code=201)
    async def quote(body: QuoteBody, scope: AnyScope) -> dict[str, Any]:
        return await use_cases.quote(
            scope,
            body.customer_id,
            product=body.product,
            term=body.term,
            charge_cycle=body.charge_cycle,
            quantity=body.quantity,
        )

    @router.get("/quotes/{quote_id}")
    async def kept_quote(quote_id: str, scope: AnyScope) -> dict[str, Any]:
        return await use_cases.kept_quote(scope, quote_id)

    return router


def _staff(scope: Scope) -> None:
    if scope.is_customer:
        raise Problem("forbidden", "Price lists are the reseller's")


def _given(**filters: str | None) -> dict[str, str]:
    return {name: value for name, value in filters.items() if value is not None}
