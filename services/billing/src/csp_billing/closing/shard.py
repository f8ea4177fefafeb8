"""One shard of a close: its customers settled, their lines and positions copied, its row done; or nothing of it."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import psycopg
from psycopg import sql

from csp_billing.adapters.ledger_reader import LedgerReader, subject_of
from csp_billing.closing.job import CloseJob
from csp_billing.closing.plain_lane import Drafts, pass_plain
from csp_billing.closing.windows import open_days
from csp_billing.domain.bounds import broken_bounds
from csp_billing.line_rows import COLUMNS, ENGINE, text_behind_position
from csp_billing.ports import ReportKey, report_key, report_order
from csp_billing.positions import pack_position
from csp_billing.settler import Draft, Settler, is_over
from csp_runtime.crash_points import crash_point

SUBSCRIPTIONS_AT_ONCE = 4_000
"""Customers are settled in groups of about so many; what is held in memory is one group, or one large customer."""

_MOST_LINES_TO_TRUST = 40
"""Fewer lines than this in a report cannot break the bounds of one subscription and day."""


class Verdict(NamedTuple):
    """What becomes of a draft: a state of its report, and why where it is not closed."""

    state: str
    reason: str | None = None


def take_shard(connection: psycopg.Connection, job: CloseJob) -> bool:
    """Do one shard that nobody does, in one transaction; false where none is left."""
    with connection.transaction():
        row = connection.execute(
            "select shard, of_shards from close_shards where cycle_id = %s and done_at is null "
            "order by shard limit 1 for update skip locked",
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
    days = open_days(connection, job.reseller, job.open_from, customers)
    plain: Drafts = {customer_id: {} for customer_id in customers}
    standing = reader.standing(customers, job.from_on, calm_since=job.calm_since)
    others = [subject_of(each.row) for each in pass_plain(standing, plain, job.span, days)]
    settled = _merged(Settler(reader, job.span, days).settle(customers, subjects=others), plain)
    names = reader.names(customers)
    done = _closed_before(connection, job, customers) if only is None else set()
    writing = _Writing(connection, job)
    for customer_id in customers:
        name, status = names.get(customer_id, ("", "unknown"))
        for _, draft in sorted(settled[customer_id].items()):
            key = report_key(
                job.reseller, customer_id, draft.ledger, draft.currency, job.from_on, job.until_on
            )
            if key.report_id not in done and (only is None or key == only):
                writing.add(key, name, draft, verdict_on(draft, status, job))
    return writing.flush()


def _merged(settled: Drafts, plain: Drafts) -> Drafts:
    """The drafts of both lanes, as one."""
    for customer_id, drafts in plain.items():
        for owner, draft in drafts.items():
            known = settled[customer_id].setdefault(owner, draft)
            if known is not draft:
                known.plain, known.positions = draft.plain, [*known.positions, *draft.positions]
    return settled


def verdict_on(draft: Draft, status: str, job: CloseJob) -> Verdict:
    """Whether a draft may become final (D-6, R10.4, R10.5, R11.1), and who has to act where it may not."""
    if draft.is_empty:
        return Verdict("empty")
    if status == "unallocated":
        return Verdict("held", "unallocated")
    if draft.first_day < job.from_on.toordinal():
        return Verdict("held", "earlier-report-open")
    if draft.pending:
        return Verdict("blocked", "price-missing")
    if status == "unknown":
        return Verdict("blocked", "customer-unknown")
    if len(draft.lines) > _MOST_LINES_TO_TRUST or any(shown.posting.revision > 1 for shown in draft.lines):
        broken = broken_bounds(shown.posting for shown in draft.lines)
        if broken:
            return Verdict("blocked", f"bounds-exceeded: {broken[0].subscription} {broken[0].code}")
    if job.carry_forward and draft.net < 0:
        return Verdict("carried")
    return Verdict("closing")


class _Writing:
    """Collects the rows of a group of customers and writes them by COPY."""

    def __init__(self, connection: psycopg.Connection, job: CloseJob) -> None:
        self._connection = connection
        self._job = job
        self._lines: list[str] = []
        self._positions: dict[str, dict[str, str]] = {}
        self._reports: list[tuple[object, ...]] = []
        self._over: dict[str, int] = {}

    def add(self, key: ReportKey, customer_name: str, draft: Draft, verdict: Verdict) -> None:
        """Take a draft with what becomes of it."""
        job, digest, count = self._job, "", 0
        if verdict.state == "closing":
            digest, count = self._add_lines(key, draft)
        if verdict.state in {"closing", "empty"}:
            for name, position in draft.positions:
                self._positions.setdefault(name, {})[draft.ledger] = pack_position(position)
                if is_over(position):
                    self._over[name] = self._over.get(name, 0) + 1
        if verdict.state != "empty":
            self._reports.append(
                (
                    key.report_id,
                    key.customer_id,
                    key.ledger,
                    key.currency,
                    verdict.state,
                    customer_name,
                    draft.net,
                    count,
                    digest,
                    verdict.reason,
                    "system" if verdict.state == "held" else None,
                    len(draft.pending),
                    job.watermark,
                )
            )

    def _add_lines(self, key: ReportKey, draft: Draft) -> tuple[str, int]:
        texts: list[tuple[tuple[object, ...], str]] = [(place, text) for place, text, _ in draft.plain]
        texts += [
            (report_order(shown), text_behind_position(shown.posting, shown.title, shown.due))
            for shown in draft.lines
        ]
        texts.sort()
        head = f"{key.report_id}\t{self._job.reseller}\t{key.customer_id}\t{key.ledger}\t{key.until_on}\t"
        rows = [f"{number}\t{text}\n" for number, (_, text) in enumerate(texts, start=1)]
        self._lines += [head + row for row in rows]
        return hashlib.sha256("".join(rows).encode()).hexdigest(), len(rows)

    def flush(self) -> int:
        """Write everything; returns the number of lines."""
        month = f"{self._job.until_on:%Y_%m}"
        if self._lines:
            _copy(
                self._connection,
                f"report_lines_{month}",
                f"report_id, reseller_id, customer_id, ledger, dated_on, {COLUMNS}",
                self._lines,
            )
        self._write_positions(f"billed_positions_{month}")
        if self._reports:
            _write_reports(self._connection, self._job, self._reports)
        over = [name for name, ledgers in self._over.items() if ledgers == len(self._job.ledgers)]
        if over:
            self._connection.execute(
                "update subscriptions set settled = true where reseller_id = %s and subscription_id = any(%s)",
                [self._job.reseller, over],
            )
        return len(self._lines)

    def _write_positions(self, table: str) -> None:
        job = self._job
        if not self._positions:
            return
        known = _present(self._connection, job, list(self._positions)) if job.is_begun else set()
        head = f"{job.reseller}\t"
        tail = job.until_on.isoformat()
        rows = [
            f"{head}{name}\t{tail}\t{_escaped(texts.get('sell'))}\t{_escaped(texts.get('cost'))}\n"
            for name, texts in self._positions.items()
            if name not in known
        ]
        _copy(self._connection, table, "reseller_id, subscription_id, until_on, sell, cost", rows)
        for name in known:
            texts = self._positions[name]
            self._connection.execute(
                "update billed_positions set sell = coalesce(sell, %s), cost = coalesce(cost, %s) "
                "where subscription_id = %s and until_on = %s and reseller_id = %s",
                [texts.get("sell"), texts.get("cost"), name, job.until_on, job.reseller],
            )


def _present(connection: psycopg.Connection, job: CloseJob, names: Sequence[str]) -> set[str]:
    """Subscriptions that have a row of this window, for the other ledger."""
    rows = connection.execute(
        "select subscription_id from billed_positions where reseller_id = %s and until_on = %s and subscription_id = any(%s)",
        [job.reseller, job.until_on, list(names)],
    )
    return {row[0] for row in rows}


def _closed_before(connection: psycopg.Connection, job: CloseJob, customers: Sequence[str]) -> set[str]:
    """Reports of the window that a person has issued or held before the close."""
    rows = connection.execute(
        "select report_id from reports where reseller_id = %s and until_on = %s and customer_id = any(%s) "
        "and state <> 'open'",
        [job.reseller, job.until_on, list(customers)],
    )
    return {row[0] for row in rows}


def _write_reports(
    connection: psycopg.Connection, job: CloseJob, reports: Sequence[tuple[object, ...]]
) -> None:
    connection.execute(
        "insert into reports (report_id, customer_id, ledger, currency, state, customer_name, net_minor, line_count, sha256, "
        "hold_reason, held_by, pending_count, watermark, reseller_id, from_on, until_on, engine) "
        "select report.*, %s, %s, %s, %s from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], "
        "%s::bigint[], %s::int[], %s::text[], %s::text[], %s::text[], %s::int[], %s::bigint[]) as report "
        "on conflict (report_id) do update set state = excluded.state, customer_name = excluded.customer_name, "
        "net_minor = excluded.net_minor, line_count = excluded.line_count, sha256 = excluded.sha256, "
        "pending_count = excluded.pending_count, hold_reason = excluded.hold_reason, held_by = excluded.held_by, watermark = excluded.watermark, "
        "engine = excluded.engine where reports.state in ('open', 'blocked', 'held')",
        [
            job.reseller,
            job.from_on,
            job.until_on,
            ENGINE,
            *(list(column) for column in zip(*reports, strict=True)),
        ],
    )


def _copy(connection: psycopg.Connection, table: str, columns: str, rows: Sequence[str]) -> None:
    if not rows:
        return
    statement = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(table), sql.SQL(columns))
    with connection.cursor().copy(statement) as copy:
        for start in range(0, len(rows), 2_000):
            copy.write("".join(rows[start : start + 2_000]))


def _escaped(text: str | None) -> str:
    return "\\N" if text is None else text.replace("\\", "\\\\")


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
