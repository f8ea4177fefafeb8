"""Invoices, balances and statements (PC 10.2)."""

from decimal import Decimal
from typing import Any

from csp_partner_center_simulator.billing.pdf import statement
from csp_partner_center_simulator.catalogue.prices import currency_symbol
from csp_partner_center_simulator.state.billing import Invoice
from csp_partner_center_simulator.wire.answer import (
    NO_DATE,
    Answer,
    attributes,
    collection,
    day,
    instant,
    link,
)
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import ApiError
from csp_partner_center_simulator.wire.filters import predicate
from csp_partner_center_simulator.wire.paging import by_offset
from csp_partner_center_simulator.wire.router import Rights, Route

PREFIXES = ("recurring-", "onetime-")


def find(call: Call) -> Invoice:
    """Find an invoice of the partner by its id, with or without the prefix that links carry (PC 2.3)."""
    wanted = call.params["invoice"].lower()
    for prefix in PREFIXES:
        wanted = wanted.removeprefix(prefix)
    invoice = call.world.invoices.get(wanted)
    if invoice is None or invoice.partner_id != call.partner.id:
        raise ApiError(404, 1000, f"The invoice {call.params['invoice'][:40]} was not found.")
    return invoice


def invoice_json(call: Call, one: Invoice, *, nested: bool = False) -> dict[str, Any]:
    """Write an invoice; those that replace it are its amendments."""
    provider = "office" if one.kind == "Recurring" else "one_time"
    shown = f"{one.kind}-{one.id}"
    amendments = [
        invoice_json(call, other, nested=True)
        for other in call.world.invoices.by("partner", one.partner_id)
        if other.amends == one.id
    ]
    return {
        "id": one.id,
        "invoiceDate": instant(one.at),
        "billingPeriodStartDate": day(one.period_start),
        "billingPeriodEndDate": day(one.period_end),
        "totalCharges": one.total,
        "paidAmount": one.paid,
        "currencyCode": one.currency,
        "currencySymbol": currency_symbol(one.currency),
        "pdfDownloadLink": f"/invoices/{one.id}/documents/statement",
        "taxReceipts": [_receipt_json(one)] if call.partner.country == "TW" and not nested else None,
        "invoiceDetails": [
            {
                "invoiceLineItemType": "billing_line_items",
                "billingProvider": provider,
                "links": {
                    "self": link(
                        f"/invoices/{shown}/lineitems/{'Office' if one.kind == 'Recurring' else 'OneTime'}/BillingLineItems"
                    )
                },
                "attributes": attributes("InvoiceDetail"),
            }
        ],
        "amendments": None if nested or not amendments else amendments,
        "documentType": one.document_type,
        "amendsOf": one.amends or None,
        "invoiceType": one.kind,
        "state": "paid" if one.paid == one.total else "unpaid",
        "links": {"self": link(f"/invoices/{shown}")},
        "attributes": attributes("Invoice"),
    }


def _receipt_json(one: Invoice) -> dict[str, Any]:
    """Write the tax receipt that invoices of Taiwan have (PC 10.2)."""
    receipt = one.id.lstrip("DG0") or "0"
    link_to = f"/invoices/{one.id}/receipts/{receipt}/documents/statement"
    return {"id": receipt, "taxReceiptPdfDownloadLink": link_to}


def list_invoices(call: Call) -> Answer:
    """List invoices, by size and offset; a filter on InvoiceDate compares days or times as text."""
    test = predicate(
        call.request.param("filter"),
        {"InvoiceDate": lambda one: instant(one.at) or "", "InvoiceType": lambda one: one.kind},
    )
    found = [
        one for one in call.world.invoices.by("partner", call.partner.id) if test(one) and not one.amends
    ]
    return Answer(
        body=by_offset(call.request, found, "/invoices", lambda one: invoice_json(call, one), most=2000)
    )


def get(call: Call) -> Answer:
    """Read one invoice."""
    return Answer(body=invoice_json(call, find(call)))


def _summary(
    call: Call, invoices: list[Invoice], uri: str | None, details: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    dates = sorted(one.at for one in invoices)
    currency = invoices[0].currency if invoices else call.partner.currency
    return {
        "balanceAmount": sum((one.total - one.paid for one in invoices), Decimal(0)),
        "currencyCode": currency,
        "currencySymbol": currency_symbol(currency),
        "accountingDate": instant(call.now),
        "firstInvoiceCreationDate": instant(dates[0]) if dates else NO_DATE,
        "lastPaymentDate": NO_DATE,
        "lastPaymentAmount": Decimal(0),
        "latestInvoiceDate": instant(dates[-1]) if dates else NO_DATE,
        "details": details,
        "links": {"self": link(uri)} if uri else None,
        "attributes": attributes("InvoiceSummary"),
    }


def _counted(call: Call) -> list[Invoice]:
    return [
        one for one in call.world.invoices.by("partner", call.partner.id) if one.document_type != "void_note"
    ]


def summary(call: Call) -> Answer:
    """Give the balance of the partner's currency (the old call)."""
    return Answer(body=_summary(call, _counted(call), "/invoices/summary"))


def summaries(call: Call) -> Answer:
    """Give the balance per currency, with the two invoice types apart."""
    items = []
    invoices = _counted(call)
    for currency in dict.fromkeys(one.currency for one in invoices):
        members = [one for one in invoices if one.currency == currency]
        details = [
            {
                "invoiceType": kind,
                "summary": _summary(call, [one for one in members if one.kind == kind], None),
            }
            for kind in ("Recurring", "OneTime")
            if any(one.kind == kind for one in members)
        ]
        items.append(_summary(call, members, "/invoices/summary", details))
    return Answer(body=collection(items, "/invoices/summaries"))


def document(call: Call) -> Answer:
    """Give the statement as PDF."""
    one = find(call)
    lines = [
        f"Invoice {one.id}",
        f"{call.partner.name}",
        f"{one.period_start} to {one.period_end}",
        f"Total {one.total} {one.currency}",
    ]
    return Answer(body=statement(lines), content_type="application/pdf")


_USER_ONLY = Rights(app_only=False)
_I = "/v1/invoices"
_ONE = f"{_I}/{{invoice}}"
ROUTES = (
    Route(method="GET", path=_I, operation="invoices.list", handler=list_invoices),
    Route(
        method="GET", path=f"{_I}/summary", operation="invoices.summary", handler=summary, rights=_USER_ONLY
    ),
    Route(
        method="GET",
        path=f"{_I}/summaries",
        operation="invoices.summaries",
        handler=summaries,
        rights=_USER_ONLY,
    ),
    Route(method="GET", path=_ONE, operation="invoices.get", handler=get, rights=_USER_ONLY),
    Route(
        method="GET",
        path=f"{_ONE}/documents/statement",
        operation="invoices.documents.statement",
        handler=document,
        rights=_USER_ONLY,
    ),
    Route(
        method="GET",
        path=f"{_ONE}/receipts/{{receipt}}/documents/statement",
        operation="invoices.receipts.documents.statement",
        handler=document,
        rights=_USER_ONLY,
    ),
)
