"""One LISTEN connection per process wakes everything that waits for a commit: relay, LogFeed, waiting reads."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterator

import psycopg
from psycopg import AsyncConnection, sql

from csp_runtime.cancelling import end_if_asked
from csp_runtime.logs import logger

log = logger(__name__)


class Wakeups:
    """Channels of PostgreSQL's NOTIFY as events of asyncio. A lost connection only means that polls take over."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._waiters: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._channels_changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to listen."""
        self._task = asyncio.create_task(self._run(), name="wakeups")

    async def stop(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    @contextlib.contextmanager
    def on(self, *channels: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever one of the channels was notified; the waiter clears it."""
        event = asyncio.Event()
        for channel in channels:
            self._waiters[channel].add(event)
        self._channels_changed.set()
        try:
            yield event
        finally:
            for channel in channels:
                self._waiters[channel].discard(event)

    def wake(self, channel: str) -> None:
        """Wake the waiters of this process without asking the database."""
        for event in self._waiters.get(channel, ()):
            event.set()

    async def _run(self) -> None:
        while True:
            end_if_asked()
            try:
                async with await AsyncConnection.connect(self._url, autocommit=True) as connection:
                    await self._listen(connection)
            except (psycopg.Error, OSError) as fault:
                log.warning("wakeups.lost", reason=type(fault).__name__)
            for channel in list(self._waiters):
                self.wake(channel)
            await asyncio.sleep(0.5)

    async def _listen(self, connection: AsyncConnection) -> None:
        listening: set[str] = set()
        while True:
            end_if_asked()
            self._channels_changed.clear()
            for channel in set(self._waiters) - listening:
                await connection.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
                listening.add(channel)
                self.wake(channel)
            # The generator's limit is how soon a new channel is listened to; polls cover the time until then.
            async for note in connection.notifies(timeout=0.25):
                self.wake(note.channel)
                if self._channels_changed.is_set():
                    break


async def wait_for_wakeup(event: asyncio.Event, seconds: float) -> bool:
    """Wait for a wake-up, at most so long; true if it came."""
    try:
        # Not `wait_for`: in Python 3.11 it swallows a cancellation that comes together with the wake-up.
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    event.clear()
    return True
