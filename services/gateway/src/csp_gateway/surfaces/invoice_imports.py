"""The match with Microsoft's invoices: the reseller uploads them, sees each difference by its reason, decides, signs off."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from csp_gateway.adapters.paging import cursor_of, key_of
from csp_gateway.surfaces.common import (
    WAITS,
    ResellerReading,
    ResellerScope,
    UseCaller,
    UseParts,
    answer_list,
    as_json,
    problems,
)
from csp_gateway.surfaces.listing import Filter, Listing
from csp_runtime.http import AnyCommand
from csp_runtime.problems import Problem

_PATH = "/invoice-imports"
_PAGES = Listing()
_MATCHES = Listing(
    (
        Filter("reason", longest=60),
        Filter("customer_id"),
        Filter("subscription_id", longest=100),
        Filter("undecided", choices=("true", "false")),
    )
)
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The file as it is: CSV, JSON, JSON Lines, each gzipped or not. Its form is told by its columns.",
        "content": {
            media: {"schema": {"type": "string", "format": "binary"}}
            for media in (
                "text/csv",
                "application/json",
                "application/jsonl",
                "application/gzip",
                "application/octet-stream",
            )
        },
    }
}


class SignOff(BaseModel):
    """Who answers for the invoice, and what there is to say."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=200)
    note: str = Field("", max_length=2000)


class InvoiceFetch(BaseModel):
    """Which invoice of Microsoft's, and what it has beside its lines."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    invoice_id: str = Field(min_length=1, max_length=100)
    adjustment: str | None = Field(None, pattern=r"^-?\d{1,15}(\.\d{1,4})?$", max_length=30)


class MatchDecision(BaseModel):
    """`accept`: it is as Microsoft says. `dispute`: it is not, and Microsoft was or will be told.

    `adjust`: it is passed on; `adjustment_id` names the adjustment by hand that was granted for it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    decision: Literal["accept", "dispute", "adjust"]
    adjustment_id: str | None = Field(None, max_length=100)
    note: str | None = Field(None, max_length=2000)


