"""Two clocks in one port.

`now()` gives effective, recorded and due times: the system's, or the simulator's that people move.
`monotonic()` and `sleep()` always run in real time: timeouts, back-off, budgets and waits depend on them.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

import httpx

from csp_runtime.cancelling import end_if_asked
from csp_runtime.logs import logger

log = logger(__name__)


class Clock(Protocol):
    """Where time comes from; the only place that may ask the machine."""

    def now(self) -> datetime:
        """The present moment, UTC."""

    def monotonic(self) -> float:
        """Seconds of real time, for differences only."""

    async def sleep(self, seconds: float) -> None:
        """Wait in real time."""

    async def reached(self, moment: datetime) -> None:
        """Return as soon as `now()` is `moment` or later, however the clock gets there."""


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def reached(self, moment: datetime) -> None:
        # In short sleeps, because the machine's clock may be set.
        while (wait := (moment - self.now()).total_seconds()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(min(wait, 60.0))


class MovedClock(SystemClock):
    """A clock that is set from outside and otherwise runs with the machine's, or stands."""

    def __init__(self, now: datetime, *, running: bool = False) -> None:
        self._base = now
        self._set_at = time.monotonic()
        self._running = running
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        if not self._running:
            return self._base
        return self._base + timedelta(seconds=time.monotonic() - self._set_at)

    def move_to(self, now: datetime) -> None:
        """Set the clock; it never goes backwards."""
        if now <= self.now():
            return
        self._base, self._set_at = now, time.monotonic()
        self._moved.set()
        self._moved = asyncio.Event()

    async def reached(self, moment: datetime) -> None:
        while (wait := (moment - self.now()).total_seconds()) > 0:
            moved = self._moved
            limit = min(wait, 60.0) if self._running else None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(limit):
                    await moved.wait()


class SimulatorClock(MovedClock):
    """Follows the simulator's clock by long polls of its control API."""

    def __init__(self, control_url: str, now: datetime, *, running: bool, client: httpx.AsyncClient) -> None:
        super().__init__(now, running=running)
        self._url = f"{control_url}/_control/clock"
        self._client = client

    @classmethod
    async def connect(cls, control_url: str, client: httpx.AsyncClient) -> "SimulatorClock":
        """Read the simulator's time; raises `httpx.HTTPError` where it does not answer."""
        first = (await client.get(f"{control_url}/_control/clock")).raise_for_status().json()
        return cls(control_url, _parse(first["now"]), running=bool(first.get("running")), client=client)

    async def follow(self, on_move: Callable[[], Awaitable[None]] | None = None) -> None:
        """Follow for ever; answers come as soon as the simulator's clock has passed ours."""
        while True:
            end_if_asked()
            try:
                answer = await self._client.get(
                    self._url, params={"after": self.now().isoformat(), "wait": "20"}, timeout=30.0
                )
                now = _parse(answer.raise_for_status().json()["now"])
            except (httpx.HTTPError, KeyError, ValueError) as fault:
                log.warning("clock.unreachable", reason=type(fault).__name__)
                await self.sleep(0.5)
                continue
            if now <= self.now():
                await self.sleep(0.05)
                continue
            self.move_to(now)
            if on_move is not None:
                await on_move()


def _parse(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
