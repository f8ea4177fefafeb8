"""Does a close cost more when there is more history? The same book is closed month after month, 125 times.

Compared are the closes 2–4, 14–16, 62–64 and 122–124: of the same phase of the year, so that each has as many renewals.
Cost is CPU time of the workers for each line; the time of the database is in the wall clock, which is printed beside it.
"""

import argparse
import sys
from itertools import pairwise
from pathlib import Path

import psycopg

from bench._billing_book import FIRST, SCHEMA, Book, keep, make_known
from bench._report import Figure, report
from bench._spine import own_postgres
from bench.close import Closed, close, months_from
from csp_billing.closing.pool import ShardPool
from csp_billing.verifying.verify import verify
from csp_contracts import event_types as _registers_all_types  # noqa: F401
from csp_runtime.database import DatabaseRole, connection_info
from csp_runtime.migrate import migrate

COMPARED = {2: "1", 14: "12", 62: "60", 122: "120"}


def cpu_per_line(closes: list[Closed]) -> float:
    """CPU-microseconds of the workers for a line."""
    lines = sum(one.lines for one in closes)
    return sum(effort.cpu_seconds for one in closes for effort in one.efforts) / lines * 1e6


def wall_per_line(closes: list[Closed]) -> float:
    """Microseconds from command to end for a line."""
    return sum(one.seconds for one in closes) / sum(one.lines for one in closes) * 1e6


def main() -> None:
    """Close on and on; compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=100)
    parser.add_argument("--per-customer", type=int, default=30)
    parser.add_argument("--months", type=int, default=125)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    book = Book([given.per_customer] * given.customers)
    closes: list[Closed] = []
    with own_postgres() as server:
        migrate(server.url, SCHEMA, ["csp_runtime", "csp_billing"])
        info = connection_info(server.url, SCHEMA, DatabaseRole.WORKER)
        with (
            psycopg.connect(server.url, autocommit=True) as owner,
            psycopg.connect(info, autocommit=True) as worker,
        ):
            keep(owner, book.purchases())
            make_known(owner, book)
            pool = ShardPool(server.url, SCHEMA, 0)
            for number, (first, after) in enumerate(pairwise(months_from(FIRST, given.months + 1))):
                if number:
                    keep(owner, book.month(first, ends=False))
                closes.append(close(worker, pool, first, after))
                if number % 12 == 0:
                    owner.execute("vacuum analyze")
                    print(f"{number} of {given.months} closes", file=sys.stderr)
            found = verify(worker, book_reseller(worker))
            if found.differences:
                sys.exit("\n".join(found.differences[:10]))
    figures = []
    first_three = closes[2:5]
    for start, name in COMPARED.items():
        three = closes[start : start + 3]
        if len(three) < 3:
            break
        print(f"month {name}: {cpu_per_line(three):.1f} CPU µs, {wall_per_line(three):.1f} µs a line")
        if start > 2:
            figures.append(
                Figure(
                    name=f"close, month {name}",
                    figure=cpu_per_line(three),
                    limit=cpu_per_line(first_three),
                    limit_name="the close of month 1",
                    unit="CPU µs",
                    aim="≤ 1.05",
                )
            )
    report(figures, given.json)


def book_reseller(worker: psycopg.Connection) -> str:
    """The only reseller of the book."""
    row = worker.execute("select distinct reseller_id from customers").fetchone()
    assert row is not None
    return str(row[0])


if __name__ == "__main__":
    main()
