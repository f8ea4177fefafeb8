"""How far a cycle is, for people: state, shards done, what it came to, and what waits for whom."""

from datetime import UTC, date, datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from csp_commerce_rules.money import format_decimal, minor_digits

_CYCLE = (
    "select c.cycle_id, c.from_on, c.until_on, c.state, c.started_at, c.closed_at, c.summary, "
    "count(s.shard)::int as shards, count(s.done_at)::int as shards_done, "
    "coalesce(sum(s.subscriptions), 0)::int as subscriptions, coalesce(sum(s.lines), 0)::int as lines, "
    "coalesce(sum(s.reports), 0)::int - c.issued as unissued "
    "from cycles c left join close_shards s using (cycle_id) where c.reseller_id = %s"
)
_MOST_BLOCKED_SHOWN = 100
_STATUSES = ("open", "ended", "closing", "closed")


def cycles_json(
    connection: psycopg.Connection, reseller: str, today: date, *, before: date | None = None, size: int = 50
) -> list[dict[str, Any]]:
    """Cycles of a reseller, newest first, dated before a day."""
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            f"{_CYCLE} and (%s::date is null or c.until_on < %s) group by c.cycle_id order by c.until_on desc limit %s",
            [reseller, before, before, size],
        )
        return [_shown(row, today) for row in cursor]


def cycle_json(
    connection: psycopg.Connection, reseller: str, cycle_id: str, today: date
) -> dict[str, Any] | None:
    """One cycle; None where the reseller has no such cycle."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            f"{_CYCLE} and c.cycle_id = %s group by c.cycle_id", [reseller, cycle_id]
        ).fetchone()
        if row is None:
            return None
        counts = cursor.execute(
            "select state, count(*)::int as n from reports where reseller_id = %s and until_on = %s "
            "and state in ('issued', 'blocked', 'held', 'carried') group by state",
            [reseller, row["until_on"]],
        ).fetchall()
        waiting = cursor.execute(
            "select report_id, customer_id, ledger, currency, state, hold_reason, held_by from reports "
            "where reseller_id = %s and until_on = %s and state in ('blocked', 'held') "
            "order by state, customer_id, ledger limit %s",
            [reseller, row["until_on"], _MOST_BLOCKED_SHOWN],
        ).fetchall()
    reports = {each["state"]: each["n"] for each in counts}
    if row["unissued"]:
        reports["closing"] = row["unissued"]
    return _shown(row, today) | {
        "reports": reports,
        "waiting": [
            {
                "report_id": each["report_id"],
                "customer_id": each["customer_id"],
                "ledger": each["ledger"],
                "currency": each["currency"],
                "status": each["state"],
                "reason": each["hold_reason"],
                "held_by": each["held_by"],
            }
            for each in waiting
        ],
    }


def status_of(state: str, until_on: date, today: date) -> str:
    """What people call the state: a cycle that is over and not closed has `ended`."""
    return "ended" if state == "open" and until_on <= today else state


def version_of(state: str, until_on: date, today: date) -> int:
    """How often its status has changed, from 1: what a close can be bound to."""
    return _STATUSES.index(status_of(state, until_on, today)) + 1


def _shown(row: dict[str, Any], today: date) -> dict[str, Any]:
    state = row["state"]
    summary = row["summary"]
    return {
        "id": row["cycle_id"],
        "period": {
            "from": row["from_on"].isoformat(),
            "until": row["until_on"].isoformat(),
            "time_zone": "UTC",
        },
        "dated_on": row["until_on"].isoformat(),
        "status": status_of(state, row["until_on"], today),
        "version": version_of(state, row["until_on"], today),
        "started_at": _iso(row["started_at"]),
        "closed_at": _iso(row["closed_at"]),
        "progress": {
            "shards": row["shards"],
            "shards_done": row["shards_done"],
            "subscriptions": row["subscriptions"],
            "lines": row["lines"],
        },
        "summary": None if summary is None else _totals(summary),
    }


def _totals(summary: dict[str, Any]) -> dict[str, Any]:
    return {
        "reports": summary["reports"],
        "held": summary["held"],
        "lines": summary["lines"],
        "sha256": summary["sha256"],
        "net": {ledger: _moneys(totals) for ledger, totals in summary["net_minor"].items()},
        "tax": _moneys(summary.get("tax_minor", {})),
    }


def _moneys(totals: dict[str, int]) -> list[dict[str, str]]:
    return [
        {"amount": format_decimal(minor, minor_digits(currency)), "currency": currency}
        for currency, minor in sorted(totals.items())
    ]


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()
