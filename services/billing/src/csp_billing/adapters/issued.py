"""Issued reports and their lines: read inside the caller's scope, written once."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

from psycopg import Cursor
from psycopg.rows import DictRow

from csp_billing.domain.lines import LineKey
from csp_billing.issued import remember, shown_of
from csp_billing.ports import Billed, ReportKey, Sealing
from csp_billing.projections import INBOX_LOCK
from csp_billing.reports import IssuedBefore, Report, Seal, ShownLine, Was
from csp_runtime.database import Database
from csp_runtime.errors import VersionConflict
from csp_runtime.scope import Scope
from csp_runtime.store import Also

_CLOSE_LOCK = 7_206_555
_LINES_A_STATEMENT = 5_000
_KEY = "report_id, customer_id, ledger, currency, from_on, until_on"
_INSERT_LINES = """
insert into issued_lines
select %s, position, %s, %s, %s, line_id, subscription_id, title, product, kind, reason, cycle, role, cause, revision,
    posted_on, from_on, until_on, quantity, unit_price_micro, amount_minor, days, of_days, discount_minor, price_ref,
    rule, caused_by, reverses_cycle, reverses_role, reverses_cause, is_reversal, late
from jsonb_to_recordset(%s::jsonb) as row(
    position integer, line_id text, subscription_id text, title text, product text, kind text, reason text,
    cycle integer, role text, cause text, revision integer, posted_on date, from_on date, until_on date,
    quantity bigint, unit_price_micro bigint, amount_minor bigint, days integer, of_days integer,
    discount_minor bigint, price_ref text, rule text, caused_by text[], reverses_cycle integer, reverses_role text,
    reverses_cause text, is_reversal boolean, late boolean
)
"""


class IssuedReports:
    """What people see of issued reports: row-level security keeps strangers out and cost away from customers."""

    def __init__(self, request: Database) -> None:
        self._request = request

    async def dated(self, scope: Scope, first: date, last: date, customer_ids: Sequence[str]) -> list[Report]:
        """Issued reports dated in a range, without their lines."""
        async with self._request.transaction(scope) as tx:
            cursor = await tx.execute(
                f"select {_KEY}, customer_name, number, sha256, net_minor, line_count, issued_at from reports "
                "where state = 'issued' and reseller_id = %s and until_on between %s and %s "
                "and customer_id = any(%s) and (%s::text is null or (customer_id = %s and ledger = 'sell'))",
                [scope.reseller, first, last, list(customer_ids), scope.customer, scope.customer],
            )
            return [_report(row, ()) for row in await cursor.fetchall()]

    async def whole(self, scope: Scope, report_id: str) -> Report | None:
        """An issued report with its lines; None where there is none in scope, or it is still open."""
        async with self._request.transaction(scope) as tx:
            cursor = await tx.execute(
                f"select {_KEY}, customer_name, number, sha256, net_minor, line_count, issued_at from reports "
                "where state = 'issued' and reseller_id = %s and report_id = %s "
                "and (%s::text is null or (customer_id = %s and ledger = 'sell'))",
                [scope.reseller, report_id, scope.customer, scope.customer],
            )
            row = await cursor.fetchone()
            if row is None:
                return None
            cursor = await tx.execute(
                "select * from issued_lines where report_id = %s order by position", [report_id]
            )
            return _report(row, [shown_of(line) for line in await cursor.fetchall()])


def _report(row: DictRow, lines: Sequence[ShownLine]) -> Report:
    return Report(
        key=ReportKey(**{name: row[name] for name in _KEY.split(", ")}),
        customer_name=row["customer_name"],
        status="issued",
        net=row["net_minor"],
        line_count=row["line_count"],
        lines=lines,
        seal=Seal(number=row["number"], sha256=row["sha256"], issued_at=row["issued_at"]),
    )


class Issuance:
    """What the close itself reads and writes, in the worker's role: it must see what was issued to anybody."""

    def __init__(self, worker: Database) -> None:
        self._worker = worker

    @asynccontextmanager
    async def alone(self, reseller: str) -> AsyncIterator[None]:
        """One close of a reseller at a time, over all processes."""
        async with self._worker.transaction() as tx:
            await tx.execute("select pg_advisory_xact_lock(%s, hashtext(%s))", [_CLOSE_LOCK, reseller])
            yield

    async def watermark(self) -> int:
        """The last arrival in the log of record, with none below it that could still commit."""
        async with self._worker.transaction() as tx:
            await tx.execute("select pg_advisory_xact_lock(%s)", [INBOX_LOCK])
            cursor = await tx.execute("select coalesce(max(arrival), 0) as last from inbox")
            row = await cursor.fetchone()
        return 0 if row is None else int(row["last"])

    async def next_number(self, reseller: str, ledger: str) -> int:
        """The number after the last one given; `sealing` takes it, or fails."""
        async with self._worker.transaction() as tx:
            cursor = await tx.execute(
                "select last_number from report_numbers where reseller_id = %s and ledger = %s",
                [reseller, ledger],
            )
            row = await cursor.fetchone()
        return 1 if row is None else int(row["last_number"]) + 1

    async def open_from(self, reseller: str, customer_ids: Sequence[str]) -> dict[tuple[str, str, str], date]:
        """The date of the last issued report by customer, ledger and currency."""
        async with self._worker.transaction() as tx:
            cursor = await tx.execute(
                "select customer_id, ledger, currency, max(until_on) as until_on from reports "
                "where reseller_id = %s and customer_id = any(%s) and state = 'issued' "
                "group by customer_id, ledger, currency",
                [reseller, list(customer_ids)],
            )
            rows = await cursor.fetchall()
        return {(row["customer_id"], row["ledger"], row["currency"]): row["until_on"] for row in rows}

    async def moved_away(self, reseller: str, customer_ids: Sequence[str]) -> list[Billed]:
        """Subscriptions that were billed to these customers and belong to others now."""
        async with self._worker.transaction() as tx:
            cursor = await tx.execute(
                "select distinct s.subscription_id, t.customer_id, s.product_title, s.currency from issued_lines l "
                "join subscriptions s on s.subscription_id = l.subscription_id "
                "join tenant_customer t on t.tenant_id = s.tenant_id "
                "where l.reseller_id = %s and l.customer_id = any(%s) and t.customer_id <> l.customer_id "
                "order by s.subscription_id",
                [reseller, list(customer_ids)],
            )
            return [Billed(**row) for row in await cursor.fetchall()]

    async def issued(self, reseller: str, subscription_ids: Sequence[str]) -> IssuedBefore:
        """The newest issued revision of every key of these subscriptions."""
        found: IssuedBefore = {}
        async with self._worker.transaction() as tx:
            cursor = await tx.execute(
                "select * from issued_lines where reseller_id = %s and subscription_id = any(%s) "
                "order by revision, is_reversal",
                [reseller, list(subscription_ids)],
            )
            async for row in cursor:
                known: dict[LineKey, Was] = found.setdefault((row["ledger"], row["subscription_id"]), {})
                remember(known, shown_of(row), row["customer_id"])
        return found

    def sealing(self, sealing: Sealing) -> Also:
        """Number, report and lines, in the transaction of `ReportIssued`. Raises `VersionConflict` if another was first."""

        def write(cursor: Cursor[DictRow]) -> None:
            key = sealing.key
            cursor.execute(
                "insert into report_numbers (reseller_id, ledger, last_number) values (%s, %s, %s) "
                "on conflict (reseller_id, ledger) do update set last_number = excluded.last_number "
                "where report_numbers.last_number = excluded.last_number - 1 returning 1",
                [sealing.reseller, key.ledger, sealing.count],
            )
            if cursor.fetchone() is None:
                raise VersionConflict("the number was given to another report")
            cursor.execute(
                "update reports set state = 'issued', customer_name = %s, number = %s, sha256 = %s, net_minor = %s, "
                "line_count = %s, watermark = %s, engine = %s, issued_at = %s "
                "where report_id = %s and state = 'open' returning 1",
                [
                    sealing.customer_name,
                    sealing.number,
                    sealing.sha256,
                    sealing.net,
                    len(sealing.rows),
                    sealing.watermark,
                    sealing.engine,
                    sealing.issued_at,
                    key.report_id,
                ],
            )
            if cursor.fetchone() is None:
                raise VersionConflict("the report is issued")
            for start in range(0, len(sealing.rows), _LINES_A_STATEMENT):
                piece: Sequence[Any] = sealing.rows[start : start + _LINES_A_STATEMENT]
                cursor.execute(
                    _INSERT_LINES,
                    [key.report_id, sealing.reseller, key.customer_id, key.ledger, json.dumps(piece)],
                )

        return write
