"""Export: rows per second of an issued report as CSV, each with its sentence ÷ `COPY … TO STDOUT` of the same rows; and the

time to the first page of a reseller's reports, printed without a limit. One report of 100,000 lines, in constant memory.
"""

import argparse
import csv
import io
import resource
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from bench._billing_book import FIRST, RESELLER, SCHEMA, Book, keep, make_known
from bench._report import Figure, report
from bench._spine import own_postgres
from bench.close import close, months_from
from csp_billing.adapters.line_stream import LineStream
from csp_billing.closing.pool import ShardPool, usual_processes
from csp_billing.ports import Report, ReportKey, Seal
from csp_billing.reports.csv_export import csv_rows
from csp_billing.reports.views import json_lines
from csp_billing.settling.line_rows import COLUMNS
from csp_contracts import event_types as _registers_all_types  # noqa: F401
from csp_runtime.database import DatabaseRole, connection_info
from csp_runtime.migrate import migrate
from csp_runtime.scope import Role, Scope


def issued(worker: psycopg.Connection) -> Report:
    """The largest issued report, without its lines."""
    row = worker.execute(
        "select report_id, customer_id, ledger, currency, from_on, until_on, customer_name, number, sha256, net_minor, line_count "
        "from reports where state = 'issued' order by line_count desc limit 1"
    ).fetchone()
    assert row is not None
    key = ReportKey(
        report_id=row[0],
        reseller=RESELLER,
        customer_id=row[1],
        ledger=row[2],
        currency=row[3],
        from_on=row[4],
        until_on=row[5],
    )
    seal = Seal(number=row[7], sha256=row[8], issued_at=datetime.now(UTC))
    return Report(key=key, customer_name=row[6], status="issued", net=row[9], line_count=row[10], seal=seal)


def bare(owner: psycopg.Connection, found: Report) -> float:
    """Rows per second of COPY alone."""
    count, begin = 0, time.perf_counter()
    statement = (
        f"copy (select {COLUMNS} from {SCHEMA}.report_lines where report_id = %s order by position) to stdout"
    )
    with owner.cursor().copy(statement, [found.key.report_id]) as copy:
        for block in copy:
            count += bytes(block).count(b"\n")
    if count != found.line_count:
        sys.exit(f"{count} rows instead of {found.line_count}")
    return count / (time.perf_counter() - begin)


def main() -> None:
    """Close a book of one customer, export its report, check the sum."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    book = Book([given.lines])
    scope = Scope(reseller=RESELLER, customer=None, roles=frozenset({Role.RESELLER_BILLING}), actor="bench")
    with own_postgres() as server:
        migrate(server.url, SCHEMA, ["csp_runtime", "csp_billing"])
        info = connection_info(server.url, SCHEMA, DatabaseRole.WORKER)
        with (
            psycopg.connect(server.url, autocommit=True) as owner,
            psycopg.connect(info, autocommit=True) as worker,
        ):
            keep(owner, book.purchases())
            make_known(owner, book)
            pool = ShardPool(server.url, SCHEMA, usual_processes())
            close(worker, pool, *months_from(FIRST, 2))
            pool.close()
            owner.execute("vacuum analyze")
            found = issued(worker)
            stream = LineStream(server.url, SCHEMA)
            stream.open()
            limits, rates, objects = [], [], []
            for _ in range(given.rounds):
                limits.append(bare(owner, found))
                before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                begin = time.perf_counter()
                for _ in csv_rows(found, stream.texts(scope, found.key), {}):
                    pass
                rates.append(found.line_count / (time.perf_counter() - begin))
                grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
                begin = time.perf_counter()
                for _ in json_lines(found, stream.lines(scope, found.key), {}):
                    pass
                objects.append(found.line_count / (time.perf_counter() - begin))
                total = _sum("".join(csv_rows(found, stream.texts(scope, found.key), {})))
                if total != found.net:
                    sys.exit(f"the exported rows sum to {total}, the report to {found.net}")
            stream.close()
    print(
        f"memory grew by {grown / 1024:.0f} MiB over {found.line_count} rows; JSON Lines {max(objects):,.0f} rows/s"
    )
    report(
        [
            Figure(
                name="export, CSV",
                figure=max(rates),
                limit=max(limits),
                limit_name="COPY … TO STDOUT of the same rows",
                unit="rows/s",
                aim="≥ 0.3",
            )
        ],
        given.json,
    )


def _sum(text: str) -> int:
    rows = list(csv.reader(io.StringIO(text, newline="")))[1:]
    return sum(int(row[12].replace(".", "")) for row in rows)


if __name__ == "__main__":
    main()
