"""The internal HTTP edge: parse, authorise, call, answer. The gateway is its only caller from outside."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from csp_billing.application import BillingUseCases
from csp_billing.closing.use_cases import CloseUseCases
from csp_billing.ports import LinesAsked, PriceEdit
from csp_billing.reports.collapsing import CollapsedPieces, collapsed_lines, lines_of
from csp_billing.reports.csv_export import canonical_rows, csv_rows
from csp_billing.reports.views import detailed, effect_json, json_lines, lines_json, summary
from csp_billing.reports.worksheet import MEDIA_TYPE, workbook
from csp_runtime.consistency import KnownVersions
from csp_runtime.http import AnyCommand, AnyScope, AwaitedVersions
from csp_runtime.problems import Problem, not_found
from csp_runtime.scope import Role, Scope

_MAY_ISSUE = frozenset({Role.RESELLER_ADMIN, Role.RESELLER_BILLING, Role.SERVICE})
STREAMS = ("cus_", "ten_", "sub_", "spr_", "res_")


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WhatIfBody(_Body):
    """A quantity that somebody thinks of."""

    subscription_id: str
    quantity: int = Field(ge=1)


class PriceEditBody(_Body):
    """Another sales price of service days, as pricing has checked it."""

    from_on: date
    until_on: date | None
    currency: str
    unit_price_micro: int = Field(ge=0)


class PriceWhatIfBody(_Body):
    """An edit of the sales price that somebody thinks of."""

    subscription_id: str
    price_edit: PriceEditBody


def routes(use_cases: BillingUseCases, closes: CloseUseCases, known: KnownVersions) -> APIRouter:
    """The routes of this context."""
    router = APIRouter(prefix="/internal/v1")

    async def wait(versions: dict[str, int]) -> None:
        # Only streams that billing reads can ever be known here.
        await known.wait_for({s: v for s, v in versions.items() if s.startswith(STREAMS)})

    @router.get("/reports")
    async def reports(
        scope: AnyScope,
        versions: AwaitedVersions,
        from_on: date | None = None,
        until_on: date | None = None,
        customer_id: str | None = None,
        after: str | None = None,
        size: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> dict[str, Any]:
        await wait(versions)
        found, following = await use_cases.reports(
            scope,
            from_on=from_on,
            until_on=until_on,
            customer_id=scope.customer or customer_id,
            after=after,
            size=size,
        )
        return {"reports": [summary(report) for report in found], "next": following}

    @router.get("/reports/{report_id}")
    async def report(
        report_id: str, scope: AnyScope, versions: AwaitedVersions, as_of: AwareDatetime | None = None
    ) -> dict[str, Any]:
        await wait(versions)
        found = await use_cases.report(scope, report_id, as_of=as_of)
        if await use_cases.collapses_pairs(scope, found):
            found = replace(found, lines=collapsed_lines(found.lines))
        return detailed(found, await use_cases.matched(found, found.lines))

    @router.get("/reports/{report_id}/lines")
    async def lines(
        report_id: str,
        scope: AnyScope,
        versions: AwaitedVersions,
        after: Annotated[int, Query(ge=0)] = 0,
        size: Annotated[int, Query(ge=1, le=500)] = 50,
        kind: str | None = None,
        reason: str | None = None,
        subscription_id: str | None = None,
    ) -> dict[str, Any]:
        await wait(versions)
        asked = LinesAsked(after=after, size=size, kind=kind, reason=reason, subscription_id=subscription_id)
        found, page = await use_cases.lines(scope, report_id, asked)
        return lines_json(
            found, page, asked, await use_cases.matched(found, (shown for _, shown in page.lines))
        )

    @router.get("/reports/{report_id}/export")
    async def export(
        report_id: str,
        scope: AnyScope,
        versions: AwaitedVersions,
        format: Literal["csv", "jsonl", "xlsx", "canonical"] = "csv",  # noqa: A002 - the parameter's public name
    ) -> StreamingResponse:
        await wait(versions)
        body: Iterator[str] | Iterator[bytes]
        if format in {"csv", "canonical"}:
            found, texts = await use_cases.exported_texts(scope, report_id)
            canonical = format == "canonical"
            if canonical:
                body = canonical_rows(texts)
            else:
                taxes = await use_cases.line_taxes(found)
                if await use_cases.collapses_pairs(scope, found):
                    shown = CollapsedPieces(lines_of(texts), taxes)
                    texts, taxes = shown.texts(), shown.taxes
                body = csv_rows(found, texts, taxes)
            media = f"text/{'plain' if canonical else 'csv'}; charset=utf-8"
        else:
            found, pieces = await use_cases.exported(scope, report_id)
            xlsx = format == "xlsx"
            taxes = await use_cases.line_taxes(found)
            if await use_cases.collapses_pairs(scope, found):
                shown = CollapsedPieces(pieces, taxes)
                pieces, taxes = shown, shown.taxes
            body = workbook(found, pieces, taxes) if xlsx else json_lines(found, pieces, taxes)
            media = MEDIA_TYPE if xlsx else "application/jsonl"
        name = f"report-{found.key.until_on.isoformat()}-{found.key.ledger}.{format}"
        return StreamingResponse(
            body, media_type=media, headers={"Content-Disposition": f'attachment; filename="{name}"'}
        )

    @router.post("/reports/{report_id}/issue")
    async def issue(
        report_id: str, scope: AnyScope, command: AnyCommand, versions: AwaitedVersions
    ) -> dict[str, Any]:
        _check_may_issue(scope)
        await wait(versions)
        return await closes.issue(scope, report_id, command)

    @router.post("/reports/{report_id}/hold")
    async def hold(report_id: str, scope: AnyScope, command: AnyCommand) -> dict[str, Any]:
        _check_may_issue(scope)
        return await closes.hold(scope, report_id, command)

    @router.get("/cycles")
    async def cycles(
        scope: AnyScope, before: date | None = None, limit: Annotated[int, Query(ge=1, le=501)] = 50
    ) -> list[dict[str, Any]]:
        _check_reseller(scope)
        return await closes.cycles(scope, before=before, size=limit)

    @router.get("/cycles/{cycle_id}")
    async def cycle(cycle_id: str, scope: AnyScope) -> dict[str, Any]:
        _check_reseller(scope)
        return await closes.cycle(scope, cycle_id)

    @router.post("/cycles/{cycle_id}/close", status_code=202)
    async def close(
        cycle_id: str,
        scope: AnyScope,
        command: AnyCommand,
        versions: AwaitedVersions,
        expected: Annotated[int | None, Header(alias="X-Expected-Version")] = None,
    ) -> dict[str, Any]:
        _check_may_issue(scope)
        await wait(versions)
        return await closes.close(scope, cycle_id, command, expected=expected)

    @router.post("/what-ifs")
    async def what_if(
        body: WhatIfBody | PriceWhatIfBody, scope: AnyScope, versions: AwaitedVersions
    ) -> dict[str, Any]:
        await wait(versions)
        if isinstance(body, PriceWhatIfBody):
            edit = PriceEdit(subscription_id=body.subscription_id, **body.price_edit.model_dump())
            return effect_json(await use_cases.what_if_edited(scope, edit))
        return {"lines": await use_cases.what_if(scope, body.subscription_id, body.quantity)}

    return router


def _check_may_issue(scope: Scope) -> None:
    if not scope.roles & _MAY_ISSUE:
        raise Problem("forbidden", "Your role does not allow to issue reports")


def _check_reseller(scope: Scope) -> None:
    """Report cycles are the reseller's; to a customer they do not exist."""
    if scope.is_customer:
        raise not_found("billing cycle")
