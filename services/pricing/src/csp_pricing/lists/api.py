"""The internal routes of sales price lists; a customer's id in the query means its list, none the global one."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query
from fastapi.responses import PlainTextResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from csp_pricing.access import check_may_price
from csp_pricing.domain.margins import Base, MarginRule, Rounding
from csp_pricing.domain.price_csv import template
from csp_pricing.domain.rows import ListedPrice
from csp_pricing.domain.wishes import WishedRow
from csp_pricing.lists.imports import ListImports
from csp_pricing.lists.use_cases import PriceListUseCases
from csp_pricing.ports import Made
from csp_runtime.http import AnyCommand, AnyScope
from csp_runtime.problems import Problem
from csp_runtime.scope import Scope

Cycle = Literal["P1M", "P1Y", "P3Y"]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Expected = Annotated[int | None, Header(alias="X-Expected-Version")]
CSV = "text/csv; charset=utf-8"


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RowBody(_Body):
    """A wished row of a price list."""

    product: str = Field(min_length=1, max_length=100)
    term: Cycle
    charge_cycle: Cycle
    unit_price: str = Field(max_length=30)
    currency: Currency
    valid_from: date
    valid_until: date | None = None
    segment: str = "commercial"
    preview: bool = False


class RowsBody(_Body):
    """Rows of the global list, or of a customer's."""

    customer_id: str | None = None
    rows: list[RowBody] = Field(min_length=1, max_length=400)


class EndBody(_Body):
    """From which day on the row holds no more."""

    customer_id: str | None = None
    row_id: str
    valid_until: date


class CsvBody(_Body):
    """A file."""

    customer_id: str | None = None
    csv: str = Field(max_length=8_000_000)


class CsvImportBody(CsvBody):
    """A file to import; `partial`: lines that break a rule do not hold up the others."""

    partial: bool = False


class RuleBody(_Body):
    """As `MarginRule`."""

    category: str | None = None
    product_group: str | None = None
    product: str | None = None
    term: Cycle | None = None
    charge_cycle: Cycle | None = None
    segment: str | None = None
    base: Base = "cost"
    base_charge_cycle: Cycle | None = None
    add_percent: str = Field("0", max_length=30)
    add_amount: str = Field("0", max_length=30)
    round_to: str = Field("0.01", max_length=30)
    ending: str = Field("0", max_length=30)
    rounding: Rounding = "nearest"


class RulesBody(_Body):
    """Margin rules for a list; of several that match a product the first one counts."""

    customer_id: str | None = None
    currency: Currency
    valid_from: date
    rules: list[RuleBody] = Field(min_length=1, max_length=100)


def price_list_routes(lists: PriceListUseCases, imports: ListImports) -> APIRouter:
    """Rows, files, rules."""
    router = APIRouter(prefix="/internal/v1")
    _add_lists(router, lists)
    _add_rows(router, lists)
    _add_imports(router, imports)
    return router


def _add_lists(router: APIRouter, lists: PriceListUseCases) -> None:
    @router.get("/price-lists")
    async def some(
        scope: AnyScope, after: str | None = None, limit: Annotated[int, Query(ge=1, le=501)] = 100
    ) -> list[dict[str, Any]]:
        _staff(scope)
        return [_list_json(*each) for each in await lists.lists(scope, after=after, limit=limit)]

    @router.get("/price-list")
    async def one(scope: AnyScope, customer_id: str | None = None) -> dict[str, Any]:
        _staff(scope)
        return _list_json(customer_id or "", await lists.version(scope, customer_id))


