"""Invoices, balances, statements, estimates and lines (PC 10.2)."""

from decimal import Decimal
from typing import Any

from csp_partner_center_simulator.billing.invoicing import unbilled
from csp_partner_center_simulator.billing.pdf import statement
from csp_partner_center_simulator.catalogue.prices import currency_symbol
from csp_partner_center_simulator.partner_center.line_items import legacy_json, one_time_json
from csp_partner_center_simulator.rules import terms
from csp_partner_center_simulator.state.billing import Charge, Invoice
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
from csp_partner_center_simulator.wire.errors import ApiError, invalid
from csp_partner_center_simulator.wire.filters import operator, predicate
from csp_partner_center_simulator.wire.paging import by_offset, by_seek
from csp_partner_center_simulator.wire.router import Rights, Route

PREFIXES = ("recurring-", "onetime-")
NEW_COMMERCE = frozenset({"onetime", "all", "marketplace"})
MOST = 2000


def find(call: Call) -> Invoice:
    """Find an invoice of the partner by its id, with or without the prefix that links carry (PC 2.3)."""
    wanted = call.params["invoice"].lower()
    for prefix in PREFIXES:
        wanted = wanted.removeprefix(prefix)
    invoice = call.world.invoices.get(wanted)
    if invoice is None or invoice.partner_id != call.partner.id:
        raise ApiError(404, 2000, f"The invoice {call.params['invoice'][:40]} was not found.")
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


def _summary(call: Call, invoices: list[Invoice], uri: str | None) -> dict[str, Any]:
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
        whole = _summary(call, members, "/invoices/summary")
        whole["details"] = [
            {
                "invoiceType": kind,
                "summary": _summary(call, [one for one in members if one.kind == kind], None),
            }
            for kind in ("Recurring", "OneTime")
            if any(one.kind == kind for one in members)
        ]
        items.append(whole)
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


def estimate_links(call: Call) -> Answer:
    """List where the unbilled lines are, per kind and period; without a currency for the partner's own."""
    currency = (call.request.param("currencycode") or call.partner.currency).upper()
    items = []
    for kind, title, provider, lines in (
        ("daily_rated_usage", "Daily rated usage unbilled", "Marketplace", "UsageLineItems"),
        ("non_consumption", "Unbilled reconciliation line items", "all", "billinglineitems"),
    ):
        for period in ("Current", "Previous"):
            uri = (
                f"/invoices/unbilled/lineitems?provider={provider}&invoicelineitemtype={lines}"
                f"&currencycode={currency}&period={period.lower()}&size=2000"
            )
            items.append(
                {
                    "type": kind,
                    "title": title,
                    "description": f"{title}.",
                    "period": period,
                    "link": link(uri),
                    "attributes": attributes("EstimateLink"),
                }
            )
    return Answer(body=collection(items, "/invoices/estimates/links"))


def _wishes(call: Call) -> dict[str, Any]:
    """Read provider and line type from the query or from the older path; any case, with or without underscores."""
    provider = operator(call.params.get("provider") or call.request.param("provider") or "")
    lines = operator(call.params.get("lines") or call.request.param("invoicelineitemtype") or "")
    if provider not in NEW_COMMERCE | {"office", "azure", "dailyrated"}:
        raise invalid("provider must be one of office, azure, onetime, marketplace, all.")
    if lines not in {"billinglineitems", "usagelineitems"}:
        raise invalid("invoicelineitemtype must be billinglineitems or usagelineitems.")
    return {"provider": provider, "lines": lines}


def line_items(call: Call) -> Answer:
    """List the lines of an invoice: legacy by offset, New Commerce by seek (PC 2.4)."""
    invoice = find(call)
    if "provider" not in call.params and _seeking(call):
        wishes: dict[str, Any] = {"provider": "onetime", "lines": "billinglineitems"}
    else:
        wishes = _wishes(call)
    uri = f"/invoices/{invoice.id}/lineitems"

    def lines() -> list[Charge]:
        if wishes["lines"] == "usagelineitems" or wishes["provider"] == "azure":
            return []  # there is no usage: the catalogue holds license products only
        commerce = "legacy" if wishes["provider"] == "office" else "nce"
        found = [one for one in call.world.charges.by("invoice", invoice.id) if one.commerce == commerce]
        return sorted(found, key=lambda one: one.reference_id)  # not in time order (PC 10.8)

    if wishes["provider"] in {"office", "azure"}:
        return Answer(
            body=by_offset(
                call.request, lines(), uri, lambda one: _faulty(call, legacy_json(call.world, one)), most=MOST
            )
        )
    return Answer(
        body=by_seek(
            call.request,
            f"lines/{invoice.id}",
            uri,
            lambda _: lines(),
            lambda one: _faulty(call, one_time_json(call.world, one)),
            default=MOST,
            most=MOST,
            wishes=wishes,
        )
    )


def _seeking(call: Call) -> bool:
    return "seekoperation" in call.request.query or "ms-continuationtoken" in call.request.headers


def _faulty(call: Call, line: dict[str, Any]) -> dict[str, Any]:
    if call.fault == "unknown_charge_type":
        line["chargeType"] = "rebalanceQuantity"
    return line


def unbilled_line_items(call: Call) -> Answer:
    """List New Commerce lines that no invoice has yet: of this month, or of the last (PC 10.2)."""
    request = call.request
    first = call.now.date().replace(day=1)
    wishes = {
        "currency": (request.param("currencycode") or call.partner.currency).upper(),
        "period": (request.param("period") or "current").lower(),
    }
    if not _seeking(call):
        wishes |= _wishes(call)
        if wishes["period"] not in {"current", "previous", "last"}:
            raise invalid("period must be current or previous.")

    def select(chosen: dict[str, Any]) -> list[Charge]:
        if chosen.get("lines") == "usagelineitems" or chosen["currency"] != call.partner.currency:
            return []
        until = terms.at_midnight(terms.add_months(first, 1) if chosen["period"] == "current" else first)
        since = terms.at_midnight(first if chosen["period"] == "current" else terms.add_months(first, -1))
        return [
            one
            for one in unbilled(call.world, call.partner.id, "nce", until)
            if one.at >= since and one.visible_at <= call.now
        ]

    return Answer(
        body=by_seek(
            request,
            "unbilled",
            "/invoices/unbilled/lineitems",
            select,
            lambda one: _faulty(call, one_time_json(call.world, one)),
            default=MOST,
            most=MOST,
            wishes=wishes,
        )
    )


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
    Route(
        method="GET",
        path=f"{_I}/estimates/links",
        operation="invoices.estimates.links",
        handler=estimate_links,
    ),
    Route(
        method="GET",
        path=f"{_I}/unbilled/lineitems",
        operation="invoices.unbilled.lineitems.list",
        handler=unbilled_line_items,
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
    Route(method="GET", path=f"{_ONE}/lineitems", operation="invoices.lineitems.list", handler=line_items),
    Route(
        method="GET",
        path=f"{_ONE}/lineitems/{{provider}}/{{lines}}",
        operation="invoices.lineitems.list",
        handler=line_items,
    ),
)
