"""What people see of issued reports: row-level security keeps strangers out and cost away from customers."""

from collections.abc import Sequence
from datetime import date

from psycopg.rows import DictRow

from csp_billing.domain.taxes import TaxGroup
from csp_billing.ports import LinesAsked, LinesPage, Report, ReportKey, Seal, ShownLine
from csp_billing.settling.line_rows import shown_of
from csp_runtime.database import Database
from csp_runtime.scope import Scope

_KEY = "report_id, customer_id, ledger, currency, from_on, until_on"
_COLUMNS = f"{_KEY}, reseller_id, customer_name, number, sha256, net_minor, line_count, issued_at, taxes"
_ONE = (
    f"select {_COLUMNS} from reports where state = 'issued' and reseller_id = %s and report_id = %s "
    "and (%s::text is null or (customer_id = %s and ledger = 'sell'))"
)


class IssuedReports:
    """Reads of issued reports inside a scope."""

    def __init__(self, request: Database) -> None:
        self._request = request

    async def dated(self, scope: Scope, first: date, last: date, customer_ids: Sequence[str]) -> list[Report]:
        """Issued reports dated in a range, without their lines."""
        async with self._request.transaction(scope) as tx:
            cursor = await tx.execute(
                f"select {_COLUMNS} from reports "
                "where state = 'issued' and reseller_id = %s and until_on between %s and %s "
                "and customer_id = any(%s) and (%s::text is null or (customer_id = %s and ledger = 'sell'))",
                [scope.reseller, first, last, list(customer_ids), scope.customer, scope.customer],
            )
            return [_report(row, ()) for row in await cursor.fetchall()]

    async def head(self, scope: Scope, report_id: str) -> Report | None:
        """An issued report without its lines; None where there is none in scope, or it is still open."""
        async with self._request.transaction(scope) as tx:
            cursor = await tx.execute(_ONE, [scope.reseller, report_id, scope.customer, scope.customer])
            row = await cursor.fetchone()
        return None if row is None else _report(row, ())

    async def page(self, scope: Scope, key: ReportKey, asked: LinesAsked) -> LinesPage:
        """Lines of an issued report that the caller has found in its scope."""
        values = {
            "report": key.report_id,
            "dated": key.until_on,
            "reseller": scope.reseller,
            "customer": scope.customer,
            "kind": asked.kind,
            "reason": asked.reason,
            "subscription": asked.subscription_id,
            "after": asked.after,
            "size": asked.size,
        }
        async with self._request.transaction(scope) as tx:
            cursor = await tx.execute(
                "select * from report_lines where reseller_id = %(reseller)s "
                "and (%(customer)s::text is null or customer_id = %(customer)s) "
                f"and {_FITS} and position > %(after)s order by position limit %(size)s",
                values,
            )
            rows = await cursor.fetchall()
            cursor = await tx.execute(
                "select count(*) as n, coalesce(sum(amount_minor), 0)::bigint as net from report_lines "
                "where reseller_id = %(reseller)s and (%(customer)s::text is null or customer_id = %(customer)s) "
                f"and {_FITS}",
                values,
            )
            total = await cursor.fetchone()
        lines = [(row["position"], shown_of(row)) for row in rows]
        return LinesPage(
            lines=lines, count=0 if total is None else total["n"], net=0 if total is None else total["net"]
        )

    async def whole(self, scope: Scope, report_id: str) -> Report | None:
        """An issued report with its lines; None where there is none in scope, or it is still open."""
        async with self._request.transaction(scope) as tx:
            cursor = await tx.execute(_ONE, [scope.reseller, report_id, scope.customer, scope.customer])
            row = await cursor.fetchone()
            if row is None:
                return None
            cursor = await tx.execute(
                "select * from report_lines where report_id = %s and dated_on = %s and reseller_id = %s "
                "and (%s::text is null or customer_id = %s) order by position",
                [report_id, row["until_on"], scope.reseller, scope.customer, scope.customer],
            )
            return _report(row, [shown_of(line) for line in await cursor.fetchall()])


_FITS = (
    "report_id = %(report)s and dated_on = %(dated)s and (%(kind)s::text is null or kind = %(kind)s) "
    "and (%(reason)s::text is null or reason = %(reason)s) "
    "and (%(subscription)s::text is null or subscription_id = %(subscription)s)"
)


def _report(row: DictRow, lines: Sequence[ShownLine]) -> Report:
    return Report(
        key=ReportKey(reseller=row["reseller_id"], **{name: row[name] for name in _KEY.split(", ")}),
        customer_name=row["customer_name"],
        status="issued",
        net=row["net_minor"],
        line_count=row["line_count"],
        lines=lines,
        seal=Seal(number=row["number"], sha256=row["sha256"], issued_at=row["issued_at"]),
        taxes=[
            TaxGroup(group["basis_points"], group["net_minor"], group["tax_minor"])
            for group in row["taxes"] or ()
        ],
    )
