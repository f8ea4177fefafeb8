"""Forgets what has served its time: personal fields nobody fetched, old notifications."""

from datetime import datetime, timedelta

from csp_partner_feed.adapters.persons import PersonRows
from csp_partner_feed.workers.pace import in_turns
from csp_runtime.clock import Clock
from csp_runtime.database import Database

_HOUR = 3600.0
# PC 9.2: ten attempts, then never again; a fortnight is far beyond any replay that Microsoft makes.
_INBOX_KEPT = timedelta(days=14)


class Keeper:
    """Once an hour."""

    def __init__(self, *, persons: PersonRows, database: Database, clock: Clock) -> None:
        self._persons = persons
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        """For ever."""
        await in_turns("keeper", self.step, self._clock, _HOUR)

    async def step(self) -> None:
        """Forget."""
        now: datetime = self._clock.now()
        await self._persons.forget_old(now)
        async with self._database.connection() as connection:
            await connection.execute(
                "delete from inbox where state = 'done' and received_at < %s", [now - _INBOX_KEPT]
            )
