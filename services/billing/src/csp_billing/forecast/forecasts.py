"""The open cycle of customers, line by line with its certainty; settled from positions, nothing written."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import psycopg

from csp_billing.adapters.ledger_reader import LedgerReader
from csp_billing.adapters.previews import calendar_until, drafts_now
from csp_billing.closing.cycles import Cycle, close_days
from csp_billing.domain.forecasting import Certainty, Deadline, certainty_of, deadlines
from csp_billing.domain.plain import Checkpoint
from csp_billing.domain.rules import Ledger
from csp_billing.invoices.taking import totals_text
from csp_billing.ports import Asked, ShownLine, report_key, report_order
from csp_billing.reports.views import line_json

_CERTAINTIES: tuple[Certainty, ...] = ("charged", "unless_cancelled", "depends_on_renewal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Whose open cycle, as of when; deadlines up to so many days ahead. Without cost where a customer asks."""

    reseller: str
    customer_ids: Sequence[str]
    now: datetime
    days: int
    with_cost: bool
    with_lines: bool


def forecasts(connection: psycopg.Connection, question: Question) -> list[dict[str, Any]]:
    """A forecast for each customer, in the order asked; needs a connection in autocommit mode."""
    today = question.now.date()
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        calendar = calendar_until(connection, question.reseller, today)
        if calendar is None:
            return []
        cycle = calendar.around(today)
        asked = Asked(
            reseller=question.reseller,
            customer_ids=question.customer_ids,
            last=cycle.until_on - timedelta(days=1),
            today=today,
            sell_only=not question.with_cost,
        )
        standing, _ = drafts_now(connection, asked, calendar, today.toordinal())
        coming, reader = drafts_now(connection, asked, calendar, cycle.until_on.toordinal() - 1)
        due = _deadlines(connection, reader, question, standing)
    stands: dict[tuple[Ledger, str], Checkpoint] = {
        (draft.ledger, name): position.checkpoint for draft in standing for name, position in draft.positions
    }
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for draft in sorted(coming, key=lambda each: (each.ledger != "sell", each.currency)):
        lines = [
            (
                shown,
                certainty_of(
                    shown.posting.line,
                    stands.get((draft.ledger, shown.posting.line.subscription)),
                    today.toordinal(),
                ),
            )
            for shown in sorted(draft.lines, key=report_order)
            if shown.posting.line.posted >= cycle.from_on.toordinal()
        ]
        if lines or draft.pending:
            found[draft.customer_id].append(
                _ledger(
                    question,
                    cycle,
                    draft.ledger,
                    draft.currency,
                    lines,
                    len(draft.pending),
                    draft.customer_id,
                )
            )
    return [
        {
            "customer_id": customer_id,
            "period": {
                "from": cycle.from_on.isoformat(),
                "until": cycle.until_on.isoformat(),
                "time_zone": "UTC",
            },
            "dated_on": cycle.until_on.isoformat(),
            "as_of": question.now.isoformat(),
            "ledgers": found.get(customer_id, []),
            "deadlines": due.get(customer_id, []),
        }
        for customer_id in question.customer_ids
    ]


def _ledger(
    question: Question,
    cycle: Cycle,
    ledger: Ledger,
    currency: str,
    lines: Sequence[tuple[ShownLine, Certainty]],
    pending: int,
    customer_id: str,
) -> dict[str, Any]:
    sums: dict[str, int] = dict.fromkeys(_CERTAINTIES, 0)
    for shown, certainty in lines:
        sums[certainty] += shown.posting.line.amount or 0
    shown_ledger: dict[str, Any] = {
        "ledger": ledger,
        "net": totals_text(sum(sums.values()), currency),
        "by_certainty": {name: totals_text(amount, currency) for name, amount in sums.items()},
        "line_count": len(lines),
        "pending_count": pending,
    }
    if question.with_lines:
        key = report_key(question.reseller, customer_id, ledger, currency, cycle.from_on, cycle.until_on)
        shown_ledger["lines"] = [
            {**line_json(key, shown), "certainty": certainty} for shown, certainty in lines
        ]
    return shown_ledger


def _deadlines(
    connection: psycopg.Connection, reader: LedgerReader, question: Question, standing: Sequence[Any]
) -> dict[str, list[dict[str, Any]]]:
    """By customer the days with money attached, soonest first; each with the sales amount, and the cost where it is shown."""
    subjects = {each.subscription_id: each for each in reader.subjects(question.customer_ids)}
    days = close_days(connection, question.reseller)
    last = question.now.date() + timedelta(days=question.days)
    amounts: dict[tuple[str, str, date, datetime | None], dict[Ledger, Deadline]] = defaultdict(dict)
    for draft in standing:
        for name, position in draft.positions:
            rules = subjects[name].rules(draft.ledger, days)
            for each in deadlines(position.checkpoint, rules, question.now, last):
                amounts[name, each.kind, each.on, each.at][draft.ledger] = each
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    order = sorted(amounts.items(), key=lambda each: (each[0][2], each[0][0], each[0][1]))
    for (name, kind, on, at), by_ledger in order:
        subject = subjects[name]
        some = next(iter(by_ledger.values()))
        shown: dict[str, Any] = {
            "kind": kind,
            "on": on.isoformat(),
            "at": None if at is None else at.isoformat(),
            "subscription_id": name,
            "title": subject.title,
            "quantity": some.quantity,
            "amount": _amount(by_ledger.get("sell"), subject.currency),
        }
        if question.with_cost:
            shown["cost"] = _amount(by_ledger.get("cost"), subject.currency)
        found[subject.customer_id].append(shown)
    return found


def _amount(deadline: Deadline | None, currency: str) -> dict[str, str] | None:
    """What depends on it; None where the price is not known."""
    return None if deadline is None or deadline.amount is None else totals_text(deadline.amount, currency)
