"""The match with Microsoft's invoices: the reseller uploads them, sees each difference by its reason, decides, signs off."""

from functools import partial

from fastapi import APIRouter, Request, Response

from csp_gateway.models.base import ListOf
from csp_gateway.models.invoices import (
    InvoiceImport,
    InvoiceImportDetail,
    InvoiceMatch,
    NewMatchDecision,
    SignOff,
)
from csp_gateway.surfaces import standard
from csp_gateway.surfaces.answers import answer_document
from csp_gateway.surfaces.changes import add_change
from csp_gateway.surfaces.common import RESELLER, ResellerReading, UseCaller
from csp_gateway.surfaces.documented import ONE, ONE_ASKED, problems
from csp_gateway.surfaces.filters import equal
from csp_gateway.surfaces.listing import Listing
from csp_gateway.surfaces.lists import answer_owned

OWNER = "billing"
PATH = "/invoice-imports"
_ONE = f"{PATH}/{{import_id}}"
_IMPORTS = Listing(model=InvoiceImport, is_compared_here=True)
_MATCHES = Listing(
    (
        equal("reason", longest=60),
        equal("customer_id"),
        equal("subscription_id", longest=100),
        equal("undecided", choices=("true", "false")),
    ),
    model=InvoiceMatch,
    is_compared_here=True,
)


def routes() -> APIRouter:
    """The routes of the reseller's surface; customers see no cost."""
    router = APIRouter(tags=["billing"])
    _add_reads(router)
    _add_changes(router)
    return router


def _add_reads(router: APIRouter) -> None:
    @router.get(
        PATH,
        responses=problems(),
        operation_id="list_invoice_imports",
        openapi_extra=_IMPORTS.documented,
        response_model=ListOf[InvoiceImport],
    )
    async def imports(request: Request, read: ResellerReading, caller: UseCaller) -> Response:
        """Invoices that were taken in, newest first, each with what is still undecided."""
        return await answer_owned(
            request,
            read.parts,
            caller,
            _IMPORTS,
            OWNER,
            PATH,
            show=partial(standard.invoice_import, RESELLER),
            key=("imported_at", "id"),
            behind=("after_at", "after_id"),
        )

    @router.get(
        _ONE,
        responses=ONE,
        operation_id="get_invoice_import",
        openapi_extra=ONE_ASKED,
        response_model=InvoiceImportDetail,
    )
    async def one(import_id: str, request: Request, caller: UseCaller, read: ResellerReading) -> Response:
        """An invoice: its totals, ours, and the whole difference by reason. `matching` until the match is made."""
        found = await read.parts.owners.get(OWNER, f"{PATH}/{import_id}", caller)
        return answer_document(request, InvoiceImportDetail, standard.invoice_import(RESELLER, found))

    @router.get(
        f"{_ONE}/matches",
        responses=problems(404),
        operation_id="list_invoice_matches",
        openapi_extra=_MATCHES.documented,
        response_model=ListOf[InvoiceMatch],
    )
    async def matches(import_id: str, request: Request, read: ResellerReading, caller: UseCaller) -> Response:
        """Rows against our cost lines, each with its reason; filtered by reason, customer, subscription, or what is undecided."""
        path, show = f"{PATH}/{import_id}/matches", partial(standard.invoice_match, RESELLER)
        return await answer_owned(request, read.parts, caller, _MATCHES, OWNER, path, show=show, key="number")


def _add_changes(router: APIRouter) -> None:
    add_change(
        router,
        RESELLER,
        f"{_ONE}/sign-off",
        owner=OWNER,
        operation_id="sign_off_invoice",
        description="Settle an invoice for good, once every difference is explained or decided of.",
        body=SignOff,
        model=InvoiceImportDetail,
        show=partial(standard.invoice_import, RESELLER),
    )
    add_change(
        router,
        RESELLER,
        f"{_ONE}/discard",
        owner=OWNER,
        operation_id="discard_invoice_import",
        description="Take an import back that was a mistake; its invoice can then be imported again.",
        model=InvoiceImportDetail,
        show=partial(standard.invoice_import, RESELLER),
    )
    add_change(
        router,
        RESELLER,
        f"{_ONE}/match",
        owner=OWNER,
        operation_id="match_invoice_again",
        description="Match an invoice once more with what is known now; decisions stay.",
        status=202,
        model=InvoiceImportDetail,
        show=partial(standard.invoice_import, RESELLER),
    )
    add_change(
        router,
        RESELLER,
        "/invoice-matches/{match_id}/decide",
        owner=OWNER,
        operation_id="decide_invoice_match",
        description="Decide of one difference that is not explained; until the sign-off a later decision replaces it.",
        body=NewMatchDecision,
        model=InvoiceMatch,
        show=partial(standard.invoice_match, RESELLER),
    )
