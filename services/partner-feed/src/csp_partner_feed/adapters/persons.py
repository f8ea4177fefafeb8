"""Personal fields of observations: kept apart from events, fetched by their owner, erased with the person."""

from datetime import datetime, timedelta

from csp_runtime.database import Database

# The owner fetches within seconds; a fortnight bridges the longest outage.
KEPT = timedelta(days=14)


class PersonRows:
    """Rows of `observed_persons`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def fetch(self, reseller: str, observation_id: str) -> dict[str, str | None] | None:
        """The fields of one observation; None where there are none, or none any more."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "select person from observed_persons where observation_id = %s and reseller_id = %s",
                [observation_id, reseller],
            )
            row = await cursor.fetchone()
        return None if row is None else dict(row["person"])

    async def erase(self, reseller: str, microsoft_user_id: str) -> int:
        """Forget a person."""
        async with self._database.transaction() as tx:
            cursor = await tx.execute(
                "delete from observed_persons where reseller_id = %s and microsoft_id = %s",
                [reseller, microsoft_user_id],
            )
            await tx.execute(
                "update resources set person_digest = null where reseller_id = %s and resource = 'user' and microsoft_id = %s",
                [reseller, microsoft_user_id],
            )
            return cursor.rowcount

    async def forget_old(self, now: datetime) -> int:
        """Forget what nobody fetched in time."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "delete from observed_persons where observed_at < %s", [now - KEPT]
            )
            return cursor.rowcount