def routes() -> APIRouter:
    """The routes of the reseller's surface; customers see no cost."""
    router = APIRouter(tags=["billing"])

    @router.post(
        _PATH,
        status_code=201,
        responses=problems(400, 409),
        operation_id="upload_invoice",
        openapi_extra=_BODY,
    )
    async def upload(
        request: Request,
        scope: ResellerScope,
        caller: UseCaller,
        parts: UseParts,
        response: Response,
        idempotency_key: Annotated[str | None, Header(max_length=255)] = None,
        x_reason: Annotated[str | None, Header(max_length=500)] = None,
        name: Annotated[str, Query(max_length=200, description="What to call the file")] = "upload",
        invoice_id: Annotated[
            str | None, Query(max_length=100, description="Microsoft's invoice, where the rows do not say it")
        ] = None,
        total: Annotated[
            str | None,
            Query(max_length=30, description="The invoice's total with tax: the rows must add up to it"),
        ] = None,
        adjustment: Annotated[
            str | None,
            Query(max_length=30, description="What the invoice has beside its lines, for example -12.50"),
        ] = None,
        rows: Annotated[int | None, Query(ge=0, description="How many rows there must be")] = None,
        from_on: Annotated[date | None, Query(alias="from", description="First day that it covers")] = None,
        until_on: Annotated[date | None, Query(alias="until", description="Last day that it covers")] = None,
    ) -> dict[str, Any]:
        """Take a reconciliation file or invoice lines in, whole or not at all; 422 names row, column and rule.

        The same file again is answered with its import. The match begins at once; its progress is read at `Location`.
        """
        if not idempotency_key:
            raise Problem("idempotency-key-missing", "This call needs an Idempotency-Key header")
        answer = await parts.owners.upload(
            "billing",
            _PATH,
            caller,
            request.stream(),
            key=idempotency_key,
            reason=x_reason,
            name=name,
            invoice_id=invoice_id,
            total=total,
            adjustment=adjustment,
            rows=rows,
            from_on=None if from_on is None else from_on.isoformat(),
            until_on=None if until_on is None else until_on.isoformat(),
        )
        found: dict[str, Any] = answer.json()
        response.headers["Location"] = f"/v1{_PATH}/{found['id']}"
        return found

    @router.get(
        _PATH, responses=problems(), operation_id="list_invoice_imports", openapi_extra=_PAGES.documented
    )
    async def imports(request: Request, read: ResellerReading, caller: UseCaller) -> Response:
        """Invoices that were taken in, newest first, each with what is still undecided."""
        page = _PAGES.asked(request).page
        after = key_of(page.after, {})
        rows = await read.parts.owners.get(
            "billing",
            _PATH,
            caller,
            after_at=None if after is None else after[0],
            after_id=None if after is None else after[1],
            limit=page.size + 1,
        )
        cursor = None
        if len(rows) > page.size:
            rows = rows[: page.size]
            cursor = cursor_of([rows[-1]["imported_at"], rows[-1]["id"]], {})
        return answer_list(request, read.parts, page, [as_json(row) for row in rows], cursor)

    @router.get(
        f"{_PATH}/{{import_id}}",
        responses=problems(404),
        operation_id="get_invoice_import",
        openapi_extra=WAITS,
    )
    async def one(import_id: str, caller: UseCaller, read: ResellerReading) -> dict[str, Any]:
        """An invoice: its totals, ours, and the whole difference by reason. `matching` until the match is made."""
        found: dict[str, Any] = await read.parts.owners.get("billing", f"{_PATH}/{import_id}", caller)
        return found

    @router.get(
        f"{_PATH}/{{import_id}}/matches",
        responses=problems(404),
        operation_id="list_invoice_matches",
        openapi_extra=_MATCHES.documented,
    )
    async def matches(import_id: str, request: Request, read: ResellerReading, caller: UseCaller) -> Response:
        """Rows against our cost lines, each with its reason; filtered by reason, customer, subscription, or what is undecided."""
        asked = _MATCHES.asked(request)
        page, filters = asked.page, dict(asked.filters)
        whose = {**filters, "import": import_id}
        after = key_of(page.after, whose)
        rows = await read.parts.owners.get(
            "billing",
            f"{_PATH}/{import_id}/matches",
            caller,
            **filters,
            after=None if after is None else after[0],
            limit=page.size + 1,
        )
        cursor = None
        if len(rows) > page.size:
            rows = rows[: page.size]
            cursor = cursor_of([rows[-1]["number"]], whose)
        return answer_list(request, read.parts, page, [as_json(row) for row in rows], cursor)

    @router.post(
        "/invoice-fetches", status_code=202, responses=problems(400, 404), operation_id="fetch_invoice"
    )
    async def fetch(
        body: InvoiceFetch,
        command: AnyCommand,
        caller: UseCaller,
        parts: UseParts,
        scope: ResellerScope,
        response: Response,
    ) -> dict[str, Any]:
        """Fetch an invoice from Partner Center and match it; how far it is, is read at `Location`."""
        found: dict[str, Any] = await parts.owners.command(
            "billing", "/invoice-fetches", caller, command, body.model_dump()
        )
        response.headers["Location"] = f"/v1/invoice-fetches/{found['id']}"
        response.headers["Retry-After"] = "5"
        return found

    @router.get(
        "/invoice-fetches/{fetch_id}",
        responses=problems(404),
        operation_id="get_invoice_fetch",
        openapi_extra=WAITS,
    )
    async def fetched(fetch_id: str, caller: UseCaller, read: ResellerReading) -> dict[str, Any]:
        """`asked`, `exporting`, `done` with its import, or `failed` with the reason."""
        found: dict[str, Any] = await read.parts.owners.get("billing", f"/invoice-fetches/{fetch_id}", caller)
        return found

    @router.post(
        f"{_PATH}/{{import_id}}/sign-off",
        responses=problems(400, 404, 409),
        operation_id="sign_off_invoice",
    )
    async def sign_off(
        import_id: str,
        body: SignOff,
        command: AnyCommand,
        caller: UseCaller,
        parts: UseParts,
        scope: ResellerScope,
    ) -> dict[str, Any]:
        """Settle an invoice for good, once every difference is explained or decided of."""
        found: dict[str, Any] = await parts.owners.command(
            "billing", f"{_PATH}/{import_id}/sign-off", caller, command, body.model_dump()
        )
        return found

    @router.post(
        f"{_PATH}/{{import_id}}/discard",
        responses=problems(400, 404, 409),
        operation_id="discard_invoice_import",
    )
    async def discard(
        import_id: str, command: AnyCommand, caller: UseCaller, parts: UseParts, scope: ResellerScope
    ) -> dict[str, Any]:
        """Take an import back that was a mistake; its invoice can then be imported again."""
        found: dict[str, Any] = await parts.owners.command(
            "billing", f"{_PATH}/{import_id}/discard", caller, command, {}
        )
        return found

    @router.post(
        f"{_PATH}/{{import_id}}/match",
        status_code=202,
        responses=problems(400, 404, 409),
        operation_id="match_invoice_again",
    )
    async def match_again(
        import_id: str, command: AnyCommand, caller: UseCaller, parts: UseParts, scope: ResellerScope
    ) -> dict[str, Any]:
        """Match an invoice once more with what is known now; decisions stay."""
        found: dict[str, Any] = await parts.owners.command(
            "billing", f"{_PATH}/{import_id}/match", caller, command, {}
        )
        return found

    @router.post(
        "/invoice-matches/{match_id}/decide",
        responses=problems(400, 404, 409),
        operation_id="decide_invoice_match",
    )
    async def decide(
        match_id: str,
        body: MatchDecision,
        command: AnyCommand,
        caller: UseCaller,
        parts: UseParts,
        scope: ResellerScope,
    ) -> dict[str, Any]:
        """Decide of one difference that is not explained; until the sign-off a later decision replaces it."""
        found: dict[str, Any] = await parts.owners.command(
            "billing", f"/invoice-matches/{match_id}/decide", caller, command, body.model_dump()
        )
        return found

    return router
