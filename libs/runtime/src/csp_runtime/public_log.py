"""The public part of a service's notification log: what the relay publishes, LogFeed reads and a gap is refilled from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from psycopg.rows import DictRow

from csp_contracts.codec import decode_meta, split_state
from csp_runtime.database import Database
from csp_runtime.feed import FeedRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPage:
    """Records in order of commit. `next_offset` lies behind the last one read, private ones included."""

    records: Sequence[FeedRecord]
    next_offset: int


def log_channel(context: str) -> str:
    """The channel that the recorder notifies at every save of a context: the name of its events table."""
    return f"{context.replace('-', '_')}_events"


class PublicLog(Protocol):
    """Offsets are notification ids plus one: `read(from_offset=0)` begins at the beginning."""

    context: str

    async def read(self, from_offset: int, limit: int) -> LogPage:
        """Up to `limit` records from an offset on."""

    async def read_stream(self, stream: str, after_version: int, limit: int) -> Sequence[FeedRecord]:
        """Records of one stream, for a reader that has a gap."""


class StoredPublicLog:
    """The log as the recorder wrote it; private types (`private.…`) are passed over."""

    def __init__(self, database: Database, context: str) -> None:
        self.context = context
        self._database = database
        self._table = f"{database.schema}_events"

    async def read(self, from_offset: int, limit: int) -> LogPage:
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                f"select originator_id, originator_version, topic, state, notification_id from {self._table} "
                "where notification_id >= %s order by notification_id limit %s",
                [from_offset, limit],
                prepare=True,
            )
            rows = await cursor.fetchall()
        records = [_record(row) for row in rows if not row["topic"].startswith("private.")]
        return LogPage(records=records, next_offset=rows[-1]["notification_id"] + 1 if rows else from_offset)

    async def read_stream(self, stream: str, after_version: int, limit: int) -> Sequence[FeedRecord]:
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                f"select originator_id, originator_version, topic, state, notification_id from {self._table} "
                "where originator_id = %s and originator_version > %s order by originator_version limit %s",
                [stream, after_version, limit],
            )
            rows = await cursor.fetchall()
        return [_record(row) for row in rows if not row["topic"].startswith("private.")]


def _record(row: DictRow) -> FeedRecord:
    halves = split_state(bytes(row["state"]))
    return FeedRecord(
        stream=row["originator_id"],
        version=row["originator_version"],
        type=row["topic"],
        data=bytes(halves.data),
        meta=decode_meta(halves.meta),
        offset=row["notification_id"],
    )
