"""What makes written reports final: number, state and `ReportIssued` together, a few thousand a transaction, in one order.

The order is ledger, customer, currency, so that numbers do not depend on how the work was divided, nor on a crash.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import msgspec
import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from csp_billing.closing.summary import summarised
from csp_billing.domain.taxes import TaxGroup, groups
from csp_billing.taxes.rating import rated_lines
from csp_contracts.billing_v1 import BillingCycleClosed, BillingCycleOpened, ReportIssued
from csp_contracts.codec import decode_meta
from csp_contracts.envelope import Meta, Recorded
from csp_contracts.ids import Kind, named_id
from csp_runtime.bulk_append import append_in, append_rows, row_of, version_of
from csp_runtime.crash_points import crash_point

REPORTS_AT_ONCE = 2_000
_PREFIX: Mapping[str, str] = {"sell": "R", "cost": "C"}
_ONE_ISSUER = 7_206_555
_FIRST = ("", "", "")


def issue_written(connection: psycopg.Connection, schema: str, cycle_id: str) -> int:
    """Issue every report of a cycle that is written; returns how many. Safe to run again and from several places."""
    issued, after = 0, _FIRST
    while True:
        with connection.transaction():
            cycle = _locked(connection, cycle_id)
            reports = _written(connection, cycle, after)
            if not reports:
                if after == _FIRST:
                    break
                after = _FIRST  # what was written meanwhile, behind us
                continue
            after = _place(reports[-1])
            issue(
                connection,
                schema,
                reports,
                cycle["started_at"],
                decode_meta(cycle["command"]["meta"].encode()),
            )
            crash_point("close.reports-issued")
        issued += len(reports)
    return issued


def issue(
    connection: psycopg.Connection,
    schema: str,
    reports: Sequence[Mapping[str, Any]],
    at: datetime,
    meta: Meta,
) -> list[str]:
    """Number and issue written reports of one window, in their order, in the caller's transaction; returns their numbers."""
    numbers = _numbered(connection, reports)
    rated = rated_lines(connection, meta.reseller, reports, at)
    taxes = [groups(rated.get(report["report_id"], ())) for report in reports]
    with ThreadPoolExecutor(max_workers=1) as beside:
        # While the database numbers them, their events are made.
        updated = beside.submit(_update, connection, meta.reseller, reports, numbers, taxes, at)
        events = [
            row_of(
                Recorded(
                    stream=report["report_id"],
                    version=1,
                    data=_issued(report, number, _tax(of_report)),
                    meta=_meta_of(report, meta, at),
                )
            )
            for report, number, of_report in zip(reports, numbers, taxes, strict=True)
        ]
        updated.result()
    append_rows(connection, schema, events)
    return numbers


def _update(
    connection: psycopg.Connection,
    reseller: str,
    reports: Sequence[Mapping[str, Any]],
    numbers: Sequence[str],
    taxes: Sequence[Sequence[TaxGroup]],
    at: datetime,
) -> None:
    connection.execute(
        "update reports r set state = 'issued', number = n ->> 1, issued_at = %s, tax_minor = (n ->> 2)::bigint, taxes = n -> 3 "
        "from jsonb_array_elements(%s::jsonb) as n "
        "where r.report_id = n ->> 0 and r.reseller_id = %s and r.until_on = %s and r.state = 'closing' "
        # They lie side by side there: without these bounds all that the reseller ever issued would be passed.
        "and (r.ledger, r.customer_id, r.currency) >= (%s, %s, %s) and (r.ledger, r.customer_id, r.currency) <= (%s, %s, %s)",
        [
            at,
            msgspec.json.encode(
                [
                    (report["report_id"], number, _tax(each), [_group_json(group) for group in each])
                    for report, number, each in zip(reports, numbers, taxes, strict=True)
                ]
            ).decode(),
            reseller,
            reports[0]["until_on"],
            *_place(reports[0]),
            *_place(reports[-1]),
        ],
    )


