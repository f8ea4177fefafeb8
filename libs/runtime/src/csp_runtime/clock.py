"""Two clocks in one port.

`now()` gives effective, recorded and due times: the system's, or the simulator's that people move.
`monotonic()` and `sleep()` always run in real time: timeouts, back-off, budgets and waits depend on them.
"""

import asyncio
import contextlib
import time
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


_AHEAD = timedelta(seconds=1)
_OWN_PACE = timedelta(milliseconds=100)
_SURE = 3


class SimulatorClock(MovedClock):
    """Follows the simulator's clock by long polls of its control API, whether it stands or runs.

    The API does not tell which: a clock that passes each time that is asked for, and by no more than the question took, runs by
    itself. From then on ours runs, too, and is asked for the next second, so that nothing but a move answers sooner.
    """

    def __init__(self, control_url: str, now: datetime, *, client: httpx.AsyncClient) -> None:
        super().__init__(now)
        self._url = f"{control_url}/_control/clock"
        self._client = client
        self._own_pace = 0

    @classmethod
    async def connect(cls, control_url: str, client: httpx.AsyncClient) -> "SimulatorClock":
        """Read the simulator's time; raises `httpx.HTTPError` where it does not answer."""
        first = (await client.get(f"{control_url}/_control/clock")).raise_for_status().json()
        return cls(control_url, _parse(first["now"]), client=client)

    async def follow(self) -> None:
        """Follow for ever; answers come as soon as the simulator's clock has passed ours."""
        while True:
            end_if_asked()
            asked, after = self.monotonic(), self.now() + (_AHEAD if self._running else timedelta())
            try:
                answer = await self._client.get(
                    self._url,
                    params={"after": after.isoformat(), "wait": "2" if self._running else "20"},
                    timeout=30.0,
                )
                now = _parse(answer.raise_for_status().json()["now"])
            except (httpx.HTTPError, KeyError, ValueError) as fault:
                log.warning("clock.unreachable", reason=type(fault).__name__)
                await self.sleep(0.5)
                continue
            self._learn(now - after, timedelta(seconds=self.monotonic() - asked))
            if now <= self.now():
                await self.sleep(0.05)
                continue
            self.move_to(now)

    def _learn(self, passed: timedelta, took: timedelta) -> None:
        """How far the simulator's clock was beyond the time asked for, and how long its answer took."""
        if self._running:
            if passed <= timedelta():  # it has not come to the next second: it stands
                self._pace(running=False)
            return
        self._own_pace = self._own_pace + 1 if timedelta() < passed < took + _OWN_PACE else 0
        if self._own_pace == _SURE:
            self._pace(running=True)

    def _pace(self, *, running: bool) -> None:
        self._base, self._set_at = self.now(), time.monotonic()
        self._running, self._own_pace = running, 0


def _parse(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
