"""Our cost lines that an invoice's rows are held against: issued ones, and of reports that are still open their previews.

Of a key that was corrected only the newest state counts: Microsoft's file knows nothing of our reversals.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta

import psycopg
from psycopg.rows import dict_row

from csp_billing.adapters.previews import open_reports
from csp_billing.domain.delta import Posting
from csp_billing.domain.lines import LineKey
from csp_billing.domain.matching import OurLine
from csp_billing.domain.rules import Ledger
from csp_billing.ports import Asked, line_id_of, report_key
from csp_billing.settling.line_rows import shown_of
from csp_billing.settling.was_billed import Was, remember

BEFORE = timedelta(days=70)
AFTER = timedelta(days=40)
"""How far outside an invoice's days its charges are looked for (W-11: two files for one event)."""


def cost_lines(
    connection: psycopg.Connection,
    *,
    reseller: str,
    customers: Sequence[str],
    subscriptions: Sequence[str],
    currency: str,
    first: date,
    end: date,
    today: date,
    taken_by_others: str,
) -> list[OurLine]:
    """The lines of subscriptions around `[first, end)` that no import but `taken_by_others` has matched."""
    known = newest_lines(
        connection,
        reseller=reseller,
        ledger="cost",
        customers=customers,
        subscriptions=subscriptions,
        currency=currency,
        issued_since=first - BEFORE,
        last=end + AFTER,
        today=today,
    )
    found = [
        line
        for name, by_key in known.items()
        for was in by_key.values()
        if (line := _our_line(reseller, name, currency, was, first, end)) is not None
    ]
    taken = _taken(connection, reseller, [line.id for line in found], taken_by_others)
    return [line for line in found if line.id not in taken]


def newest_lines(
    connection: psycopg.Connection,
    *,
    reseller: str,
    ledger: Ledger,
    customers: Sequence[str],
    subscriptions: Sequence[str],
    currency: str,
    issued_since: date,
    last: date,
    today: date,
) -> dict[str, dict[LineKey, Was]]:
    """By subscription and key the newest line, issued or still open, of windows up to that of a day."""
    known: dict[str, dict[LineKey, Was]] = defaultdict(dict)
    asked = Asked(
        reseller=reseller,
        customer_ids=sorted({*customers, *_previous_owners(connection, reseller, subscriptions)}),
        last=last,
        today=today,
        sell_only=False,
    )
    # Previews first: what a close issues meanwhile is then seen twice, under the same key, and not missed.
    reports = [
        report
        for report in open_reports(connection, asked)
        if report.key.ledger == ledger and report.key.currency == currency
    ]
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            "select l.* from report_lines l join subscriptions s on s.reseller_id = l.reseller_id "
            "and s.subscription_id = l.subscription_id where l.reseller_id = %s and l.subscription_id = any(%s) "
            "and l.ledger = %s and s.currency = %s and l.dated_on > %s order by l.revision, l.is_reversal",
            [reseller, list(subscriptions), ledger, currency, issued_since],
        )
        for row in cursor:
            remember(known[row["subscription_id"]], shown_of(row), row["customer_id"])
    wanted = set(subscriptions)
    open_lines = [
        (shown, report.key.customer_id)
        for report in reports
        for shown in report.lines
        if shown.posting.line.subscription in wanted
    ]
    open_lines.sort(key=lambda each: (each[0].posting.revision, each[0].posting.undoes is not None))
    for shown, customer_id in open_lines:
        remember(known[shown.posting.line.subscription], shown, customer_id)
    return known


def _our_line(reseller: str, name: str, currency: str, was: Was, first: date, end: date) -> OurLine | None:
    line = was.issued.line
    if line is None or line.amount is None or line.kind == "adjustment":
        return None
    if not (first - BEFORE).toordinal() <= was.due < (end + AFTER).toordinal():
        return None
    key = report_key(reseller, was.customer_id, "cost", currency, first, end)
    return OurLine(
        id=line_id_of(key, Posting(line, was.issued.revision, late=False)),
        subscription=name,
        start=line.start,
        end=line.end,
        quantity=line.quantity,
        amount=line.amount,
        unit_price=line.unit_price or 0,
        days=line.days,
        of_days=line.of_days,
        posted=was.due,
    )


def _previous_owners(
    connection: psycopg.Connection, reseller: str, subscriptions: Sequence[str]
) -> list[str]:
    rows = connection.execute(
        "select distinct from_customer_id from moved_subscriptions where reseller_id = %s and subscription_id = any(%s)",
        [reseller, list(subscriptions)],
    )
    return [row[0] for row in rows]


def _taken(connection: psycopg.Connection, reseller: str, ids: Sequence[str], but: str) -> set[str]:
    rows = connection.execute(
        "select line_id from matched_lines where reseller_id = %s and line_id = any(%s) and import_id <> %s",
        [reseller, list(ids), but],
    )
    return {row[0] for row in rows}
