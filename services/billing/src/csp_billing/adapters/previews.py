"""Reports that are not issued yet: settled from the positions of the last close, cut into windows, nothing written.

As of a past moment they are folded from the first event, from what was recorded and issued by then, and nothing else.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime

import psycopg
from psycopg.rows import dict_row

from csp_billing.adapters.books import Books
from csp_billing.adapters.ledger_reader import LedgerReader
from csp_billing.closing.cycles import Cycle, close_days, cycle_from, first_day
from csp_billing.closing.windows import open_days
from csp_billing.domain.rules import Ledger
from csp_billing.domain.taxes import Rate, groups
from csp_billing.ports import Asked, Report, ReportKey, ShownLine, report_key, report_order
from csp_billing.settling.posting import LEDGERS, Subject, begin_anew, to_post
from csp_billing.settling.settler import Draft, Settler, Span
from csp_billing.taxes.rating import rated_previews, rates_of


class Previews:
    """Reports that are not issued yet, folded in a thread."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def all(self, asked: Asked) -> list[Report]:
        """The reports of customers, in windows up to the asked one; only those with lines."""
        return await self._books.run(lambda connection: open_reports(connection, asked))

    async def one(self, asked: Asked, key: ReportKey) -> Report | None:
        """One report with its lines; None where it has none."""
        found = await self.all(asked)
        return next((each for each in found if each.key.report_id == key.report_id), None)


class Calendar:
    """The windows of a reseller: those that were opened, and how the chain goes on."""

    def __init__(self, cycles: Sequence[Cycle]) -> None:
        self.cycles = cycles
        self._starts = [cycle.from_on for cycle in cycles]

    def around(self, day: date) -> Cycle:
        """The window that a day is in; the first one also takes what lies before it."""
        return self.cycles[max(0, bisect_right(self._starts, day) - 1)]


def calendar_until(connection: psycopg.Connection, reseller: str, last: date) -> Calendar | None:
    """Every window from the first one up to that of a day; None for a reseller that bills nothing yet."""
    rows = connection.execute(
        "select cycle_id, from_on, until_on from cycles where reseller_id = %s order by until_on", [reseller]
    )
    cycles = [Cycle(*row) for row in rows]
    days = close_days(connection, reseller)
    start = cycles[-1].until_on if cycles else first_day(connection, reseller, days)
    if start is None:
        return None
    while not cycles or start <= last:
        cycles.append(cycle_from(reseller, start, days))
        start = cycles[-1].until_on
    return Calendar(cycles)


def open_reports(connection: psycopg.Connection, asked: Asked) -> list[Report]:
    """The reports of customers that are not issued, in windows up to the asked one; only those with lines."""
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        calendar = calendar_until(connection, asked.reseller, asked.last)
        if calendar is None or not asked.customer_ids:
            return []
        until = calendar.around(asked.last).until_on.toordinal() - 1
        if asked.as_of is None:
            drafts, reader = drafts_now(connection, asked, calendar, until)
        else:
            drafts, reader = _drafts_as_of(connection, asked, asked.as_of, until)
        names = reader.names(asked.customer_ids)
        waiting = _waiting(connection, asked)
        rates = rates_of(connection, asked.reseller, asked.customer_ids, asked.as_of)
        found: list[Report] = []
        for draft in drafts:
            reports = _cut(asked, draft, calendar, names.get(draft.customer_id, ("", ""))[0])
            if draft.ledger == "sell" and draft.customer_id in rates:
                reports = _taxed(connection, asked, rates[draft.customer_id], reports)
            found += reports
    return [_overlaid(report, waiting) for report in found]


def drafts_now(
    connection: psycopg.Connection, asked: Asked, calendar: Calendar, until: int
) -> tuple[list[Draft], LedgerReader]:
    """What customers are to be billed up to and including a day, from the newest positions, in the caller's transaction."""
    row = connection.execute(
        "select coalesce(max(arrival), 0), (select max(until_on) from cycles c where c.reseller_id = %(reseller)s "
        "and c.state <> 'open' and not exists (select from close_shards s where s.cycle_id = c.cycle_id and s.done_at is null)), "
        "(select coalesce(max(watermark), 0) from cycles c where c.reseller_id = %(reseller)s) from inbox",
        {"reseller": asked.reseller},
    ).fetchone()
    arrival, closed_until, older_than = (0, None, 0) if row is None else row
    base_on = closed_until or calendar.cycles[0].from_on
    span = Span(
        base_on=base_on,
        newest=True,
        last=until,
        watermark=arrival,
        older_than=older_than,
        close_days=close_days(connection, asked.reseller),
        ledgers=LEDGERS[:1] if asked.sell_only else LEDGERS,
    )
    reader = LedgerReader(connection, asked.reseller, arrival)
    settler = Settler(reader, span, open_days(connection, asked.reseller, base_on, asked.customer_ids))
    return list(settler.settle(asked.customer_ids).values()), reader


