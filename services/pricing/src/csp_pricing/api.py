"""The internal HTTP edge: parse, authorise, call, answer. The gateway is its only caller from outside."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from csp_pricing.application import PricingUseCases, as_json
from csp_runtime.http import AnyScope

Cycle = Literal["P1M", "P1Y", "P3Y"]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


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


def _given(**filters: str | None) -> dict[str, str]:
    return {name: value for name, value in filters.items() if value is not None}
