"""How fresh everything is, from the feed's own tables, under row-level security."""

from datetime import datetime

from psycopg.rows import DictRow

from csp_partner_feed.ports import ChannelStatus, FirstSyncStatus, SyncStatus
from csp_runtime.database import Connection, Database
from csp_runtime.scope import Scope


class StatusQuery:
    """Reads as the request role; the count of pending readings as the worker."""

    def __init__(self, request: Database, worker: Database) -> None:
        self._request = request
        self._worker = worker

    async def status(self, scope: Scope, now: datetime, tenant_id: str | None) -> SyncStatus:
        """Of the scope's reseller."""
        async with self._request.transaction(scope) as tx:
            counts = await _one(
                tx,
                """
                select count(*) filter (where not is_gone) as customers,
                    count(*) filter (where is_found_by_first) as first_all,
                    count(*) filter (where is_found_by_first and not is_first_pending) as first_done
                from tenants where reseller_id = %s
                """,
                [scope.reseller],
            )
            first = await _one(tx, "select * from first_syncs where reseller_id = %s", [scope.reseller])
            cursor = await tx.execute(
                """
                select f.*, t.tenant_id from freshness f
                left join tenants t using (reseller_id, microsoft_tenant_id)
                where f.reseller_id = %(reseller)s and (
                    case when %(tenant)s::text is null then f.microsoft_tenant_id = '' or f.fault is not null
                    else t.tenant_id = %(tenant)s end
                )
                order by f.microsoft_tenant_id, f.channel limit 1000
                """,
                {"reseller": scope.reseller, "tenant": tenant_id},
            )
            channels = [_channel(row, now) for row in await cursor.fetchall()]
        async with self._worker.connection() as connection:
            pending = await _one(
                connection, "select count(*) as n from reads where reseller_id = %s", [scope.reseller]
            )
        return SyncStatus(
            now=now,
            customers=int(counts["customers"]) if counts else 0,
            pending_reads=int(pending["n"]) if pending else 0,
            first_synchronisation=_first(first, counts, now) if first and counts else None,
            channels=channels,
        )


async def _one(connection: Connection, statement: str, values: list[object]) -> DictRow | None:
    cursor = await connection.execute(statement.encode(), values)
    return await cursor.fetchone()


def _channel(row: DictRow, now: datetime) -> ChannelStatus:
    succeeded_at = row["succeeded_at"]
    return ChannelStatus(
        channel=row["channel"],
        tenant_id=row["tenant_id"],
        succeeded_at=succeeded_at,
        failed_at=row["failed_at"],
        fault=row["fault"],
        age_seconds=None if succeeded_at is None else max(0.0, (now - succeeded_at).total_seconds()),
    )


def _first(row: DictRow, counts: DictRow, now: datetime) -> FirstSyncStatus:
    customers, done = int(counts["first_all"]), int(counts["first_done"])
    seconds = ((row["finished_at"] or now) - row["started_at"]).total_seconds()
    pace = done / seconds if seconds > 0 and done else None
    finished = row["finished_at"] is not None
    return FirstSyncStatus(
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        is_listed=row["listed_at"] is not None,
        customers=customers,
        done=done,
        customers_a_minute=None if pace is None else round(pace * 60, 1),
        remaining_seconds=None if finished or pace is None else round((customers - done) / pace, 1),
    )
