"""Streams that wait: for a version that is missing, or for a person who mends a rule; taken up again from their owner."""

import time
from collections.abc import Awaitable, Callable

from csp_runtime import consumer_state as state
from csp_runtime.database import Database
from csp_runtime.feed import Batch
from csp_runtime.logs import logger
from csp_runtime.outages import OUTAGES
from csp_runtime.sorting import GapSource

log = logger(__name__)

LOOK_SECONDS = 0.5
"""How often a consumer looks whether a person asked it to take a stream up again."""

RETRY_GAPS_SECONDS = 30.0
"""How often a stream that waits for a missing version is asked for again."""


class ParkedStreams:
    """Those of one consumer; `apply` writes the effects of a batch of one stream that is parked, as the consumer does."""

    def __init__(
        self,
        name: str,
        database: Database,
        gaps: GapSource | None,
        apply: Callable[[Batch, str], Awaitable[None]],
    ) -> None:
        self.known: set[str] = set()
        self._name = name
        self._database = database
        self._gaps = gaps
        self._apply = apply
        self._look_at = self._gaps_at = 0.0

    async def take_up(self) -> None:
        """Take up parked streams again: those that a person asked for at once, those with a gap every half minute.

        Between batches, never beside one: a stream must not be written from two sides.
        """
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_SECONDS
        async with self._database.connection() as connection:
            parked = await state.parked_streams(connection, self._name)
        self.known = set(parked)
        retries_gaps = now >= self._gaps_at
        if retries_gaps:
            self._gaps_at = now + RETRY_GAPS_SECONDS
        for stream, (context, reason) in parked.items():
            if reason == state.RETRY or (reason == state.GAP and retries_gaps):
                try:
                    await self.resume(context, stream)
                except OUTAGES as fault:  # its owner does not answer: the others need not wait for it
                    log.warning("consumer.not-resumed", consumer=self._name, reason=type(fault).__name__)

    async def resume(self, context: str, stream: str) -> bool:
        """Fetch a parked stream from its owner and apply it from where we stood; true if it flows again.

        It stays parked until it is at its end: a crash on the way loses nothing.
        """
        if self._gaps is None:
            return False
        source, has_progressed = f"{context}/resume:{stream}", False
        while True:
            async with self._database.connection() as connection:
                reason = (await state.parked_streams(connection, self._name)).get(stream, ("", ""))[1]
                known = (await state.known_versions(connection, self._name, [stream])).get(stream, 0)
                begin = await state.position(connection, self._name, source)
            records = await self._gaps.fetch(context, stream, known)
            if not records:
                # Nothing came: a gap is as it was. But who asked for a retry may have filled it otherwise.
                return (has_progressed or reason == state.RETRY) and await self._flow_again(stream)
            if records[0].version != known + 1:
                return False
            end = begin + len(records)
            await self._apply(Batch(source=source, read_from=begin, next_offset=end, records=records), stream)
            async with self._database.connection() as connection:
                reached = (await state.known_versions(connection, self._name, [stream])).get(stream, 0)
            if reached < records[-1].version:
                return False
            has_progressed = True

    async def _flow_again(self, stream: str) -> bool:
        async with self._database.transaction() as tx:
            await state.unpark(tx, self._name, stream)
        self.known.discard(stream)
        return True
