"""Close: lines per second from the command to all lines committed and readable ÷ a bare binary COPY of exactly those lines.

The book is made before; the first window's close bills the purchases. `--months` closes follow each other, each with
10 % quantity changes, 2 % cancellations, 1 % suspensions and 0.5 % price edits, and are measured together; second and
third runs of the last one must write nothing, every position must be
what a fold from the first event gives, and a sample of sums what an oracle says that shares no code with the core.
"""

import argparse
import resource
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path

import psycopg

from bench._billing_book import FIRST, RESELLER, SCHEMA, Book, keep, make_known, zipf
from bench._cpu import cpu_seconds
from bench._report import Figure, report
from bench._second_opinion import disagreements
from bench._spine import own_postgres
from csp_billing.closing.commands import begin_close
from csp_billing.closing.cycles import open_cycles
from csp_billing.closing.issuing import finish, issue_written
from csp_billing.closing.pool import Effort, ShardPool, usual_processes
from csp_billing.verifying.verify_pool import verify_in_processes
from csp_contracts import event_types as _registers_all_types  # noqa: F401
from csp_contracts.envelope import Meta
from csp_runtime.database import DatabaseRole, connection_info
from csp_runtime.migrate import migrate

_TOLD_EVERY = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """One close: lines written, seconds from the command to the cycle's end, and what its workers and the database did.

    `issuer_seconds` is the CPU time of the process that begins, issues and ends it, with the workers' where it is the only one.
    """

    lines: int
    reports: int
    seconds: float
    efforts: list[Effort]
    issuer_seconds: float
    database_seconds: float = 0.0

    @property
    def worker_seconds(self) -> float:
        """CPU time of the workers."""
        return sum(effort.cpu_seconds for effort in self.efforts)


