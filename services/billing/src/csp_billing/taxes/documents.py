"""The tax of an issued report, by rate and by line, and its credit note. Read from what was stored when it was issued."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from csp_billing.domain.taxes import Rated, by_line
from csp_billing.invoices.taking import totals_text
from csp_billing.ports import Report, ReportKey, line_id_of
from csp_billing.reports.views import line_json
from csp_billing.settling.line_rows import shown_of
from csp_billing.taxes.rating import rated_lines
from csp_commerce_rules.money import format_decimal


def set_rate(
    connection: psycopg.Connection,
    *,
    reseller: str,
    customer_id: str,
    effective_on: date,
    basis_points: int,
    now: datetime,
    actor: str,
) -> None:
    """A customer's rate from a day on, in the caller's transaction. Issued reports stay as they are."""
    connection.execute(
        "insert into tax_rates (reseller_id, customer_id, effective_on, basis_points, set_at, set_by) "
        "values (%s, %s, %s, %s, %s, %s)",
        [reseller, customer_id, effective_on, basis_points, now, actor],
    )


def rates_json(connection: psycopg.Connection, reseller: str, customer_id: str) -> list[dict[str, Any]]:
    """A customer's rates by day, the ones that hold."""
    rows = connection.execute(
        "select distinct on (effective_on) effective_on, basis_points, set_at, set_by from tax_rates "
        "where reseller_id = %s and customer_id = %s order by effective_on, rate_id desc",
        [reseller, customer_id],
    )
    return [
        {
            "effective_on": row[0].isoformat(),
            "percent": percent(row[1]),
            "set_at": row[2].isoformat(),
            "set_by": row[3],
        }
        for row in rows
    ]


def taxes_json(report: Report, rated: Sequence[Rated] | None) -> dict[str, Any]:
    """What a report was taxed with, or would be now; with its lines where they are given. Their parts sum to its tax."""
    currency = report.key.currency
    found: dict[str, Any] = {
        "report_id": report.key.report_id,
        "number": None if report.seal is None else report.seal.number,
        "status": report.status,
        "net": totals_text(report.net, currency),
        "tax": totals_text(report.tax, currency),
        "gross": totals_text(report.net + report.tax, currency),
        "rates": [
            {
                "percent": percent(group.basis_points),
                "net": totals_text(group.net, currency),
                "tax": totals_text(group.tax, currency),
            }
            for group in report.taxes
        ],
    }
    if rated is not None:
        parts = by_line(rated)
        found["lines"] = [
            {
                "position": line.position,
                "percent": parts[line.position].percent,
                "net": totals_text(line.net, currency),
                "tax": totals_text(parts[line.position].minor, currency),
            }
            for line in rated
        ]
    return found


def issued_rates(connection: psycopg.Connection, report: Report) -> list[Rated]:
    """The lines of an issued report at the rates that they were issued with; none where it was not taxed."""
    if report.seal is None or not report.taxes:
        return []
    return _stored_rates(connection, report.key, report.seal.issued_at)


def credit_note_json(connection: psycopg.Connection, reseller: str, report_id: str) -> dict[str, Any] | None:
    """The credit note of a report: exactly its negative lines, each with the line that it gives back (R11.1).

    None where the report is not issued, has no such line, or the reseller asks for no credit notes on its day.
    """
    report = _issued(connection, reseller, report_id)
    if report is None or not _asked_for(connection, reseller, report["until_on"]):
        return None
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            "select * from report_lines where reseller_id = %s and report_id = %s and dated_on = %s and amount_minor < 0 "
            "order by position",
            [reseller, report_id, report["until_on"]],
        ).fetchall()
    if not rows:
        return None
    currency = report["currency"]
    key = _key(report)
    # A report from before taxes were computed has none.
    parts = by_line([] if report["taxes"] is None else _stored_rates(connection, key, report["issued_at"]))
    net = sum(row["amount_minor"] for row in rows)
    tax = sum(parts[row["position"]].minor for row in rows if row["position"] in parts)
    given_back = _given_back(connection, reseller, key, rows)
    return {
        "number": f"{report['number']}-CN",
        "report_id": report_id,
        "report_number": report["number"],
        "customer_id": report["customer_id"],
        "customer_name": report["customer_name"],
        "dated_on": report["until_on"].isoformat(),
        "net": totals_text(net, currency),
        "tax": totals_text(tax, currency),
        "gross": totals_text(net + tax, currency),
        "lines": [
            line_json(key, shown_of(row))
            | {
                "tax": totals_text(parts[row["position"]].minor if row["position"] in parts else 0, currency),
                "reverses": given_back.get(row["position"]),
            }
            for row in rows
        ],
    }


def percent(basis_points: int) -> str:
    """A rate as decimal text: 1900 is `19.00`."""
    return format_decimal(basis_points, 2)


def _issued(connection: psycopg.Connection, reseller: str, report_id: str) -> dict[str, Any] | None:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "select * from reports where reseller_id = %s and report_id = %s and state = 'issued'",
            [reseller, report_id],
        ).fetchone()


def _stored_rates(connection: psycopg.Connection, key: ReportKey, issued_at: datetime) -> list[Rated]:
    if key.ledger != "sell":
        return []
    rated = rated_lines(connection, key.reseller, [(key.report_id, key.customer_id)], key.until_on, issued_at)
    return rated.get(key.report_id, [])


def _asked_for(connection: psycopg.Connection, reseller: str, on: date) -> bool:
    row = connection.execute(
        "select value from reseller_settings where reseller_id = %s and setting = 'credit_note' and effective_on <= %s "
        "order by effective_on desc, stream_version desc limit 1",
        [reseller, on],
    ).fetchone()
    return row is not None and row[0] == "on"


def _given_back(
    connection: psycopg.Connection, reseller: str, key: ReportKey, rows: list[dict[str, Any]]
) -> dict[int, dict[str, Any]]:
    """By position the line that a line gives back, as it was issued last before it."""
    found: dict[int, dict[str, Any]] = {}
    with connection.cursor(row_factory=dict_row) as cursor:
        for row in rows:
            if row["reverses_role"] is None:
                continue
            older = cursor.execute(
                "select l.*, r.number from report_lines l join reports r on r.report_id = l.report_id "
                "and r.reseller_id = l.reseller_id and r.state = 'issued' where l.reseller_id = %s and l.ledger = 'sell' "
                "and l.subscription_id = %s and l.cycle = %s and l.role = %s and l.cause = %s and not l.is_reversal "
                "and (l.dated_on < %s or l.report_id = %s) order by l.revision desc limit 1",
                [
                    reseller,
                    row["subscription_id"],
                    row["reverses_cycle"],
                    row["reverses_role"],
                    row["reverses_cause"],
                    key.until_on,
                    key.report_id,
                ],
            ).fetchone()
            if older is not None:
                found[row["position"]] = {
                    "line_id": line_id_of(key, shown_of(older).posting),
                    "report_id": older["report_id"],
                    "report_number": older["number"],
                    "amount": totals_text(older["amount_minor"], key.currency),
                }
    return found


def _key(report: Mapping[str, Any]) -> ReportKey:
    return ReportKey(
        report_id=report["report_id"],
        reseller=report["reseller_id"],
        customer_id=report["customer_id"],
        ledger=report["ledger"],
        currency=report["currency"],
        from_on=report["from_on"],
        until_on=report["until_on"],
    )
