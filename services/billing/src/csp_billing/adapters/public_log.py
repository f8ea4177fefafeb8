"""The public log of billing: each issued report's lines come before its `ReportIssued`, and are stored once, as rows.

Lines are events of the stream `<report>/lines`; the version is the line's number.
"""

from collections.abc import Sequence

from psycopg.rows import DictRow

from csp_billing.ports import line_id_of, report_key
from csp_billing.settling.line_rows import shown_of
from csp_contracts.billing_v1 import BillingLineAdded, ReportIssued
from csp_contracts.codec import encode_event
from csp_contracts.envelope import Meta
from csp_contracts.registry import type_of
from csp_runtime.database import Database
from csp_runtime.feed import FeedRecord
from csp_runtime.public_log import LogPage, StoredPublicLog

_LINES = "/lines"
_ISSUED = type_of(ReportIssued).wire_name


class BillingLog:
    """As `PublicLog`. A page may be longer than its limit: a report and its lines are never in two pages."""

    def __init__(self, database: Database, context: str) -> None:
        self.context = context
        self._database = database
        self._stored = StoredPublicLog(database, context)

    async def read(self, from_offset: int, limit: int) -> LogPage:
        """Records from an offset on; the lines of a report have its offset."""
        page = await self._stored.read(from_offset, limit)
        records: list[FeedRecord] = []
        for record in page.records:
            if len(records) >= limit:
                return LogPage(records=records, next_offset=record.offset)
            if record.type == _ISSUED:
                records += await self._lines(record, after=0, limit=None)
            records.append(record)
        return LogPage(records=records, next_offset=page.next_offset)

    async def read_stream(self, stream: str, after_version: int, limit: int) -> Sequence[FeedRecord]:
        """Records of one stream, be it a report's or that of its lines."""
        if not stream.endswith(_LINES):
            return await self._stored.read_stream(stream, after_version, limit)
        issued = await self._stored.read_stream(stream.removesuffix(_LINES), 0, 1)
        return [] if not issued else await self._lines(issued[0], after=after_version, limit=limit)

    async def _lines(self, issued: FeedRecord, *, after: int, limit: int | None) -> list[FeedRecord]:
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "select l.*, r.currency from reports r "
                "join report_lines l on l.reseller_id = r.reseller_id and l.report_id = r.report_id and l.dated_on = r.until_on "
                "where r.reseller_id = %s and r.report_id = %s and r.state = 'issued' and l.position > %s "
                "order by l.position limit %s",
                [issued.meta.reseller, issued.stream, after, limit],
            )
            return [_record(row, issued.meta, issued.offset) for row in await cursor.fetchall()]


def _record(row: DictRow, meta: Meta, offset: int) -> FeedRecord:
    wire_name, data = encode_event(_line_added(row))
    return FeedRecord(
        stream=f"{row['report_id']}{_LINES}",
        version=row["position"],
        type=wire_name,
        data=data,
        meta=meta,
        offset=offset,
    )


def _line_added(row: DictRow) -> BillingLineAdded:
    shown = shown_of(row)
    key = report_key(
        row["reseller_id"],
        row["customer_id"],
        row["ledger"],
        row["currency"],
        row["dated_on"],
        row["dated_on"],
    )
    reverses = None
    if row["reverses_role"] is not None:
        reverses = f"{row['reverses_cycle']}/{row['reverses_role']}/{row['reverses_cause']}"
    return BillingLineAdded(
        line_id=line_id_of(key, shown.posting),
        report_id=row["report_id"],
        subscription_id=row["subscription_id"],
        ledger=row["ledger"],
        kind=row["kind"],
        reason=row["reason"],
        product=row["product"],
        product_title=row["title"],
        posted_on=row["posted_on"],
        from_on=row["from_on"],
        until_on=row["until_on"],
        quantity=row["quantity"],
        # A line without a unit price is an adjustment by hand: an amount alone.
        unit_price_micro=row["unit_price_micro"] or 0,
        currency=row["currency"],
        amount_minor=row["amount_minor"],
        rule=row["rule"],
        price_ref=row["price_ref"] or None,
        reverses=reverses,
        late=row["late"],
        caused_by=row["caused_by"],
    )
