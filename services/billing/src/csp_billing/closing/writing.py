"""Rows of a close: lines and positions by COPY into their month, and the reports that somebody has to look at."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import cast

import msgspec
import psycopg
from psycopg import sql

from csp_billing.closing.job import CloseJob
from csp_billing.closing.sealed import Sealed
from csp_billing.closing.sheets import Sheet
from csp_billing.closing.verdict import Verdict
from csp_billing.domain.rules import Ledger
from csp_billing.ports import ReportKey
from csp_billing.settling.line_rows import COLUMNS, ENGINE

_ROWS_AT_ONCE = 500
_CHARACTERS_AT_ONCE = 1 << 18


class Writing:
    """Collects the sheets of some customers that are final, and writes them by COPY."""

    def __init__(self, connection: psycopg.Connection, job: CloseJob) -> None:
        self._connection = connection
        self._job = job
        self._final: list[tuple[ReportKey, str, Sheet]] = []
        self._positions: dict[Ledger, dict[str, str]] = {"sell": {}, "cost": {}}
        self._waiting: list[tuple[object, ...]] = []
        self._over: Counter[str] = Counter()

    def add(self, key: ReportKey, customer_name: str, sheet: Sheet, verdict: Verdict) -> None:
        """Take a sheet with what becomes of it."""
        if verdict.state == "final":
            self._final.append((key, customer_name, sheet))
        if verdict.state in {"final", "empty"}:
            self._positions[cast(Ledger, key.ledger)].update(sheet.positions)
            self._over.update(sheet.over)
        else:
            self._waiting.append(
                (
                    key.report_id,
                    key.customer_id,
                    key.ledger,
                    key.currency,
                    verdict.state,
                    customer_name,
                    sheet.net,
                    verdict.reason,
                    "system" if verdict.state == "held" else None,
                    sheet.pending,
                )
            )

    def flush(self) -> list[Sealed]:
        """Write everything but the final reports themselves, which are returned."""
        month = f"{self._job.until_on:%Y_%m}"
        sealed = self._write_lines(f"report_lines_{month}")
        self._write_positions(f"billed_positions_{month}")
        if self._waiting:
            _write_waiting(self._connection, self._job, self._waiting)
        over = [name for name, ledgers in self._over.items() if ledgers == len(self._job.ledgers)]
        if over:
            self._connection.execute(
                "update subscriptions set settled = true where reseller_id = %s and subscription_id = any(%s)",
                [self._job.reseller, over],
            )
        return sealed

    def _write_lines(self, table: str) -> list[Sealed]:
        """Number the rows of each report in its order and write them; returns the reports with their counts and hashes."""
        sealed: list[Sealed] = []

        def rows() -> Iterator[str]:
            for key, customer_name, sheet in self._final:
                digest = hashlib.sha256()
                head = f"{key.report_id}\t{key.reseller}\t{key.customer_id}\t{key.ledger}\t{key.until_on}\t"
                sheet.rows.sort()
                for start in range(0, len(sheet.rows), _ROWS_AT_ONCE):
                    piece = sheet.rows[start : start + _ROWS_AT_ONCE]
                    texts = [f"{number}\t{row[-1]}\n" for number, row in enumerate(piece, start=start + 1)]
                    digest.update("".join(texts).encode())
                    yield head + head.join(texts)
                sealed.append(
                    Sealed(
                        cast(Ledger, key.ledger),
                        key.customer_id,
                        key.currency,
                        key.report_id,
                        customer_name,
                        sheet.net,
                        len(sheet.rows),
                        digest.hexdigest(),
                        ENGINE,
                    )
                )

        if self._final:
            _copy(
                self._connection,
                table,
                f"report_id, reseller_id, customer_id, ledger, dated_on, {COLUMNS}",
                rows(),
            )
        return sealed

    def _write_positions(self, table: str) -> None:
        job, (sell, cost) = self._job, self._positions.values()
        names = dict.fromkeys([*sell, *cost])
        if not names:
            return
        known = _present(self._connection, job, list(names)) if job.is_begun else set()
        head = f"{job.reseller}\t"
        tail = job.until_on.isoformat()
        rows = (
            f"{head}{name}\t{tail}\t{_escaped(sell.get(name))}\t{_escaped(cost.get(name))}\n"
            for name in names
            if name not in known
        )
        _copy(self._connection, table, "reseller_id, subscription_id, until_on, sell, cost", rows)
        for name in known:
            self._connection.execute(
                "update billed_positions set sell = coalesce(sell, %s), cost = coalesce(cost, %s) "
                "where subscription_id = %s and until_on = %s and reseller_id = %s",
                [sell.get(name), cost.get(name), name, job.until_on, job.reseller],
            )


def _present(connection: psycopg.Connection, job: CloseJob, names: Sequence[str]) -> set[str]:
    """Subscriptions that have a row of this window, for the other ledger."""
    rows = connection.execute(
        "select subscription_id from billed_positions where reseller_id = %s and until_on = %s and subscription_id = any(%s)",
        [job.reseller, job.until_on, list(names)],
    )
    return {row[0] for row in rows}


def _write_waiting(
    connection: psycopg.Connection, job: CloseJob, reports: Sequence[tuple[object, ...]]
) -> None:
    connection.execute(
        "insert into reports (report_id, customer_id, ledger, currency, state, customer_name, net_minor, "
        "hold_reason, held_by, pending_count, line_count, sha256, reseller_id, from_on, until_on, watermark, engine) "
        "select r ->> 0, r ->> 1, r ->> 2, r ->> 3, r ->> 4, r ->> 5, (r ->> 6)::bigint, r ->> 7, r ->> 8, (r ->> 9)::int, "
        "0, '', %s, %s, %s, %s, %s from jsonb_array_elements(%s::jsonb) as r "
        "on conflict (report_id) do update set state = excluded.state, customer_name = excluded.customer_name, "
        "net_minor = excluded.net_minor, line_count = excluded.line_count, sha256 = excluded.sha256, "
        "pending_count = excluded.pending_count, hold_reason = excluded.hold_reason, held_by = excluded.held_by, watermark = excluded.watermark, "
        "engine = excluded.engine where reports.state in ('open', 'blocked', 'held')",
        [
            job.reseller,
            job.from_on,
            job.until_on,
            job.watermark,
            ENGINE,
            msgspec.json.encode(reports).decode(),
        ],
    )


def _copy(connection: psycopg.Connection, table: str, columns: str, rows: Iterable[str]) -> None:
    statement = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(table), sql.SQL(columns))
    with connection.cursor().copy(statement) as copy:
        piece, size = list[str](), 0
        for row in rows:
            piece.append(row)
            size += len(row)
            if size >= _CHARACTERS_AT_ONCE:
                copy.write("".join(piece))
                piece, size = [], 0
        copy.write("".join(piece))


def _escaped(text: str | None) -> str:
    return "\\N" if text is None else text.replace("\\", "\\\\")
