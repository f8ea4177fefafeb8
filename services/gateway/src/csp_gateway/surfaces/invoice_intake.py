"""How Microsoft's invoices come in: uploaded as a file, or fetched from Partner Center."""

from datetime import date
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response

from csp_gateway.models.invoices import InvoiceFetch, InvoiceUploaded, NewInvoiceFetch
from csp_gateway.surfaces import standard
from csp_gateway.surfaces.answers import answer_document
from csp_gateway.surfaces.changes import add_change
from csp_gateway.surfaces.common import RESELLER, ResellerReading, ResellerScope, UseCaller, UseParts
from csp_gateway.surfaces.documented import ONE, ONE_ASKED, problems
from csp_gateway.surfaces.invoice_imports import OWNER, PATH
from csp_runtime.problems import Problem

_MEDIA = (
    "text/csv",
    "application/json",
    "application/jsonl",
    "application/gzip",
    "application/octet-stream",
)
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The file as it is: CSV, JSON, JSON Lines, each gzipped or not. Its form is told by its columns.",
        "content": {media: {"schema": {"type": "string", "format": "binary"}} for media in _MEDIA},
    }
}


def routes() -> APIRouter:
    """The routes of the reseller's surface."""
    router = APIRouter(tags=["billing"])
    _add_upload(router)
    add_change(
        router,
        RESELLER,
        "/invoice-fetches",
        owner=OWNER,
        operation_id="fetch_invoice",
        description="Fetch an invoice from Partner Center and match it; how far it is, is read at `Location`.",
        status=202,
        failures=(400, 404, 501),
        body=NewInvoiceFetch,
        model=InvoiceFetch,
        show=partial(standard.invoice_fetch, RESELLER),
        headers=lambda found: {"Location": f"/v1/invoice-fetches/{found['id']}", "Retry-After": "5"},
    )

    @router.get(
        "/invoice-fetches/{fetch_id}",
        responses=ONE,
        operation_id="get_invoice_fetch",
        openapi_extra=ONE_ASKED,
        response_model=InvoiceFetch,
    )
    async def fetched(fetch_id: str, request: Request, caller: UseCaller, read: ResellerReading) -> Response:
        """`asked`, `exporting`, `done` with its import, or `failed` with the reason."""
        found = await read.parts.owners.get(OWNER, f"/invoice-fetches/{fetch_id}", caller)
        return answer_document(request, InvoiceFetch, standard.invoice_fetch(RESELLER, found))

    return router


def _add_upload(router: APIRouter) -> None:
    @router.post(
        PATH,
        status_code=201,
        responses=problems(400, 409),
        operation_id="upload_invoice",
        openapi_extra=_BODY,
        response_model=InvoiceUploaded,
    )
    async def upload(
        request: Request,
        scope: ResellerScope,
        caller: UseCaller,
        parts: UseParts,
        response: Response,
        idempotency_key: Annotated[str | None, Header(max_length=255)] = None,
        x_reason: Annotated[str | None, Header(max_length=500)] = None,
        x_ticket: Annotated[str | None, Header(max_length=100)] = None,
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
            OWNER,
            PATH,
            caller,
            request.stream(),
            key=idempotency_key,
            reason=x_reason,
            ticket=x_ticket,
            name=name,
            invoice_id=invoice_id,
            total=total,
            adjustment=adjustment,
            rows=rows,
            from_on=None if from_on is None else from_on.isoformat(),
            until_on=None if until_on is None else until_on.isoformat(),
        )
        found: dict[str, Any] = answer.json()
        response.headers["Location"] = f"/v1{PATH}/{found['id']}"
        return standard.invoice_import(RESELLER, found)
