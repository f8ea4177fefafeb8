"""The relay carries a service's public log to the outside, in order, at least once; one is active, others stand by."""

import asyncio
from collections.abc import Sequence
from typing import NoReturn, Protocol

import psycopg
from psycopg_pool import PoolTimeout

from csp_runtime.cancelling import end_if_asked
from csp_runtime.crash_points import crash_point
from csp_runtime.database import Database
from csp_runtime.feed import FeedRecord
from csp_runtime.logs import logger
from csp_runtime.public_log import LogPage, PublicLog, log_channel
from csp_runtime.rounds import BackOff, for_ever
from csp_runtime.telemetry import relay_span
from csp_runtime.wakeups import Wakeups, wait_for_wakeup

log = logger(__name__)

BATCH = 500
POLL_SECONDS = 1.0
_LOCK_SPACE = 7_206_553


class PublishFailed(Exception):
    """The transport did not acknowledge; the same records are published again."""

    code = "publish-failed"


class Publisher(Protocol):
    """Where the relay publishes to."""

    async def start(self) -> None:
        """Connect and make what is missing (topics)."""

    async def publish(self, context: str, records: Sequence[FeedRecord]) -> None:
        """Return when every record is acknowledged; `PublishFailed` where one is not."""

    async def stop(self) -> None:
        """Disconnect."""


class Relay:
    """One service's relay."""

    def __init__(self, log_: PublicLog, publisher: Publisher, database: Database, wakeups: Wakeups) -> None:
        self._log = log_
        self._publisher = publisher
        self._database = database
        self._wakeups = wakeups
        self._back_off = BackOff(0.2)
        self.is_active = False
        self.is_caught_up = False

    async def run(self) -> None:
        """Relay for ever; outages of database or transport are waited out."""
        try:
            await for_ever(self._relay_until_outage, self._back_off.wait)
        finally:
            await self._publisher.stop()

    async def _relay_until_outage(self) -> None:
        try:
            await self._publisher.start()
            await self._run_while_active()
        except (PublishFailed, psycopg.OperationalError, PoolTimeout, OSError) as fault:
            log.warning("relay.interrupted", context=self._log.context, reason=type(fault).__name__)
            self.is_active = False

    async def _run_while_active(self) -> None:
        """Hold the advisory lock on one connection for as long as it lives: losing it ends our turn."""
        async with self._database.connection() as connection:
            while True:
                end_if_asked()
                cursor = await connection.execute(
                    "select pg_try_advisory_lock(%s, hashtext(%s)) as mine", [_LOCK_SPACE, self._log.context]
                )
                row = await cursor.fetchone()
                if row is not None and row["mine"]:
                    break
                await asyncio.sleep(POLL_SECONDS)
            try:
                self.is_active = True
                with self._wakeups.on(log_channel(self._log.context)) as event:
                    await self._relay_from(await self._position(connection), connection, event)
            finally:
                self.is_active = False
                if not connection.closed:
                    await connection.execute(
                        "select pg_advisory_unlock(%s, hashtext(%s))", [_LOCK_SPACE, self._log.context]
                    )

    async def _position(self, connection: psycopg.AsyncConnection[dict[str, object]]) -> int:
        """How far the log is published; a person may have set it back."""
        cursor = await connection.execute(
            "select notification_id from relay_position where context = %s", [self._log.context]
        )
        row = await cursor.fetchone()
        return 0 if row is None else int(str(row["notification_id"]))

    async def _relay_from(
        self, position: int, connection: psycopg.AsyncConnection[dict[str, object]], event: asyncio.Event
    ) -> NoReturn:
        page = await self._log.read(position, BATCH)
        while True:
            end_if_asked()
            if page.next_offset == position:
                self.is_caught_up = True
                await wait_for_wakeup(event, POLL_SECONDS)
                # The lock lives as long as this session; an idle turn proves that the session still does.
                position = await self._position(connection)
                page = await self._log.read(position, BATCH)
                continue
            self.is_caught_up = False
            ahead = asyncio.create_task(
                self._log.read(page.next_offset, BATCH)
            )  # while this one is on its way
            try:
                if await self._relay_page(page, position, connection):
                    position, page = page.next_offset, await ahead
                    self._back_off.reset()
                else:
                    position = await self._position(connection)
                    page = await self._log.read(position, BATCH)
            finally:
                ahead.cancel()
                await asyncio.gather(ahead, return_exceptions=True)

    async def _relay_page(
        self, page: LogPage, position: int, connection: psycopg.AsyncConnection[dict[str, object]]
    ) -> bool:
        """Publish a page and note how far that is; false where the position was set back meanwhile."""
        crash_point("relay.before-publish")
        with relay_span(self._log.context, page.records):
            await self._publisher.publish(self._log.context, page.records)
        crash_point("relay.after-publish")
        cursor = await connection.execute(
            "insert into relay_position (context, notification_id) values (%s, %s) "
            "on conflict (context) do update set notification_id = excluded.notification_id "
            "where relay_position.notification_id = %s returning 1 as moved",
            [self._log.context, page.next_offset, position],
        )
        crash_point("relay.after-position")
        return await cursor.fetchone() is not None
