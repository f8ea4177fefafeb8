"""The lines of an invoice, and those that no invoice has yet (PC 10.2)."""

from typing import Any

from csp_partner_center_simulator.billing.invoicing import unbilled
from csp_partner_center_simulator.partner_center.invoices import find
from csp_partner_center_simulator.partner_center.line_items import legacy_json, one_time_json
from csp_partner_center_simulator.rules import terms
from csp_partner_center_simulator.state.billing import Charge
from csp_partner_center_simulator.wire.answer import Answer, attributes, collection, link
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import invalid
from csp_partner_center_simulator.wire.filters import operator
from csp_partner_center_simulator.wire.paging import by_offset, by_seek
from csp_partner_center_simulator.wire.router import Route

NEW_COMMERCE = frozenset({"onetime", "all", "marketplace"})
MOST = 2000


def estimate_links(call: Call) -> Answer:
    """List where the unbilled lines are, per kind and period; without a currency for the partner's own."""
    currency = (call.request.param("currencycode") or call.partner.currency).upper()
    items = []
    for kind, title, what, provider, lines in (
        ("daily_rated_usage", "Daily rated usage unbilled", "unbilled consumption based data", "Marketplace", "UsageLineItems"),
        ("non_consumption", "Unbilled reconciliation line items", "unbilled data", "all", "billinglineitems"),
    ):  # fmt: skip
        for period in ("Current", "Previous"):
            uri = (
                f"/invoices/unbilled/lineitems?provider={provider}&invoicelineitemtype={lines}"
                f"&currencycode={currency}&period={period.lower()}&size=2000"
            )
            items.append(
                {
                    "type": kind,
                    "title": title,
                    "description": f"Line items of {what} only.",
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
    if "provider" in call.params:  # the older path goes on as it began
        uri += f"/{call.params['provider']}/{call.params['lines']}"

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


_I = "/v1/invoices"

_ONE = f"{_I}/{{invoice}}"
ROUTES = (
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
    Route(method="GET", path=f"{_ONE}/lineitems", operation="invoices.lineitems.list", handler=line_items),
    Route(
        method="GET",
        path=f"{_ONE}/lineitems/{{provider}}/{{lines}}",
        operation="invoices.lineitems.list",
        handler=line_items,
    ),
)