def _add_rows(router: APIRouter, lists: PriceListUseCases) -> None:
    @router.post("/price-rows")
    async def set_rows(
        body: RowsBody, scope: AnyScope, command: AnyCommand, expected: Expected = None
    ) -> dict[str, Any]:
        check_may_price(scope)
        wished = [WishedRow(**row.model_dump()) for row in body.rows]
        return await lists.set_rows(scope, body.customer_id, wished, command, expected=expected)

    @router.post("/price-row-ends")
    async def end(
        body: EndBody, scope: AnyScope, command: AnyCommand, expected: Expected = None
    ) -> dict[str, Any]:
        check_may_price(scope)
        return await lists.end_row(
            scope, body.customer_id, body.row_id, body.valid_until, command, expected=expected
        )

    @router.get("/price-rows")
    async def price_rows(
        *,
        scope: AnyScope,
        customer_id: str | None = None,
        product: str | None = None,
        term: str | None = None,
        charge_cycle: str | None = None,
        segment: str | None = None,
        currency: str | None = None,
        preview: bool | None = None,
        valid_on: date | None = None,
        after: str | None = None,
        limit: Annotated[int, Query(ge=1, le=501)] = 100,
    ) -> list[dict[str, Any]]:
        _staff(scope)
        filters = {
            "product": product,
            "term": term,
            "charge_cycle": charge_cycle,
            "segment": segment,
            "currency": currency,
            "preview": preview,
            "valid_on": valid_on,
        }
        given = {name: value for name, value in filters.items() if value is not None}
        rows = await lists.page(scope, customer_id, given, after=after, limit=limit)
        return [row_json(row) for row in rows]

    @router.get("/price-row")
    async def price_row(scope: AnyScope, row_id: str, customer_id: str | None = None) -> dict[str, Any]:
        _staff(scope)
        versions = await lists.row(scope, customer_id, row_id)
        return {
            **row_json(versions[-1][0]),
            "list_version": await lists.version(scope, customer_id),
            "versions": [{**row_json(row), **_made(made)} for row, made in versions],
        }


def _add_imports(router: APIRouter, imports: ListImports) -> None:
    @router.get("/price-lists/template")
    async def empty(scope: AnyScope) -> PlainTextResponse:
        _staff(scope)
        return PlainTextResponse(template(), media_type=CSV)

    @router.get("/price-lists/export")
    async def export(scope: AnyScope, customer_id: str | None = None) -> StreamingResponse:
        _staff(scope)
        pieces = await imports.export(scope, customer_id)
        name = f"prices-{customer_id or 'global'}.csv"
        return StreamingResponse(
            pieces, media_type=CSV, headers={"Content-Disposition": f'attachment; filename="{name}"'}
        )

    @router.post("/price-lists/import-checks")
    async def check_csv(body: CsvBody, scope: AnyScope) -> dict[str, Any]:
        check_may_price(scope)
        return await imports.check_csv(scope, body.customer_id, body.csv)

    @router.post("/price-lists/imports")
    async def import_csv(
        body: CsvImportBody, scope: AnyScope, command: AnyCommand, expected: Expected = None
    ) -> dict[str, Any]:
        check_may_price(scope)
        return await imports.import_csv(
            scope, body.customer_id, body.csv, command, partial=body.partial, expected=expected
        )

    @router.post("/price-lists/margin-rule-checks")
    async def check_rules(body: RulesBody, scope: AnyScope) -> dict[str, Any]:
        check_may_price(scope)
        return await imports.check_rules(
            scope, body.customer_id, _rules(body), body.currency, body.valid_from
        )

    @router.post("/price-lists/margin-rules")
    async def apply_rules(
        body: RulesBody, scope: AnyScope, command: AnyCommand, expected: Expected = None
    ) -> dict[str, Any]:
        check_may_price(scope)
        return await imports.apply_rules(
            scope,
            body.customer_id,
            _rules(body),
            body.currency,
            body.valid_from,
            command,
            expected=expected,
        )


def _list_json(whose: str, version: int) -> dict[str, Any]:
    return {"id": whose or "global", "customer_id": whose or None, "version": version, "cursor": whose}


def row_json(row: ListedPrice) -> dict[str, Any]:
    """A version of a row."""
    return {
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
        "preview": row.preview,
        "formula": row.formula,
    }


def _made(made: Made) -> dict[str, Any]:
    return {"made_at": made.at.isoformat(), "actor": made.by, "reason": made.reason}


def _rules(body: RulesBody) -> list[MarginRule]:
    return [MarginRule(**rule.model_dump()) for rule in body.rules]


def _staff(scope: Scope) -> None:
    if scope.is_customer:
        raise Problem("forbidden", "Price lists are the reseller's")
