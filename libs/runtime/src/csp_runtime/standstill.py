"""Finds consumers that stand still: there is something to read behind their stored position, and it does not move.

What is parked does not count, for the position goes past it; nor does a long way, for it moves. Why one stands still (a lock, a
hung call, a rule that raises for a whole batch) is not asked: `/readyz` and the log name it.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from csp_runtime.consumer import Consumer
from csp_runtime.logs import logger
from csp_runtime.outages import OUTAGES
from csp_runtime.rounds import for_ever

log = logger(__name__)

LOOK_SECONDS = 15.0
STILL_SECONDS = 60.0
"""How long a position may stay where it is while there is something behind it: batches take a second or two."""


@dataclass(frozen=True, slots=True)
class _Seen:
    positions: Mapping[str, int]
    at: float


class StandstillWatch:
    """Looks at the consumers of a process every quarter of a minute, by real time."""

    def __init__(
        self,
        consumers: Sequence[Consumer],
        *,
        still_seconds: float = STILL_SECONDS,
        look_seconds: float = LOOK_SECONDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._consumers = consumers
        self._still_seconds = still_seconds
        self._look_seconds = look_seconds
        self._now = now
        self._seen: dict[str, _Seen] = {}

    async def run(self) -> None:
        """Look for ever."""
        await for_ever(self.look, lambda: asyncio.sleep(self._look_seconds))

    async def look(self) -> None:
        """Look at each consumer once, and note in its health whether it stands still."""
        for consumer in self._consumers:
            try:
                async with asyncio.timeout(self._look_seconds):
                    progress = await consumer.progress()
            except (TimeoutError, *OUTAGES):
                continue  # the database does not answer, which says so itself
            if progress is None:
                self._seen.pop(consumer.name, None)
                consumer.health.stands_still = ()
                continue
            self._judge(consumer, progress.positions, progress.behind)

    def _judge(self, consumer: Consumer, positions: Mapping[str, int], behind: Sequence[str]) -> None:
        seen, now = self._seen.get(consumer.name), self._now()
        if not behind or seen is None or seen.positions != positions:
            self._seen[consumer.name] = _Seen(positions, now)
            if consumer.health.stands_still:
                log.info("consumer.moves-again", consumer=consumer.name)
            consumer.health.stands_still = ()
        elif now - seen.at >= self._still_seconds:
            if not consumer.health.stands_still:
                log.error(
                    "consumer.stands-still",
                    consumer=consumer.name,
                    sources=list(behind),
                    seconds=round(now - seen.at),
                )
            consumer.health.stands_still = tuple(behind)
