"""The first synchronisation of each reseller: where its list goes on after a restart, and how far it is."""

from dataclasses import dataclass
from datetime import datetime

from csp_runtime.database import Database
from csp_runtime.secret_box import SecretBox


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A list that is being read, perhaps for the second time after a restart."""

    continuation: str | None
    is_listed: bool


class FirstSyncs:
    """Rows of `first_syncs`."""

    def __init__(self, database: Database, box: SecretBox, close_day: int) -> None:
        self._database = database
        self._box = box
        self._close_day = close_day

    async def start(self, reseller: str, now: datetime) -> Started:
        """Begin, or take up again."""
        async with self._database.transaction() as tx:
            await tx.execute(
                "insert into first_syncs (reseller_id, started_at) values (%s, %s) on conflict do nothing",
                [reseller, now],
            )
            cursor = await tx.execute("select * from first_syncs where reseller_id = %s", [reseller])
            row = await cursor.fetchone()
        if row is None:
            return Started(continuation=None, is_listed=False)
        sealed = row["sealed_continuation"]
        return Started(
            continuation=self._box.open(sealed, _context(reseller)).decode() if sealed else None,
            is_listed=row["listed_at"] is not None,
        )

    async def listed_to(self, reseller: str, continuation: str | None, now: datetime) -> None:
        """A page of the list is taken down; None: it was the last one."""
        sealed = self._box.seal(continuation.encode(), _context(reseller)) if continuation else None
        async with self._database.connection() as connection:
            await connection.execute(
                """
                update first_syncs set sealed_continuation = %s, listed_at = case when %s then listed_at else %s end
                where reseller_id = %s
                """,
                [sealed, continuation is not None, now, reseller],
            )

    async def finish_if_done(self, reseller: str, now: datetime) -> None:
        """It is over when the list was read and no customer waits for its first reading."""
        async with self._database.connection() as connection:
            await connection.execute(
                """
                update first_syncs set finished_at = %s
                where reseller_id = %s and finished_at is null and listed_at is not null and not exists (
                    select 1 from tenants where tenants.reseller_id = first_syncs.reseller_id and is_first_pending and not is_gone
                )
                """,
                [now, reseller],
            )

    async def close_day(self, reseller: str) -> int:
        """The close day that the reseller has set, else the installation's."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "select close_day from reseller_settings where reseller_id = %s", [reseller]
            )
            row = await cursor.fetchone()
        return self._close_day if row is None else int(row["close_day"])


def _context(reseller: str) -> str:
    return f"first-sync/{reseller}"
