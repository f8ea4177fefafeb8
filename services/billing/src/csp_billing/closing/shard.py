"""One shard of a close: its customers settled, their lines and positions copied, its row done; or nothing of it."""

from collections.abc import Iterator, Sequence

import psycopg

from csp_billing.adapters.ledger_reader import LedgerReader
from csp_billing.closing.job import CloseJob
from csp_billing.closing.plain_lane import Drafts, pass_plain
from csp_billing.closing.verdict import verdict_on
from csp_billing.closing.windows import open_days
from csp_billing.closing.writing import Writing
from csp_billing.ports import ReportKey, report_key
from csp_billing.settler import Settler
from csp_runtime.crash_points import crash_point

SUBSCRIPTIONS_AT_ONCE = 1_500
"""Customers are settled in groups of about so many; what is held in memory is one group, or one large customer."""


def take_shard(connection: psycopg.Connection, job: CloseJob) -> bool:
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
        subscriptions = lines = 0
        for customers, count in _groups(reader.customers_of(shard, of_shards)):
            lines += close_customers(connection, job, reader, customers)
            subscriptions += count
        crash_point("close.shard-written")
        connection.execute(
            "update close_shards set done_at = %s, subscriptions = %s, lines = %s where cycle_id = %s and shard = %s",
            [job.started_at, subscriptions, lines, job.cycle_id, shard],
        )
    crash_point("close.shard-done")
    return True


def close_customers(
    connection: psycopg.Connection,
    job: CloseJob,
    reader: LedgerReader,
    customers: Sequence[str],
    *,
    only: ReportKey | None = None,
) -> int:
    """Settle customers and write what is final of them, in the caller's transaction; returns the number of lines.

    `only` closes one report by itself, before its cycle's close or after it.
    """
    days = open_days(connection, job.reseller, job.open_from, customers, may_be_ahead=job.is_begun)
    plain: Drafts = {customer_id: {} for customer_id in customers}
    standing = reader.standing(customers, job.from_on, calm_since=job.calm_since)
    others = pass_plain(standing, plain, job.span, days)
    settled = _merged(Settler(reader, job.span, days).settle(customers, standing=others), plain)
    names = reader.names(customers)
    done = _closed_before(connection, job, customers) if only is None and job.is_begun else set()
    writing = Writing(connection, job)
    for customer_id in customers:
        name, status = names.get(customer_id, ("", "unknown"))
        for _, draft in sorted(settled[customer_id].items()):
            key = report_key(
                job.reseller, customer_id, draft.ledger, draft.currency, job.from_on, job.until_on
            )
            # Where a later report was issued by itself, this window is behind it: what is due posts after that one.
            is_behind = days.first(customer_id, draft.ledger, draft.currency) > job.span.last
            if key.report_id not in done and not is_behind and (only is None or key == only):
                writing.add(key, name, draft, verdict_on(draft, status, job))
    return writing.flush()


def _merged(settled: Drafts, plain: Drafts) -> Drafts:
    """The drafts of both lanes, as one."""
    for customer_id, drafts in plain.items():
        for owner, draft in drafts.items():
            known = settled[customer_id].setdefault(owner, draft)
            if known is not draft:
                known.plain, known.plain_net = draft.plain, draft.plain_net
                known.plain_positions = draft.plain_positions
    return settled


def _closed_before(connection: psycopg.Connection, job: CloseJob, customers: Sequence[str]) -> set[str]:
    """Reports of the window that a person has issued or held before the close."""
    rows = connection.execute(
        "select report_id from reports where reseller_id = %s and until_on = %s and customer_id = any(%s) "
        "and state <> 'open'",
        [job.reseller, job.until_on, list(customers)],
    )
    return {row[0] for row in rows}


def _groups(customers: Sequence[tuple[str, int]]) -> Iterator[tuple[list[str], int]]:
    """Customers in groups of about `SUBSCRIPTIONS_AT_ONCE` subscriptions."""
    group: list[str] = []
    total = 0
    for customer_id, count in customers:
        if group and total + count > SUBSCRIPTIONS_AT_ONCE:
            yield group, total
            group, total = [], 0
        group.append(customer_id)
        total += count
    if group:
        yield group, total
