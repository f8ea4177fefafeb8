"""Imports and matches as the API shows them. Amounts are decimal text with their currency."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from csp_billing.invoices.matcher import TO_DECIDE
from csp_billing.invoices.taking import totals_text

_DECIDE = sorted(TO_DECIDE)


def imports_json(
    connection: psycopg.Connection, reseller: str, *, after: tuple[datetime, str] | None, limit: int
) -> list[dict[str, Any]]:
    """Imports, newest first, behind a moment and id."""
    moment, last = after or (None, None)
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            "select i.* from invoice_imports i where i.reseller_id = %(reseller)s and (%(at)s::timestamptz is null "
            "or (i.imported_at, i.import_id) < (%(at)s, %(id)s)) order by i.imported_at desc, i.import_id desc limit %(limit)s",
            {"reseller": reseller, "at": moment, "id": last, "limit": limit},
        )
        rows = cursor.fetchall()
        undecided = _undecided(connection, reseller, [row["import_id"] for row in rows])
        return [_import(row, undecided.get(row["import_id"], 0)) for row in rows]


def import_json(connection: psycopg.Connection, reseller: str, import_id: str) -> dict[str, Any] | None:
    """One import with its differences by reason; None where there is none."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            "select * from invoice_imports where reseller_id = %s and import_id = %s", [reseller, import_id]
        ).fetchone()
        if row is None:
            return None
        reasons = cursor.execute(
            "select m.code, m.profile, count(*)::int as matches, sum(m.ours_minor)::bigint as ours, "
            "sum(m.microsoft_minor)::bigint as theirs, count(*) filter (where m.code = any(%s) and d.match_id is null)::int as waiting "
            "from invoice_matches m left join match_decisions d on d.match_id = m.match_id and d.reseller_id = m.reseller_id "
            "where m.reseller_id = %s and m.import_id = %s group by 1, 2 order by 1, 2",
            [_DECIDE, reseller, import_id],
        ).fetchall()
    currency = row["currency"]
    return _import(row, sum(each["waiting"] for each in reasons)) | {
        "reasons": [
            {
                "reason": reason_text(each["code"], each["profile"]),
                "matches": each["matches"],
                "undecided": each["waiting"],
                "ours": totals_text(each["ours"], currency),
                "microsoft": totals_text(each["theirs"], currency),
                "difference": totals_text(each["theirs"] - each["ours"], currency),
            }
            for each in reasons
        ]
    }


def matches_json(
    connection: psycopg.Connection,
    reseller: str,
    import_id: str,
    *,
    reason: str | None,
    customer_id: str | None,
    subscription_id: str | None,
    undecided: bool | None,
    after: int,
    limit: int,
) -> list[dict[str, Any]]:
    """Matches of an import in their order, behind a number. `reason` is a code, with or without its profile."""
    code, _, profile = (reason or "").partition("(")
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            f"{_MATCH} where m.reseller_id = %(reseller)s and m.import_id = %(import)s and m.number > %(after)s "
            "and (%(code)s = '' or m.code = %(code)s) and (%(profile)s = '' or m.profile = %(profile)s) "
            "and (%(customer)s::text is null or m.customer_id = %(customer)s) "
            "and (%(subscription)s::text is null or m.subscription_id = %(subscription)s "
            "or m.subscription_ref = lower(%(subscription)s)) "
            "and (%(undecided)s::boolean is null or (m.code = any(%(decide)s) and d.match_id is null) = %(undecided)s) "
            "order by m.number limit %(limit)s",
            {
                "reseller": reseller,
                "import": import_id,
                "after": after,
                "code": code,
                "profile": profile.removesuffix(")"),
                "customer": customer_id,
                "subscription": subscription_id,
                "undecided": undecided,
                "decide": _DECIDE,
                "limit": limit,
            },
        )
        found = cursor.fetchall()
        rows = _rows(connection, reseller, import_id, [n for each in found for n in each["row_numbers"]])
    return [match_json(each, rows) for each in found]


def one_match(connection: psycopg.Connection, reseller: str, match_id: str) -> dict[str, Any] | None:
    """One match; None where there is none."""
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(
            f"{_MATCH} where m.reseller_id = %s and m.match_id = %s", [reseller, match_id]
        ).fetchone()
        if found is None:
            return None
        rows = _rows(connection, reseller, found["import_id"], found["row_numbers"])
    return match_json(found, rows)


