"""How far the activity log was read, and which of its records were seen."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from psycopg import Cursor
from psycopg.rows import DictRow

from csp_partner_center.audit import AuditRecord, AuditStatus
from csp_runtime.database import Database
from csp_runtime.store import Also

# PC 8: the log reaches back 90 days; what is older cannot come again.
_KEPT = timedelta(days=100)


class AuditCursors:
    """Rows of `audit_cursors` and `seen_audit`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read_to(self, reseller: str, now: datetime) -> tuple[datetime, datetime]:
        """Since when and until when the log was read; a reseller that is new begins now: its past is read by lists."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                """
                insert into audit_cursors (reseller_id, began_at, read_to) values (%s, %s, %s)
                on conflict (reseller_id) do update set read_to = audit_cursors.read_to returning began_at, read_to
                """,
                [reseller, now, now],
            )
            row = await cursor.fetchone()
        return (now, now) if row is None else (row["began_at"], row["read_to"])

    async def advance(self, reseller: str, read_to: datetime) -> None:
        """The log was read until then; forgets records that cannot come again."""
        async with self._database.transaction() as tx:
            await tx.execute(
                "update audit_cursors set read_to = greatest(read_to, %s) where reseller_id = %s",
                [read_to, reseller],
            )
            await tx.execute(
                "delete from seen_audit where reseller_id = %s and happened_at < %s",
                [reseller, read_to - _KEPT],
            )

    async def unseen(self, reseller: str, records: Sequence[AuditRecord]) -> list[AuditRecord]:
        """Those that were not seen in their present state; a page may hold the same one twice."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "select record_key from seen_audit where reseller_id = %s and record_key = any(%s)",
                [reseller, [seen_key(record) for record in records]],
            )
            known = {row["record_key"] for row in await cursor.fetchall()}
        fresh: dict[str, AuditRecord] = {}
        for record in records:
            if seen_key(record) not in known:
                fresh.setdefault(seen_key(record), record)
        return list(fresh.values())

    def seen(self, reseller: str, records: Sequence[AuditRecord]) -> Also:
        """Mark as seen, together with the events."""

        def insert(cursor: Cursor[DictRow]) -> None:
            cursor.executemany(
                "insert into seen_audit (reseller_id, record_key, happened_at) values (%s, %s, %s) on conflict do nothing",
                [[reseller, seen_key(record), record.happened_at] for record in records],
            )

        return insert


def seen_key(record: AuditRecord) -> str:
    """A record in progress comes again when it is done, under the same id."""
    return (
        record.key
        if record.operation_status is AuditStatus.SUCCEEDED
        else f"{record.key}#{record.operation_status}"
    )
