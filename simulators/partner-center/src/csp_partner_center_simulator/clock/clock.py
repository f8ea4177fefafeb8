"""One virtual UTC clock: it stands still until moved, or runs at real pace (PC 14.2)."""

import asyncio
import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Gives `now`; followers wait for it to pass a time."""

    def __init__(self, now: datetime, *, running: bool = False) -> None:
        self.running = running
        self._base = now
        self._since = time.monotonic()
        self._moved = asyncio.Event()
        self._released = False

    def now(self) -> datetime:
        """Give the virtual time."""
        if not self.running:
            return self._base
        return self._base + timedelta(seconds=time.monotonic() - self._since)

    def set(self, now: datetime) -> None:
        """Set the time; a running clock goes on from there. Wakes the followers."""
        self._base = now.astimezone(UTC)
        self._since = time.monotonic()
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    def release(self) -> None:
        """Let everybody who waits go: the simulator ends."""
        self._released = True
        self._moved.set()

    async def passed(self, after: datetime, wait: float) -> datetime:
        """Wait until the clock is later than `after`, at most `wait` seconds; give the time either way."""
        deadline = time.monotonic() + wait
        while not self._released and self.now() <= after and (left := deadline - time.monotonic()) > 0:
            if self.running:
                left = min(left, max((after - self.now()).total_seconds() + 0.001, 0.001))
            try:
                async with asyncio.timeout(left):
                    await self._moved.wait()
            except TimeoutError:
                continue
        return self.now()