_MATCH = (
    "select m.*, i.currency, i.state, d.decision, d.adjustment_id, d.decided_at, d.decided_by, d.note from invoice_matches m "
    "join invoice_imports i on i.import_id = m.import_id and i.reseller_id = m.reseller_id "
    "left join match_decisions d on d.match_id = m.match_id and d.reseller_id = m.reseller_id"
)


def match_json(match: Mapping[str, Any], rows: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """A match with Microsoft's rows as they came and the ids of our lines."""
    currency = match["currency"]
    known = [rows[number] for number in match["row_numbers"] if number in rows]
    return {
        "id": match["match_id"],
        "number": match["number"],
        "import_id": match["import_id"],
        "reason": reason_text(match["code"], match["profile"]),
        "customer_id": match["customer_id"],
        "subscription_id": match["subscription_id"] or None,
        "external_refs": {"microsoft_subscription_id": match["subscription_ref"] or None},
        "ours": totals_text(match["ours_minor"], currency),
        "microsoft": totals_text(match["microsoft_minor"], currency),
        "difference": totals_text(match["microsoft_minor"] - match["ours_minor"], currency),
        "line_ids": match["line_ids"],
        "rows": [
            {
                "number": row["row_number"],
                "title": row["title"],
                "charge_type": row["charge_type"],
                "charge_class": row["charge_class"],
                "period": {
                    "from": row["from_on"].isoformat(),
                    "until": row["until_on"].isoformat(),
                    "time_zone": "UTC",
                },
                "quantity": row["quantity"],
                "amount": totals_text(row["amount_minor"], currency),
                "reference": row["reference"] or None,
                "unmapped": row["unmapped"] or None,
            }
            for row in known
        ],
        "needs_decision": match["code"] in TO_DECIDE and match["decision"] is None,
        "decision": None
        if match["decision"] is None
        else {
            "decision": match["decision"],
            "adjustment_id": match["adjustment_id"],
            "decided_at": _iso(match["decided_at"]),
            "decided_by": match["decided_by"],
            "note": match["note"],
        },
    }


def reason_text(code: str, profile: str | None) -> str:
    """A reason as the rulebook writes it: `explained:rounding(unit_down)`."""
    return f"{code}({profile})" if profile is not None and code == "explained:rounding" else code


def _undecided(connection: psycopg.Connection, reseller: str, ids: list[str]) -> dict[str, int]:
    rows = connection.execute(
        "select m.import_id, count(*)::int from invoice_matches m where m.reseller_id = %s and m.import_id = any(%s) "
        "and m.code = any(%s) and not exists (select from match_decisions d where d.match_id = m.match_id "
        "and d.reseller_id = m.reseller_id) group by 1",
        [reseller, ids, _DECIDE],
    )
    return dict(rows.fetchall())


def _rows(
    connection: psycopg.Connection, reseller: str, import_id: str, numbers: list[int]
) -> dict[int, dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            "select * from invoice_rows where reseller_id = %s and import_id = %s and row_number = any(%s)",
            [reseller, import_id, numbers],
        )
        return {row["row_number"]: row for row in cursor}


def _import(row: Mapping[str, Any], undecided: int) -> dict[str, Any]:
    currency = row["currency"]
    ours = row["ours_minor"]
    return {
        "id": row["import_id"],
        "name": row["name"],
        "source": row["source"],
        "format": row["format"],
        "invoice_id": row["invoice_id"],
        "sha256": row["sha256"],
        "status": row["state"],
        "period": {
            "from": row["from_on"].isoformat(),
            "until": row["until_on"].isoformat(),
            "time_zone": "UTC",
        },
        "imported_at": _iso(row["imported_at"]),
        "imported_by": row["imported_by"],
        "progress": {"customers": row["customers"], "customers_done": row["customers_done"]},
        "row_count": row["row_count"],
        "unmapped_count": row["unmapped_count"],
        "microsoft": totals_text(row["net_minor"], currency),
        "microsoft_tax": totals_text(row["tax_minor"], currency),
        "declared_total": None
        if row["declared_minor"] is None
        else totals_text(row["declared_minor"], currency),
        "adjustment_without_line": totals_text(row["adjustment_minor"], currency),
        "ours": None if ours is None else totals_text(ours, currency),
        "difference": None if ours is None else totals_text(row["net_minor"] - ours, currency),
        "matched_at": _iso(row["matched_at"]),
        "undecided": undecided,
        "signed_off": None
        if row["signed_at"] is None
        else {
            "name": row["signed_name"],
            "by": row["signed_by"],
            "at": _iso(row["signed_at"]),
            "note": row["note"],
        },
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()
