"""Rows of a close: lines and positions by COPY into their month, reports by one statement."""

import hashlib
from collections.abc import Sequence

import psycopg
from psycopg import sql

from csp_billing.closing.job import CloseJob
from csp_billing.closing.verdict import Verdict
from csp_billing.line_rows import COLUMNS, ENGINE, text_behind_position
from csp_billing.ports import ReportKey, report_order
from csp_billing.positions import pack_position
from csp_billing.settler import Draft, is_over

_PIECES_AT_ONCE = 1_000


class Writing:
    """Collects the rows of a group of customers and writes them by COPY."""

    def __init__(self, connection: psycopg.Connection, job: CloseJob) -> None:
        self._connection = connection
        self._job = job
        self._lines: list[str] = []
        self._line_count = 0
        self._positions: dict[str, dict[str, str]] = {}
        self._reports: list[tuple[object, ...]] = []
        self._over: dict[str, int] = {}

    def add(self, key: ReportKey, customer_name: str, draft: Draft, verdict: Verdict) -> None:
        """Take a draft with what becomes of it."""
        job, digest, count = self._job, "", 0
        if verdict.state == "closing":
            digest, count = self._add_lines(key, draft)
        if verdict.state in {"closing", "empty"}:
            for name, text in draft.plain_positions:
                self._positions.setdefault(name, {})[draft.ledger] = text
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
        texts = draft.plain + [
            (*report_order(shown), text_behind_position(shown.posting, shown.title, shown.due))
            for shown in draft.lines
        ]
        texts.sort()
        rows = [f"{number}\t{row[-1]}" for number, row in enumerate(texts, start=1)]
        ended = "\n".join(rows) + "\n"
        head = f"{key.report_id}\t{self._job.reseller}\t{key.customer_id}\t{key.ledger}\t{key.until_on}\t"
        self._lines.append(head + f"\n{head}".join(rows) + "\n")
        self._line_count += len(rows)
        return hashlib.sha256(ended.encode()).hexdigest(), len(rows)

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
        return self._line_count

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
        for start in range(0, len(rows), _PIECES_AT_ONCE):
            copy.write("".join(rows[start : start + _PIECES_AT_ONCE]))


def _escaped(text: str | None) -> str:
    return "\\N" if text is None else text.replace("\\", "\\\\")
