"""What makes sealed reports final: number, row and `ReportIssued` together, a few thousand a transaction, in one order.

The order is ledger, customer, currency, so that numbers do not depend on how the work was divided, nor on a crash.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime
from typing import Any, NamedTuple

import msgspec
import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from csp_billing.closing.sealed import STILL_CLOSING, Sealed, sealed_of
from csp_billing.closing.summary import summarised
from csp_billing.domain.taxes import TaxGroup, groups
from csp_billing.taxes.rating import rated_lines
from csp_contracts.billing_v1 import BillingCycleClosed, BillingCycleOpened, ReportIssued
from csp_contracts.codec import decode_meta, encode_event, join_state, meta_encoder
from csp_contracts.envelope import Meta, Recorded
from csp_runtime.bulk_append import Row, append_in, append_rows, version_of
from csp_runtime.crash_points import crash_point

REPORTS_AT_ONCE = 2_000
_PREFIX: Mapping[str, str] = {"sell": "R", "cost": "C"}
_ONE_ISSUER = 7_206_555


class Window(NamedTuple):
    """Of which window reports are issued, frozen at which arrival of the log, and the moment of their close."""

    reseller: str
    cycle_id: str
    from_on: date
    until_on: date
    watermark: int
    at: datetime


def issue_written(connection: psycopg.Connection, schema: str, cycle_id: str) -> int:
    """Issue what the shards of a cycle have sealed, once all of them are done; returns how many reports.

    Safe to run again and from several places: the cycle says how many are issued, in the order that never changes.
    """
    sealed: list[Sealed] | None = None
    issued = 0
    while True:
        with connection.transaction():
            cycle = _locked(connection, cycle_id)
            if sealed is None:
                sealed = sealed_of(connection, cycle_id)
            done = cycle["issued"]
            reports = [] if sealed is None else sealed[done : done + REPORTS_AT_ONCE]
            if not reports:
                return issued
            window = Window(
                cycle["reseller_id"],
                cycle_id,
                cycle["from_on"],
                cycle["until_on"],
                cycle["watermark"],
                cycle["started_at"],
            )
            issue(connection, schema, window, reports, decode_meta(cycle["command"]["meta"].encode()))
            _count(connection, window, done + len(reports), of=len(sealed or ()))
            crash_point("close.reports-issued")
        issued += len(reports)


def issue(
    connection: psycopg.Connection, schema: str, window: Window, reports: Sequence[Sealed], meta: Meta
) -> None:
    """Number and issue sealed reports of one window, in their order, in the caller's transaction."""
    numbers = _numbered(connection, window.reseller, reports)
    rated = rated_lines(
        connection,
        window.reseller,
        [(report.report_id, report.customer_id) for report in reports if report.ledger == "sell"],
        window.until_on,
        window.at,
    )
    taxes = [groups(rated.get(report.report_id, ())) for report in reports]
    with ThreadPoolExecutor(max_workers=1) as beside:
        # While the database writes them, their events are made.
        written = beside.submit(_write, connection, window, reports, numbers, taxes)
        meta_of = meta_encoder(at(meta, window.at))
        events = [
            _event(window, report, number, _tax(of_report), meta_of)
            for report, number, of_report in zip(reports, numbers, taxes, strict=True)
        ]
        written.result()
    append_rows(connection, schema, events)


def _write(
    connection: psycopg.Connection,
    window: Window,
    reports: Sequence[Sealed],
    numbers: Sequence[str],
    taxes: Sequence[Sequence[TaxGroup]],
) -> None:
    rows = [
        (*report, number, _tax(each), [_group_json(group) for group in each])
        for report, number, each in zip(reports, numbers, taxes, strict=True)
    ]
    written = connection.execute(
        "insert into reports (ledger, customer_id, currency, report_id, customer_name, net_minor, line_count, sha256, engine, "
        "number, tax_minor, taxes, state, reseller_id, from_on, until_on, watermark, issued_at) "
        "select r ->> 0, r ->> 1, r ->> 2, r ->> 3, r ->> 4, (r ->> 5)::bigint, (r ->> 6)::int, r ->> 7, r ->> 8, "
        "r ->> 9, (r ->> 10)::bigint, r -> 11, 'issued', %s, %s, %s, %s, %s from jsonb_array_elements(%s::jsonb) as r "
        # Of some the id is known already, or somebody had to look at them.
        "on conflict (report_id) do update set state = excluded.state, customer_name = excluded.customer_name, "
        "net_minor = excluded.net_minor, line_count = excluded.line_count, sha256 = excluded.sha256, "
        "engine = excluded.engine, number = excluded.number, tax_minor = excluded.tax_minor, taxes = excluded.taxes, "
        "watermark = excluded.watermark, issued_at = excluded.issued_at, pending_count = 0, hold_reason = null, "
        "held_by = null where reports.state in ('open', 'blocked', 'held')",
        [
            window.reseller,
            window.from_on,
            window.until_on,
            window.watermark,
            window.at,
            msgspec.json.encode(rows).decode(),
        ],
    ).rowcount
    if written != len(reports):
        raise RuntimeError(f"{len(reports) - written} reports of {window.cycle_id} are final already")


def _count(connection: psycopg.Connection, window: Window, issued: int, *, of: int) -> None:
    connection.execute(
        "update cycles set issued = %s where reseller_id = %s and cycle_id = %s",
        [issued, window.reseller, window.cycle_id],
    )
    if issued == of:
        connection.execute("update close_shards set sealed = null where cycle_id = %s", [window.cycle_id])


