"""One shard of a close: its customers settled, their lines and positions copied, its row done; or nothing of it."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import psycopg

from csp_billing.adapters.ledger_reader import SUBJECT, LedgerReader, Unrest
from csp_billing.closing import parts
from csp_billing.closing.job import CloseJob
from csp_billing.closing.plain_lane import pass_plain
from csp_billing.closing.sealed import Sealed, sealed_text
from csp_billing.closing.sheets import Sheet, Sheets
from csp_billing.closing.verdict import verdict_on
from csp_billing.closing.windows import open_days
from csp_billing.closing.writing import Writing
from csp_billing.ports import ReportKey, report_key
from csp_billing.settling.settler import Drafts, Settler
from csp_runtime.crash_points import crash_point

_MOST_RESTLESS = 300_000
"""So many names are remembered: some fifty megabytes."""


def unrest_of(connection: psycopg.Connection, job: CloseJob) -> Unrest | None:
    """What is restless of the whole book, read once for all shards; None where each has to look for itself."""
    if not job.calm_since:
        return None
    reader = LedgerReader(connection, job.reseller, job.watermark)
    return reader.unrest(job.calm_since, at_most=_MOST_RESTLESS)


def take_shard(connection: psycopg.Connection, job: CloseJob, unrest: Unrest | None) -> bool:
    """Do the largest shard that nobody does, in one transaction; false where none is left.

    Its commit does not wait for the disk: a shard that a crash takes back is undone, and everything that people see
    is issued in a later transaction that waits, also for this one.
    """
    with connection.transaction():
        connection.execute("set local synchronous_commit = off")
        row = connection.execute(
            "select shard, of_shards from close_shards where cycle_id = %s and done_at is null "
            "order by weight desc, shard limit 1 for update skip locked",
            [job.cycle_id],
        ).fetchone()
        if row is None:
            return False
        shard, of_shards = row
        crash_point("close.shard-taken")
        reader = LedgerReader(connection, job.reseller, job.watermark)
        subscriptions, sealed = 0, list[Sealed]()
        for customers, count in parts.groups_of(reader.customers_of(shard, of_shards)):
            is_large = count > parts.SUBSCRIPTIONS_AT_ONCE
            sealed += close_customers(connection, job, reader, customers, unrest=unrest, in_parts=is_large)
            subscriptions += count
        crash_point("close.shard-written")
        connection.execute(
            "update close_shards set done_at = %s, subscriptions = %s, lines = %s, reports = %s, sealed = %s "
            "where cycle_id = %s and shard = %s",
            [
                job.started_at,
                subscriptions,
                sum(report.lines for report in sealed),
                len(sealed),
                sealed_text(sealed),
                job.cycle_id,
                shard,
            ],
        )
    crash_point("close.shard-done")
    return True


def close_customers(
    connection: psycopg.Connection,
    job: CloseJob,
    reader: LedgerReader,
    customers: Sequence[str],
    *,
    unrest: Unrest | None = None,
    in_parts: bool,
    only: ReportKey | None = None,
) -> list[Sealed]:
    """Settle customers and write what is final of them, in the caller's transaction; returns the reports to be issued.

    A single one may be settled `in_parts`. `only` closes one report by itself, before its cycle's close or after it.
    """
    days = open_days(connection, job.reseller, job.open_from, customers, may_be_ahead=job.is_begun)
    span = job.span
    settler = Settler(reader, span, days)
    sheets: Sheets = defaultdict(Sheet)
    for names in _parts(reader, reader.names_of(customers[0])) if in_parts else [None]:
        standing = reader.standing(customers, job.from_on, names)
        known = unrest or reader.unrest_of([row[SUBJECT] for row in standing], job.calm_since)
        others = pass_plain(standing, known, sheets, span, days)
        _take(sheets, settler.settle_standing(others, known))
    for names in _parts(reader, reader.names_moved_from(customers[0])) if in_parts else [None]:
        _take(sheets, settler.correct(customers, names))
    statuses = reader.names(customers)
    done = _closed_before(connection, job, customers) if only is None and job.is_begun else set()
    writing = Writing(connection, job)
    for owner in sorted(sheets):
        customer_id, ledger, currency = owner
        name, status = statuses.get(customer_id, ("", "unknown"))
        key = report_key(job.reseller, customer_id, ledger, currency, job.from_on, job.until_on)
        # Where a later report was issued by itself, this window is behind it: what is due posts after that one.
        is_behind = days.first(*owner) > span.last
        if key.report_id not in done and not is_behind and (only is None or key == only):
            writing.add(key, name, sheets[owner], verdict_on(sheets[owner], status, job))
    return writing.flush()


def _parts(reader: LedgerReader, names: Sequence[str]) -> Iterator[list[str]]:
    return parts.parts_of(names, reader.families(names))


def _take(sheets: Sheets, drafts: Drafts) -> None:
    for owner, draft in drafts.items():
        sheets[owner].take(draft)


def _closed_before(connection: psycopg.Connection, job: CloseJob, customers: Sequence[str]) -> set[str]:
    """Reports of the window that a person has issued or held before the close."""
    rows = connection.execute(
        "select report_id from reports where reseller_id = %s and until_on = %s and customer_id = any(%s) "
        "and state <> 'open'",
        [job.reseller, job.until_on, list(customers)],
    )
    return {row[0] for row in rows}