def finish(connection: psycopg.Connection, schema: str, cycle_id: str, now: datetime) -> bool:
    """Close a cycle of which every report is issued or held; false while it still waits for somebody."""
    with connection.transaction():
        cycle = _locked(connection, cycle_id)
        if cycle["state"] != "closing":
            return bool(cycle["state"] == "closed")
        waiting = connection.execute(
            "select exists (select from close_shards where cycle_id = %s and done_at is null) or exists ("
            "select from reports where reseller_id = %s and until_on = %s and state in ('closing', 'blocked'))",
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


def _written(
    connection: psycopg.Connection, cycle: Mapping[str, Any], after: tuple[str, str, str]
) -> list[dict[str, Any]]:
    """Some written reports behind a ledger, customer and currency, in the order in which they are numbered."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "select report_id, reseller_id, customer_id, ledger, currency, from_on, until_on, net_minor, line_count, sha256 "
            "from reports where reseller_id = %s and until_on = %s and state = 'closing' "
            "and (ledger, customer_id, currency) > (%s, %s, %s) order by ledger, customer_id, currency limit %s",
            [cycle["reseller_id"], cycle["until_on"], *after, REPORTS_AT_ONCE],
        ).fetchall()


def _place(report: Mapping[str, Any]) -> tuple[str, str, str]:
    """What the reports of a window are numbered by."""
    return report["ledger"], report["customer_id"], report["currency"]


def _numbered(connection: psycopg.Connection, reports: Sequence[Mapping[str, Any]]) -> list[str]:
    """The next numbers of each ledger; counted in the transaction that issues, so that none is missing."""
    numbers: list[str] = [""] * len(reports)
    for ledger, prefix in _PREFIX.items():
        places = [place for place, report in enumerate(reports) if report["ledger"] == ledger]
        if not places:
            continue
        row = connection.execute(
            "insert into report_numbers (reseller_id, ledger, last_number) values (%(reseller)s, %(ledger)s, %(count)s) "
            "on conflict (reseller_id, ledger) do update set last_number = report_numbers.last_number + %(count)s "
            "returning last_number",
            {"reseller": reports[0]["reseller_id"], "ledger": ledger, "count": len(places)},
        ).fetchone()
        last = 0 if row is None else int(row[0])
        for number, place in enumerate(places, start=last - len(places) + 1):
            numbers[place] = f"{prefix}-{number:06d}"
    return numbers


def _meta_of(report: Mapping[str, Any], meta: Meta, moment: datetime) -> Meta:
    """A customer's feed carries what is the customer's; what a subscription costs is not."""
    return replace(
        meta,
        partition_key=report["customer_id"],
        customer=report["customer_id"] if report["ledger"] == "sell" else None,
        effective_at=moment,
        recorded_at=moment,
    )


def _tax(taxes: Sequence[TaxGroup]) -> int:
    return sum(group.tax for group in taxes)


def _group_json(group: TaxGroup) -> dict[str, int]:
    return {"basis_points": group.basis_points, "net_minor": group.net, "tax_minor": group.tax}


@lru_cache(maxsize=64)
def _cycle_id(reseller: str, until_on: date) -> str:
    return named_id(Kind.BILLING_CYCLE, reseller, until_on.isoformat())


def _issued(report: Mapping[str, Any], number: str, tax: int) -> ReportIssued:
    return ReportIssued(
        report_id=report["report_id"],
        cycle_id=_cycle_id(report["reseller_id"], report["until_on"]),
        customer_id=report["customer_id"],
        number=number,
        ledger=report["ledger"],
        currency=report["currency"],
        dated_on=report["until_on"],
        from_on=report["from_on"],
        until_on=report["until_on"],
        net_minor=report["net_minor"],
        tax_minor=tax,
        lines=report["line_count"],
        sha256=report["sha256"],
    )
