"""Reports as JSON, CSV and JSON Lines: date, then subscription, then line. Totals are sums of what is shown."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date
from functools import lru_cache
from itertools import groupby
from typing import Any

import msgspec

from csp_billing.domain.explain import data as explained
from csp_billing.domain.explain import sentence
from csp_billing.domain.taxes import LineTax, LineTaxes
from csp_billing.ports import (
    EditEffect,
    LinesAsked,
    LinesPage,
    MatchedTo,
    Report,
    ReportKey,
    ShownLine,
    line_id_of,
)
from csp_commerce_rules.money import format_decimal, format_price, minor_digits

Pieces = Iterable[Sequence[ShownLine]]
"""The lines of a report, some at a time."""


def summary(report: Report) -> dict[str, Any]:
    """A report without its lines."""
    key, seal = report.key, report.seal
    digits = minor_digits(key.currency)
    return {
        "id": key.report_id,
        "customer_id": key.customer_id,
        "customer_name": report.customer_name,
        "dated_on": key.until_on.isoformat(),
        "period": {"from": key.from_on.isoformat(), "until": key.until_on.isoformat(), "time_zone": "UTC"},
        "status": report.status,
        "ledger": key.ledger,
        "net": _money(format_decimal(report.net, digits), key.currency),
        "tax": _money(format_decimal(report.tax, digits), key.currency),
        "gross": _money(format_decimal(report.net + report.tax, digits), key.currency),
        "line_count": report.line_count,
        "pending_count": report.pending,
        "number": None if seal is None else seal.number,
        "sha256": None if seal is None else seal.sha256,
        "hold_reason": report.hold_reason,
        "held_by": report.held_by,
        "issued_at": None if seal is None else seal.issued_at.astimezone(UTC).isoformat(),
    }


Matched = Mapping[str, Sequence[MatchedTo]]
"""By line what of Microsoft's invoices stands against it."""


def detailed(report: Report, matched: Matched | None) -> dict[str, Any]:
    """A report as date, subscription, lines."""
    digits, currency = minor_digits(report.key.currency), report.key.currency
    dates: list[dict[str, Any]] = []
    for posted, of_day in groupby(report.lines, key=lambda shown: shown.posting.line.posted):
        day = list(of_day)
        subscriptions = []
        for subscription, of_subscription in groupby(day, key=lambda shown: shown.posting.line.subscription):
            lines = list(of_subscription)
            subscriptions.append(
                {
                    "subscription_id": subscription,
                    "title": lines[0].title,
                    "net": _net(lines, digits, currency),
                    "lines": [_matched_json(report.key, line, matched) for line in lines],
                }
            )
        dates.append(
            {
                "on": date.fromordinal(posted).isoformat(),
                "net": _net(day, digits, currency),
                "subscriptions": subscriptions,
            }
        )
    return {**summary(report), "dates": dates}


def effect_json(effect: EditEffect) -> dict[str, Any]:
    """What an edit would post, line by line, and what it comes to."""
    key = effect.key
    return {
        "lines": [line_json(key, shown) for shown in effect.lines],
        "instead_of": [line_json(key, shown) for shown in effect.instead_of],
        "net": _money(format_decimal(effect.net, minor_digits(key.currency)), key.currency),
    }


def line_json(key: ReportKey, shown: ShownLine) -> dict[str, Any]:
    """A line with its explanation; amounts as decimal text."""
    line, currency = shown.posting.line, key.currency
    digits = minor_digits(currency)
    return {
        "id": line_id_of(key, shown.posting),
        "subscription_id": line.subscription,
        "title": shown.title,
        "product": line.product,
        "kind": line.kind,
        "reason": line.reason,
        "posted_on": date.fromordinal(line.posted).isoformat(),
        "period": {
            "from": date.fromordinal(line.start).isoformat(),
            "until": date.fromordinal(line.end).isoformat(),
            "time_zone": "UTC",
        },
        "quantity": line.quantity,
        "unit_price": None
        if line.unit_price is None
        else _money(format_price(line.unit_price, digits), currency),
        "amount": None if line.amount is None else _money(format_decimal(line.amount, digits), currency),
        "late": shown.posting.late,
        "why": explained(shown.posting, digits),
    }


def _money(amount: str, currency: str) -> dict[str, str]:
    return {"amount": amount, "currency": currency}


def _net(lines: list[ShownLine], digits: int, currency: str) -> dict[str, str]:
    total = sum(shown.posting.line.amount or 0 for shown in lines)
    return {"amount": format_decimal(total, digits), "currency": currency}


def _matched_json(key: ReportKey, shown: ShownLine, matched: Matched | None) -> dict[str, Any]:
    told = line_json(key, shown)
    if matched is not None:
        told["matched_to"] = [
            {
                "import_id": each.import_id,
                "invoice_id": each.invoice_id,
                "match_id": each.match_id,
                "code": each.code,
                "rows": list(each.rows),
            }
            for each in matched.get(told["id"], ())
        ]
    return told


def lines_json(report: Report, page: LinesPage, asked: LinesAsked, matched: Matched | None) -> dict[str, Any]:
    """A page of lines with the totals of all that fit; `next` is the position to go on behind."""
    more = len(page.lines) == asked.size
    return {
        "lines": [_matched_json(report.key, shown, matched) for _, shown in page.lines],
        "next": page.lines[-1][0] if more else None,
        "totals": {
            "count": page.count,
            "net": _money(format_decimal(page.net, minor_digits(report.key.currency)), report.key.currency),
        },
    }


def json_lines(report: Report, pieces: Pieces, taxes: LineTaxes) -> Iterator[bytes]:
    """The report as JSON Lines, a piece at a time; each line with its part of the tax, where the report is taxed."""
    key, digits, at = report.key, minor_digits(report.key.currency), 0
    for piece in pieces:
        told = [line_json(key, shown) for shown in piece]
        for at, line in enumerate(told, start=at + 1):  # noqa: B020 - goes on where the last piece ended
            tax = taxes.get(at)
            line["tax"] = None if tax is None else _tax_json(tax, digits, key.currency)
        yield _encoder.encode_lines(told)


def _tax_json(tax: LineTax, digits: int, currency: str) -> dict[str, Any]:
    return {"percent": tax.percent, "tax": _money(format_decimal(tax.minor, digits), currency)}


def rows(report: Report, pieces: Pieces, taxes: LineTaxes) -> Iterator[Sequence[Any]]:
    """The lines as rows of the columns of an export; dates in ISO form, the service days inclusive (R2.2), amounts as decimal text."""
    key = report.key
    dated_on, digits = key.until_on.isoformat(), minor_digits(key.currency)
    for at, (posting, title, _) in enumerate((shown for piece in pieces for shown in piece), start=1):
        line, tax = posting.line, taxes.get(at)
        yield (
            key.report_id,
            report.customer_name,
            dated_on,
            _iso(line.posted),
            line.subscription,
            title,
            line.kind,
            line.reason,
            _iso(line.start),
            _iso(line.end - 1),
            line.quantity,
            "" if line.unit_price is None else _price(line.unit_price, digits),
            "" if line.amount is None else format_decimal(line.amount, digits),
            key.currency,
            "" if tax is None else tax.percent,
            "" if tax is None else format_decimal(tax.minor, digits),
            "yes" if posting.late else "no",
            sentence(posting, digits),
        )


@lru_cache(maxsize=4096)
def _iso(day: int) -> str:
    return date.fromordinal(day).isoformat()


@lru_cache(maxsize=4096)
def _price(unit_price: int, digits: int) -> str:
    return format_price(unit_price, digits)


_encoder = msgspec.json.Encoder()
