"""The rows beside the observations: facts that were seen, readings that wait for their audit record."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from psycopg import Cursor
from psycopg.rows import DictRow

from csp_runtime.database import Database
from csp_runtime.store import Also


class OpenReading(NamedTuple):
    """A reading that became an event and has not met its audit record yet."""

    fact_id: str
    subscription_id: str
    value: str
    at: datetime
    version: int


class SeenFacts:
    """What is known of facts that were seen."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open_readings(self, subscription_id: str, value: str) -> list[OpenReading]:
        """Readings of a value that wait for their audit record, earliest first."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "select fact_id, subscription_id, value, effective_at, version from seen_facts "
                "where subscription_id = %s and value = %s and is_open_reading order by effective_at",
                [subscription_id, value],
            )
            rows = await cursor.fetchall()
        return [
            OpenReading(
                row["fact_id"], row["subscription_id"], row["value"], row["effective_at"], row["version"]
            )
            for row in rows
        ]

    async def recorded(self, subscription_id: str, versions: Sequence[int]) -> dict[int, datetime]:
        """When events happened by their own records, by version; without those whose record has not come."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "select version, min(effective_at) as at from seen_facts "
                "where subscription_id = %s and version = any(%s) and fact_id like 'audit:%%' group by version",
                [subscription_id, list(versions)],
            )
            rows = await cursor.fetchall()
        return {row["version"]: row["at"] for row in rows}

    async def is_known(self, fact_id: str) -> bool:
        """Whether it is written already."""
        async with self._database.connection() as connection:
            cursor = await connection.execute("select 1 from seen_facts where fact_id = %s", [fact_id])
            return await cursor.fetchone() is not None


def remember(
    fact_id: str, subscription_id: str, value: str, at: datetime, version: int, *, is_open: bool
) -> Also:
    """Keep that a fact is written, as which version; open while it is a reading without its audit record."""

    def insert(cursor: Cursor[DictRow]) -> None:
        cursor.execute(
            "insert into seen_facts (fact_id, subscription_id, value, effective_at, version, is_open_reading) "
            "values (%s, %s, %s, %s, %s, %s) on conflict do nothing",
            [fact_id, subscription_id, value, at, version, is_open],
        )

    return insert


def reading_of(operation_id: str) -> str:
    """The id of what an operation saw done already."""
    return f"reading:{operation_id}"


def matched(fact_id: str) -> Also:
    """A reading has met its audit record."""

    def update(cursor: Cursor[DictRow]) -> None:
        cursor.execute("update seen_facts set is_open_reading = false where fact_id = %s", [fact_id])

    return update
