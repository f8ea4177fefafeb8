#!/usr/bin/env python3
"""Copies billing lines out of a CSP platform into a SQLite file, and proves each closed cycle complete. Python alone, nothing to install.

    erp_reader.py --url http://127.0.0.1:8080 --token "$(csp token)" --into erp.sqlite

Run it as often as you like: it goes on where it stopped. A page's rows and the cursor behind it are committed together, so that
a crash in between costs nothing, and what is told twice is written once. The exit status is 1 while a closed cycle is incomplete.
"""

import argparse
import hashlib
import json
import sqlite3
import sys
import urllib.request
from datetime import datetime

TABLES = """
create table if not exists cursor (one integer primary key check (one = 1), next text not null);
create table if not exists lines (line_id text primary key, report_id text, subscription_id text, ledger text, kind text,
    product_title text, from_on text, until_on text, quantity integer, currency text, amount_minor integer);
create table if not exists reports (report_id text primary key, cycle_id text, customer_id text, number text, ledger text,
    currency text, net_minor integer, lines integer, sha256 text, recorded_at real);
create table if not exists cycles (cycle_id text primary key, reports integer, lines integer, sha256 text, recorded_at real);
"""
OF_TYPE = {
    "csp.billing.billing-line-added.v1": "lines",
    "csp.billing.report-issued.v1": "reports",
    "csp.billing.billing-cycle-closed.v1": "cycles",
}


def main() -> int:
    """Read to the end of the feed, then say of each closed cycle whether all of it is here."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", required=True, help="the gateway's address")
    parser.add_argument("--token", required=True, help="a token of the reseller")
    parser.add_argument("--into", required=True, help="the SQLite file to keep")
    asked = parser.parse_args()
    erp = sqlite3.connect(asked.into)
    erp.executescript(TABLES)
    while take_page(erp, asked.url, asked.token):
        pass
    missing = 0
    for cycle_id, reports, lines, sha256, closed_at in erp.execute(
        "select * from cycles order by recorded_at"
    ):
        fault = what_is_missing(erp, cycle_id, reports, lines, sha256, closed_at)
        print(f"{cycle_id}: {reports} reports, {lines} lines: {fault or 'complete'}")
        missing += fault is not None
    return 1 if missing else 0


def take_page(erp: sqlite3.Connection, url: str, token: str) -> bool:
    """Take the next page; whether there may be more."""
    (after,) = erp.execute("select next from cursor").fetchone() or ("0",)
    asked = urllib.request.Request(
        f"{url}/v1/events?after={after}&limit=1000",
        headers={"Authorization": f"Bearer {token}"},
    )
    with urllib.request.urlopen(asked, timeout=60) as answer:
        page = json.load(answer)
    with erp:  # one transaction
        for event in page["data"]:
            if table := OF_TYPE.get(event["type"]):
                columns = [name for _, name, *_ in erp.execute(f"pragma table_info({table})")]
                recorded_at = datetime.fromisoformat(event["recordedtime"]).timestamp()
                row = {**event["data"], "recorded_at": recorded_at}
                erp.execute(
                    f"insert or ignore into {table} values ({','.join('?' * len(columns))})",
                    [row.get(name) for name in columns],
                )
        erp.execute("insert or replace into cursor values (1, ?)", [page["next"]])
    return bool(page["data"])


def what_is_missing(
    erp: sqlite3.Connection, cycle_id: str, reports: int, lines: int, sha256: str, closed_at: float
) -> str | None:
    """Hold a closed cycle against its `BillingCycleClosed`: counts, sums, and the hash over the hashes of its reports.

    A report that was held at the close and is issued later is not part of it.
    """
    found = erp.execute(
        """select r.number, r.net_minor, r.lines, r.sha256, count(l.line_id), coalesce(sum(l.amount_minor), 0)
        from reports r left join lines l using (report_id) where r.cycle_id = ? and r.recorded_at <= ?
        group by r.report_id order by r.ledger, length(r.number), r.number""",
        [cycle_id, closed_at],
    ).fetchall()
    for number, net, count, _, have, amount in found:
        if (have, amount) != (count, net):
            return f"report {number}: {have} of {count} lines, {amount} of {net}"
    if (len(found), sum(row[2] for row in found)) != (reports, lines):
        return f"{len(found)} of {reports} reports"
    if hashlib.sha256("".join(f"{row[3]}\n" for row in found).encode()).hexdigest() != sha256:
        return "the hashes of the reports do not make the hash of the cycle"
    return None


if __name__ == "__main__":
    sys.exit(main())