def months_from(first: date, count: int) -> list[date]:
    """First days of so many windows that close on the 15th."""
    months = [first.year * 12 + first.month - 1 + number for number in range(count)]
    return [date(month // 12, month % 12 + 1, 16) for month in months]


def close(worker: psycopg.Connection, pool: ShardPool, first: date, after: date) -> Closed:
    """Close the window `[first, after)`."""
    now = datetime(after.year, after.month, after.day, 6, tzinfo=UTC)
    meta = Meta(reseller=RESELLER, partition_key=RESELLER, effective_at=now, recorded_at=now)
    open_cycles(worker, SCHEMA, RESELLER, now)
    row = worker.execute("select cycle_id from cycles where from_on = %s", [first]).fetchone()
    top = worker.execute("select max(arrival) from inbox").fetchone()
    assert row is not None
    assert top is not None
    begin, cpu = time.perf_counter(), time.process_time()
    with worker.transaction():
        begin_close(worker, row[0], lambda: int(top[0]), reseller=RESELLER, now=now, meta=meta)
    shards = worker.execute("select count(*) from close_shards where cycle_id = %s", [row[0]]).fetchone()
    assert shards is not None
    efforts = pool.run(row[0], shards[0])
    issue_written(worker, SCHEMA, row[0])
    if not finish(worker, SCHEMA, row[0], now):
        waiting = worker.execute(
            "select hold_reason, count(*) from reports where state = 'blocked' group by 1"
        ).fetchall()
        sys.exit(f"the cycle of {first} is not closed: {waiting}")
    seconds, issuer = time.perf_counter() - begin, time.process_time() - cpu
    count = worker.execute(
        "select count(*), count(distinct report_id) from report_lines where dated_on = %s", [after]
    ).fetchone()
    assert count is not None
    return Closed(lines=count[0], reports=count[1], seconds=seconds, efforts=efforts, issuer_seconds=issuer)


def bare_copy(owner: psycopg.Connection, days: list[date]) -> float:
    """Lines per second of a bare COPY of the lines of some closes into the same table, emptied before."""
    total, seconds = 0, 0.0
    for day in days:
        table = f"{SCHEMA}.report_lines_{day:%Y_%m}"
        with tempfile.TemporaryFile() as data:
            with owner.cursor().copy(f"copy {table} to stdout (format binary)".encode()) as copy:
                for piece in copy:
                    data.write(piece)
            row = owner.execute(f"select count(*) from {table}".encode()).fetchone()
            assert row is not None
            owner.execute(f"truncate {table}".encode())
            owner.execute("checkpoint")
            data.seek(0)
            begin = time.perf_counter()
            with owner.cursor().copy(f"copy {table} from stdin (format binary)".encode()) as copy:
                while piece := data.read(1 << 18):
                    copy.write(piece)
            seconds += time.perf_counter() - begin
        total += row[0]
    return total / seconds


def main() -> None:
    """Make the book, close, check, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscriptions", type=int, default=100_000, help="of all customers, by Zipf's law")
    parser.add_argument("--customers", type=int, help="default: one for twenty subscriptions")
    parser.add_argument("--per-customer", type=int, help="all customers alike")
    parser.add_argument("--months", type=int, default=2, help="measured closes (default: %(default)s)")
    parser.add_argument("--ledgers", type=int, choices=(1, 2), default=2, help="1: sales only")
    parser.add_argument("--processes", type=int, default=usual_processes())
    parser.add_argument(
        "--first-measured", action="store_true", help="measure the close of the purchases too"
    )
    parser.add_argument("--no-verify", action="store_true", help="leave out the fold from the first event")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    customers = given.customers or given.subscriptions // 20
    sizes = [given.per_customer] * customers if given.per_customer else zipf(given.subscriptions, customers)
    book = Book(sizes, ledgers=given.ledgers)
    with own_postgres() as server:
        migrate(server.url, SCHEMA, ["csp_runtime", "csp_billing"])
        with (
            psycopg.connect(server.url, autocommit=True) as owner,
            psycopg.connect(
                connection_info(server.url, SCHEMA, DatabaseRole.WORKER), autocommit=True
            ) as worker,
        ):
            keep(owner, book.purchases())
            make_known(owner, book)
            if given.ledgers == 1:
                owner.execute(
                    f"insert into {SCHEMA}.reseller_settings values (%s, 'cost_ledger', 'off', %s, 1)".encode(),
                    [RESELLER, FIRST],
                )
            pool = ShardPool(server.url, SCHEMA, given.processes)
            days = months_from(FIRST, given.months + 2)
            closes = []
            for number, (first, after) in enumerate(pairwise(days)):
                if number:
                    keep(owner, book.month(first))
                owner.execute("vacuum analyze")
                owner.execute("checkpoint")
                before = cpu_seconds(server.pid or 0)
                one = close(worker, pool, first, after)
                one = replace(one, database_seconds=cpu_seconds(server.pid or 0) - before)
                closes.append(one)
                print(
                    f"window from {first}: {one.lines} lines of {one.reports} reports in {one.seconds:.2f} s, "
                    f"{one.lines / one.seconds:,.0f} lines/s, "
                    f"CPU {one.worker_seconds:.2f} s in {len(one.efforts)} workers and {one.database_seconds:.2f} s in the "
                    f"database, peak {max(e.peak_mib for e in one.efforts):.0f} MiB",
                    flush=True,
                )
            measured = closes if given.first_measured else closes[1:]
            again = worker.execute("select count(*) from report_lines").fetchone()
            for _ in range(2):
                _run_again(worker, pool, days[-2])
            if worker.execute("select count(*) from report_lines").fetchone() != again:
                sys.exit("a second run wrote rows")
            wrong = disagreements(worker, days[-1], sample=300)
            if wrong:
                sys.exit("the oracle says otherwise:\n" + "\n".join(wrong[:10]))
            if not given.no_verify:
                found = verify_in_processes(server.url, SCHEMA, RESELLER, given.processes, progress=_progress)
                print(
                    f"verified {found.subscriptions} subscriptions from their first event: {len(found.differences)} differ"
                )
                if found.differences:
                    sys.exit("\n".join(found.differences[:10]))
            limit = bare_copy(owner, days[-len(measured) :])
            pool.close()
    lines = sum(one.lines for one in measured)
    cpu = {
        "of the workers": sum(one.worker_seconds for one in measured),
        "of the database": sum(one.database_seconds for one in measured),
        "of the issuer": sum(one.issuer_seconds for one in measured),
    }
    shown = ", ".join(f"{each / lines * 100_000:.2f} {whose}" for whose, each in cpu.items())
    print(f"CPU-seconds per 100,000 lines: {shown}")
    print(f"peak memory of this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    report(
        [
            Figure(
                name="close",
                figure=lines / sum(one.seconds for one in measured),
                limit=limit,
                limit_name="bare binary COPY of the same lines",
                unit="lines/s",
                aim="≥ 0.35",
            )
        ],
        given.json,
    )


def _progress(done: int, of: int) -> None:
    if done == of or done % _TOLD_EVERY == 0:
        print(f"{done:,} of {of:,} subscriptions verified", file=sys.stderr)


def _run_again(worker: psycopg.Connection, pool: ShardPool, first: date) -> None:
    row = worker.execute("select cycle_id from cycles where from_on = %s", [first]).fetchone()
    assert row is not None
    pool.run(row[0], 2)
    issue_written(worker, SCHEMA, row[0])
    finish(worker, SCHEMA, row[0], datetime.now(UTC))


if __name__ == "__main__":
    main()
