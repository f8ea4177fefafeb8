"""Activity records that wait until the order of what they tell is known."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from psycopg import Cursor
from psycopg.rows import DictRow

from csp_contracts.codec import decode_event, decode_meta, encode_event, encode_meta
from csp_contracts.envelope import Recorded
from csp_contracts.partner_feed_v1 import ExternalStateObserved
from csp_runtime.database import Database
from csp_runtime.store import Also


class WaitingRecord(NamedTuple):
    """A record, by the id of its fact, and since when it waits."""

    fact_id: str
    event: Recorded[ExternalStateObserved]
    since: datetime


class WaitingRecords:
    """Rows of `waiting_records`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, resellers: Sequence[str], subscription_ids: Sequence[str]) -> list[WaitingRecord]:
        """Those of some subscriptions of some resellers."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "select fact_id, since, stream, version, type, data::text, meta::text from waiting_records "
                "where reseller_id = any(%s) and subscription_id = any(%s)",
                [list(resellers), list(subscription_ids)],
            )
            rows = await cursor.fetchall()
        return [WaitingRecord(row["fact_id"], _recorded(row), row["since"]) for row in rows]


def wait(record: WaitingRecord) -> Also:
    """Keep a record until it can be decided."""
    event = record.event
    wire_name, data = encode_event(event.data)

    def insert(cursor: Cursor[DictRow]) -> None:
        cursor.execute(
            "insert into waiting_records (fact_id, reseller_id, subscription_id, since, stream, version, type, data, meta) "
            "values (%s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
            [
                record.fact_id,
                event.meta.reseller,
                event.data.resource_id,
                record.since,
                event.stream,
                event.version,
                wire_name,
                data.decode(),
                encode_meta(event.meta).decode(),
            ],
        )

    return insert


def decided(record: WaitingRecord) -> Also:
    """A record waits no longer."""

    def delete(cursor: Cursor[DictRow]) -> None:
        cursor.execute(
            "delete from waiting_records where reseller_id = %s and fact_id = %s",
            [record.event.meta.reseller, record.fact_id],
        )

    return delete


def _recorded(row: DictRow) -> Recorded[ExternalStateObserved]:
    return Recorded(
        stream=row["stream"],
        version=row["version"],
        data=decode_event(row["type"], row["data"].encode()),
        meta=decode_meta(row["meta"].encode()),
    )
