"""Whole price lists at once: CSV in and out, and margin rules; each can be looked at before it is done."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from csp_gateway.domain import money
from csp_gateway.models.price_imports import MarginRules, PriceListImport, PriceSheetImport
from csp_gateway.surfaces.answers import answer_file
from csp_gateway.surfaces.changes import add_change
from csp_gateway.surfaces.common import RESELLER, IfMatch, ResellerScope, UseCaller, UseParts, version_of
from csp_gateway.surfaces.documented import problems
from csp_gateway.surfaces.price_lists import Whose, customer_of, written
from csp_runtime.consistency import to_token
from csp_runtime.http import AnyCommand
from csp_runtime.problems import invalid

MOST_BYTES = 8_000_000
MOST_SHEET_BYTES = 40_000_000
Coming = Annotated[
    bool, Query(description="A sheet of a month to come: shown, not charged, until it is current")
]
_PATH = "/price-lists/{whose}"
_TAKES_CSV: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The columns of the template; comma or semicolon",
        "content": {"text/csv": {"schema": {"type": "string"}}},
    }
}
_GIVES_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {}}}}


def routes() -> APIRouter:
    """The reseller's routes."""
    router = APIRouter(tags=["catalogue and prices"])
    _add_files(router)
    _add_rules(router)
    _add_sheets(router)
    return router


def _add_files(router: APIRouter) -> None:
    @router.get(
        "/price-list-template",
        responses={**_GIVES_CSV, **problems()},
        operation_id="get_price_list_template",
        response_class=Response,
    )
    async def template(scope: ResellerScope, caller: UseCaller, parts: UseParts) -> Response:
        """The columns that an import reads."""
        return await answer_file(parts, caller, "pricing", "/price-lists/template")

    @router.get(
        f"{_PATH}/export",
        responses={**_GIVES_CSV, **problems(404)},
        operation_id="export_prices",
        response_class=Response,
    )
    async def export(whose: Whose, scope: ResellerScope, caller: UseCaller, parts: UseParts) -> Response:
        """A price list as CSV, newest version of each row; an import of it changes nothing."""
        path = "/price-lists/export"
        return await answer_file(parts, caller, "pricing", path, customer_id=customer_of(whose))

    @router.post(
        f"{_PATH}/imports/preview",
        responses=problems(404),
        operation_id="preview_price_import",
        openapi_extra=_TAKES_CSV,
    )
    async def check(
        whose: Whose, request: Request, scope: ResellerScope, caller: UseCaller, parts: UseParts
    ) -> PriceListImport:
        """What an import would do, line by line; nothing is written."""
        given = {"customer_id": customer_of(whose), "csv": await csv_of(request)}
        return _result(await parts.owners.ask("pricing", "/price-lists/import-checks", caller, given))

    @router.post(
        f"{_PATH}/imports",
        responses=problems(400, 404, 412, 428),
        operation_id="import_prices",
        openapi_extra=_TAKES_CSV,
    )
    async def take(
        whose: Whose,
        request: Request,
        scope: ResellerScope,
        command: AnyCommand,
        caller: UseCaller,
        parts: UseParts,
        response: Response,
        *,
        partial: Annotated[
            bool, Query(description="Lines that break a rule do not hold up the others")
        ] = False,
        if_match: IfMatch = None,
    ) -> PriceListImport:
        """Import a CSV file: all lines or none, unless `partial`. A line that says nothing new makes no version.

        `If-Match` is needed: the ETag of the list, or `*` for whatever it is.
        """
        expected = version_of(if_match, is_needed=True)
        given = {"customer_id": customer_of(whose), "csv": await csv_of(request), "partial": partial}
        done = await parts.owners.command(
            "pricing", "/price-lists/imports", caller, command, given, expected=expected
        )
        response.headers["Consistency-Token"] = to_token(written(done))
        return _result(done)


def _add_rules(router: APIRouter) -> None:
    @router.post(
        f"{_PATH}/margin-rules/preview", responses=problems(404), operation_id="preview_margin_rules"
    )
    async def check(
        whose: Whose, body: MarginRules, scope: ResellerScope, caller: UseCaller, parts: UseParts
    ) -> PriceListImport:
        """The prices that margin rules lead to, each with its formula; nothing is written."""
        given = {"customer_id": customer_of(whose), **body.model_dump(mode="json")}
        return _result(await parts.owners.ask("pricing", "/price-lists/margin-rule-checks", caller, given))

    add_change(
        router,
        RESELLER,
        f"{_PATH}/margin-rules",
        owner="pricing",
        owner_path="/price-lists/margin-rules",
        operation_id="apply_margin_rules",
        description="Write the prices that margin rules lead to as rows from a day on; products without a base price are named. "
        "`If-Match` takes the ETag of the list.",
        failures=(400, 404),
        body=MarginRules,
        give=lambda given, ids: {"customer_id": customer_of(ids["whose"]), **given},
        model=PriceListImport,
        show=_result,
        versions=written,
        if_match="needed",
    )


def _add_sheets(router: APIRouter) -> None:
    @router.post(
        "/price-sheets/preview",
        responses=problems(),
        operation_id="preview_price_sheet",
        openapi_extra=_TAKES_CSV,
    )
    async def check(
        request: Request,
        scope: ResellerScope,
        caller: UseCaller,
        parts: UseParts,
        *,
        coming: Coming = False,
    ) -> PriceSheetImport:
        """What an import of a price sheet would do; nothing is written."""
        given = {"csv": await csv_of(request, MOST_SHEET_BYTES), "preview": coming}
        return PriceSheetImport(**await parts.owners.ask("pricing", "/price-sheet-checks", caller, given))

    @router.post(
        "/price-sheets",
        responses=problems(400),
        operation_id="import_price_sheet",
        openapi_extra=_TAKES_CSV,
    )
    async def take(
        request: Request,
        scope: ResellerScope,
        command: AnyCommand,
        caller: UseCaller,
        parts: UseParts,
        *,
        coming: Coming = False,
    ) -> PriceSheetImport:
        """Take costs from a price sheet with Microsoft's columns, of any market and currency, or with those of the template: all rows or none."""
        given = {"csv": await csv_of(request, MOST_SHEET_BYTES), "preview": coming}
        return PriceSheetImport(
            **await parts.owners.command("pricing", "/price-sheets", caller, command, given)
        )


async def csv_of(request: Request, most: int = MOST_BYTES) -> str:
    """The body as text; 422 where it is too long or not UTF-8."""
    body = await request.body()
    if len(body) > most:
        raise invalid("csv", "size", f"must have at most {most} bytes")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise invalid("csv", "encoding", "must be UTF-8 text") from None


def _result(done: dict[str, Any]) -> PriceListImport:
    rows = [
        {
            **{name: row[name] for name in ("line", "result", "formula", "note", "faults")},
            "rule_id": row["row_id"],
            "unit_price": _money(row, "unit_price_micro"),
            "previous_unit_price": _money(row, "previous_unit_price_micro"),
        }
        for row in done["rows"]
    ]
    return PriceListImport.model_validate(
        {**done["counts"], "rows": rows, "without_base": done.get("without_base", [])}
    )


def _money(row: dict[str, Any], name: str) -> dict[str, str] | None:
    return None if row["currency"] is None else money(row[name], row["currency"])
