"""LogFeed: reads the producers' notification logs directly; woken by their commits, with a poll below."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager

from csp_runtime.feed import Batch, FeedReader, PositionOf, consumer_channel
from csp_runtime.public_log import PublicLog, log_channel
from csp_runtime.wakeups import Wakeups, wait_for_wakeup

POLL_SECONDS = 1.0


class LogFeed:
    """Feeds from the logs of services in reach of this process; `logs` by context."""

    def __init__(self, logs: Mapping[str, PublicLog], wakeups: Wakeups) -> None:
        self._logs = logs
        self._wakeups = wakeups

    @asynccontextmanager
    async def open(
        self, consumer: str, contexts: Sequence[str], position_of: PositionOf
    ) -> AsyncIterator[FeedReader]:
        """One source per context; every process that opens the same consumer reads all of them (positions decide)."""
        channels = [*(log_channel(context) for context in contexts), consumer_channel(consumer)]
        with ExitStack() as stack:
            event = stack.enter_context(self._wakeups.on(*channels))
            offsets = {context: await position_of(context) for context in contexts}
            yield _LogReader([self._logs[context] for context in contexts], offsets, event)


class _LogReader:
    def __init__(self, logs: Sequence[PublicLog], offsets: dict[str, int], event: asyncio.Event) -> None:
        self._logs = {log.context: log for log in logs}
        self._offsets = offsets
        self._event = event
        # Sources take turns, so that a busy one does not hold up the others.
        self._turns = itertools.cycle(self._logs)

    async def next_batch(self, limit: int) -> Batch | None:
        if (batch := await self._read(limit)) is None:
            await wait_for_wakeup(self._event, POLL_SECONDS)
            batch = await self._read(limit)
        return batch

    async def _read(self, limit: int) -> Batch | None:
        for _ in self._logs:
            source = next(self._turns)
            read_from = self._offsets[source]
            page = await self._logs[source].read(read_from, limit)
            if page.next_offset > read_from:
                self._offsets[source] = page.next_offset
                return Batch(
                    source=source, read_from=read_from, next_offset=page.next_offset, records=page.records
                )
        return None

    async def seek(self, source: str, offset: int) -> None:
        self._offsets[source] = offset

    async def confirm(self, batch: Batch) -> None:
        pass

    async def behind(self, positions: Mapping[str, int]) -> list[str]:
        found = []
        for source, log in self._logs.items():
            position = positions.get(source, 0)
            if (await log.read(position, 1)).next_offset > position:
                found.append(source)
        return found