def finish(connection: psycopg.Connection, schema: str, cycle_id: str, now: datetime) -> bool:
    """Close a cycle of which every report is issued or held; false while it still waits for somebody."""
    with connection.transaction():
        cycle = _locked(connection, cycle_id)
        if cycle["state"] != "closing":
            return bool(cycle["state"] == "closed")
        waiting = connection.execute(
            f"select {STILL_CLOSING} "
            "or exists (select from reports where reseller_id = %s and until_on = %s and state = 'blocked')",
            [cycle_id, cycle["reseller_id"], cycle["until_on"]],
        ).fetchone()
        if waiting is None or waiting[0]:
            return False
        summary = summarised(connection, cycle["reseller_id"], cycle["until_on"])
        connection.execute(
            "update cycles set state = 'closed', closed_at = %s, summary = %s "
            "where reseller_id = %s and cycle_id = %s",
            [now, Jsonb(summary.as_json()), cycle["reseller_id"], cycle_id],
        )
        meta = decode_meta(cycle["command"]["meta"].encode())
        closed = BillingCycleClosed(
            cycle_id=cycle_id,
            reports=summary.reports,
            held=summary.held,
            net_minor=summary.net_minor["sell"],
            cost_minor=summary.net_minor["cost"],
            lines=summary.lines,
            tax_minor=summary.tax_minor,
            sha256=summary.sha256,
        )
        version = version_of(connection, schema, cycle_id) + 1
        append_in(
            connection, schema, [Recorded(stream=cycle_id, version=version, data=closed, meta=at(meta, now))]
        )
        crash_point("close.finished")
    return True


def opened(cycle_id: str, from_on: date, until_on: date, meta: Meta) -> Recorded[Any]:
    """The first event of a cycle."""
    data = BillingCycleOpened(cycle_id=cycle_id, from_on=from_on, until_on=until_on)
    return Recorded(stream=cycle_id, version=1, data=data, meta=meta)


def at(meta: Meta, moment: datetime) -> Meta:
    """The meta of a command for what it causes at a moment."""
    return replace(meta, effective_at=moment, recorded_at=moment)


def _locked(connection: psycopg.Connection, cycle_id: str) -> dict[str, Any]:
    """The cycle, with its reseller's issuing to ourselves until the transaction ends."""
    with connection.cursor(row_factory=dict_row) as cursor:
        cycle = cursor.execute("select * from cycles where cycle_id = %s", [cycle_id]).fetchone()
        if cycle is None:
            raise LookupError(f"there is no cycle {cycle_id}")
        alone_with(connection, cycle["reseller_id"])
        # Again, behind the lock: another may just have finished it.
        again = cursor.execute("select * from cycles where cycle_id = %s", [cycle_id]).fetchone()
    return again or cycle


def alone_with(connection: psycopg.Connection, reseller: str) -> None:
    """One issuer of a reseller at a time, over all processes, until the transaction ends."""
    connection.execute("select pg_advisory_xact_lock(%s, hashtext(%s))", [_ONE_ISSUER, reseller])


def _numbered(connection: psycopg.Connection, reseller: str, reports: Sequence[Sealed]) -> list[str]:
    """The next numbers of each ledger; counted in the transaction that issues, so that none is missing."""
    numbers: list[str] = [""] * len(reports)
    for ledger, prefix in _PREFIX.items():
        places = [place for place, report in enumerate(reports) if report.ledger == ledger]
        if not places:
            continue
        row = connection.execute(
            "insert into report_numbers (reseller_id, ledger, last_number) values (%(reseller)s, %(ledger)s, %(count)s) "
            "on conflict (reseller_id, ledger) do update set last_number = report_numbers.last_number + %(count)s "
            "returning last_number",
            {"reseller": reseller, "ledger": ledger, "count": len(places)},
        ).fetchone()
        last = 0 if row is None else int(row[0])
        for number, place in enumerate(places, start=last - len(places) + 1):
            numbers[place] = f"{prefix}-{number:06d}"
    return numbers


def _event(
    window: Window, report: Sealed, number: str, tax: int, meta_of: Callable[[str, str | None], bytes]
) -> Row:
    """`ReportIssued` as it is stored. A customer's feed carries what is the customer's; what a subscription costs is not."""
    wire_name, data = encode_event(_issued(window, report, number, tax))
    meta = meta_of(report.customer_id, report.customer_id if report.ledger == "sell" else None)
    return report.report_id, 1, wire_name, join_state(data, meta)


def _tax(taxes: Sequence[TaxGroup]) -> int:
    return sum(group.tax for group in taxes)


def _group_json(group: TaxGroup) -> dict[str, int]:
    return {"basis_points": group.basis_points, "net_minor": group.net, "tax_minor": group.tax}


def _issued(window: Window, report: Sealed, number: str, tax: int) -> ReportIssued:
    return ReportIssued(
        report_id=report.report_id,
        cycle_id=window.cycle_id,
        customer_id=report.customer_id,
        number=number,
        ledger=report.ledger,
        currency=report.currency,
        dated_on=window.until_on,
        from_on=window.from_on,
        until_on=window.until_on,
        net_minor=report.net,
        tax_minor=tax,
        lines=report.lines,
        sha256=report.sha256,
    )