def _drafts_as_of(
    connection: psycopg.Connection, asked: Asked, as_of: datetime, until: int
) -> tuple[list[Draft], LedgerReader]:
    reader = LedgerReader(connection, asked.reseller, _ALL)
    subjects = reader.subjects(asked.customer_ids, settled=True)
    moved = reader.moved_from(asked.customer_ids)
    everyone = {subject.subscription_id: subject for subject in subjects}
    everyone |= {each.subscription_id: each for those in moved.values() for each in those}
    families = reader.families(list(everyone))
    log = reader.log(sorted(set(everyone).union(*families.values()))).recorded_by(as_of)
    was = reader.issued(list(everyone), issued_by=as_of)
    open_from = _open_as_of(connection, asked, as_of)
    days = close_days(connection, asked.reseller)
    drafts: dict[tuple[str, Ledger, str], Draft] = {}
    owners: list[tuple[str, Subject]] = [(subject.customer_id, subject) for subject in subjects]
    owners += [(customer, subject) for customer, those in moved.items() for subject in those]
    for ledger in LEDGERS[:1] if asked.sell_only else LEDGERS:
        for customer_id, subject in owners:
            name = subject.subscription_id
            members = log.of(families.get(name, frozenset((name,))))
            due = begin_anew([name], ledger, members, until=until, watermark=_ALL, close_days=days).get(name)
            if due is None:
                continue
            draft = drafts.setdefault(
                (customer_id, ledger, subject.currency), Draft(customer_id, ledger, subject.currency)
            )
            shown, waiting = to_post(
                subject,
                due,
                was.get((ledger, name), {}),
                customer_id,
                open_from(customer_id, ledger, subject.currency),
            )
            draft.lines += shown
            draft.pending += waiting
    return list(drafts.values()), reader


def _open_as_of(
    connection: psycopg.Connection, asked: Asked, as_of: datetime
) -> Callable[[str, Ledger, str], int]:
    """From which day each customer's reports were open at a moment: behind what was closed or issued by then."""
    row = connection.execute(
        "select max(until_on) from cycles where reseller_id = %s and started_at <= %s",
        [asked.reseller, as_of],
    ).fetchone()
    usual = 0 if row is None or row[0] is None else row[0].toordinal()
    rows = connection.execute(
        "select customer_id, ledger, currency, max(until_on) from reports where reseller_id = %s "
        "and customer_id = any(%s) and state = 'issued' and issued_at <= %s group by 1, 2, 3",
        [asked.reseller, list(asked.customer_ids), as_of],
    )
    issued = {(row[0], row[1], row[2]): row[3].toordinal() for row in rows}
    return lambda *owner: max(usual, issued.get(owner, 0))


def _cut(asked: Asked, draft: Draft, calendar: Calendar, name: str) -> list[Report]:
    """The reports of a draft, by the window that each line is posted in."""
    by_window: dict[Cycle, list[ShownLine]] = {}
    pending: dict[Cycle, int] = {}
    for shown in sorted(draft.lines, key=report_order):
        by_window.setdefault(calendar.around(date.fromordinal(shown.posting.line.posted)), []).append(shown)
    for day in draft.pending:
        window = calendar.around(date.fromordinal(day))
        pending[window] = pending.get(window, 0) + 1
    reports: list[Report] = []
    earlier = 0
    for window in sorted(set(by_window) | set(pending), key=lambda each: each.until_on):
        lines = by_window.get(window, [])
        key = report_key(
            asked.reseller, draft.customer_id, draft.ledger, draft.currency, window.from_on, window.until_on
        )
        reports.append(
            Report(
                key=key,
                customer_name=name,
                status="open" if asked.today < window.until_on else "ended",
                net=sum(shown.posting.line.amount or 0 for shown in lines),
                line_count=len(lines),
                lines=lines,
                pending=pending.get(window, 0),
                earlier=earlier,
            )
        )
        earlier += len(lines) + pending.get(window, 0)
    return reports


def _taxed(
    connection: psycopg.Connection, asked: Asked, rates: Sequence[Rate], reports: Sequence[Report]
) -> list[Report]:
    """With the tax that they would be issued with now (R11.3)."""
    rated = rated_previews(connection, asked.reseller, rates, [report.lines for report in reports])
    return [
        replace(report, rated=lines, taxes=groups(lines))
        for report, lines in zip(reports, rated, strict=True)
    ]


def _waiting(connection: psycopg.Connection, asked: Asked) -> dict[str, tuple[str, str, str | None]]:
    """Reports that wait for somebody: state, reason, and who holds them."""
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            "select report_id, state, hold_reason, held_by from reports where reseller_id = %s "
            "and customer_id = any(%s) and state in ('blocked', 'held')",
            [asked.reseller, list(asked.customer_ids)],
        )
        return {row["report_id"]: (row["state"], row["hold_reason"], row["held_by"]) for row in cursor}


def _overlaid(report: Report, waiting: dict[str, tuple[str, str, str | None]]) -> Report:
    if report.key.report_id not in waiting:
        return report
    state, reason, held_by = waiting[report.key.report_id]
    return replace(report, status=state, hold_reason=reason, held_by=held_by)


_ALL = 2**62
"""No watermark: everything."""
