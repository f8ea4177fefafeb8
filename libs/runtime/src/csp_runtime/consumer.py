"""A consumer writes effects and read position in one transaction: exactly-once effects over at-least-once delivery.

Projections turn events into rows on the consumer's own connection. Reactors turn events into events of their service;
their position goes through the recorder's hook, one save per batch. Both skip versions that are known, park a stream
that has a gap or whose rule raised, and put aside what cannot be read, while the others flow on.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from csp_contracts.envelope import Recorded
from csp_runtime import consumer_state as state
from csp_runtime.crash_points import crash_point
from csp_runtime.database import Connection, Database
from csp_runtime.errors import PositionMoved, VersionConflict
from csp_runtime.feed import Batch, Feed, FeedReader
from csp_runtime.handlers import Projection, Reaction, Reactor, isinstance_reactor
from csp_runtime.logs import logger
from csp_runtime.outages import OUTAGES
from csp_runtime.parked import ParkedStreams
from csp_runtime.rounds import BackOff, for_ever
from csp_runtime.sorting import GapSource, SortedOut, Sorter, Streams, context_of
from csp_runtime.store import EventStore
from csp_runtime.telemetry import batch_span

log = logger(__name__)

DECISIONS = 3
"""How often a decision is taken anew when its stream moved on meanwhile."""

REACTOR_BATCH = 100
"""A reactor may answer one event by several, and what it answers to a batch is one save."""


@dataclass(slots=True)
class Health:
    """What `/readyz` shows of a consumer."""

    is_running: bool = False
    last_fault: str | None = None
    stands_still: tuple[str, ...] = ()
    """The sources that hold something which it does not get to, for longer than it should; none where it moves."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Stored positions by source, and the sources that hold something behind them."""

    positions: Mapping[str, int]
    behind: Sequence[str]


class Consumer:
    """Runs one projection or reactor over a feed."""

    def __init__(
        self,
        handler: Projection | Reactor,
        feed: Feed,
        database: Database,
        *,
        store: EventStore | None = None,
        gaps: GapSource | None = None,
        batch: int = 500,
    ) -> None:
        self.name = handler.name
        self.handler = handler
        self.health = Health()
        self._feed = feed
        self._database = database
        self._store = store
        self._batch = min(batch, REACTOR_BATCH) if isinstance_reactor(handler) else batch
        self._sorter = Sorter(handler, gaps)
        self._reader: FeedReader | None = None
        self.parked = ParkedStreams(
            self.name, database, gaps, lambda batch, stream: self.apply(batch, resuming=stream)
        )

    async def run(self) -> None:
        """Consume for ever."""
        back_off = BackOff(0.1)
        await for_ever(lambda: self._consume_until_outage(back_off), back_off.wait)

    async def _consume_until_outage(self, back_off: BackOff) -> None:
        try:
            async with self._feed.open(self.name, self.handler.contexts, self._position_of) as reader:
                self.health.is_running = True
                self._reader = reader

                async def one_round() -> None:
                    await self.parked.take_up()
                    await self._consume_one(reader)
                    self.health.last_fault = None
                    back_off.reset()

                await for_ever(one_round)
        except OUTAGES as fault:
            self.health.last_fault = type(fault).__name__
            log.warning("consumer.interrupted", consumer=self.name, reason=type(fault).__name__)
        finally:
            self.health.is_running = False
            self._reader = None

    async def progress(self) -> Progress | None:
        """Where it stands; None while it does not run. Raises an outage where database or broker do not answer."""
        reader = self._reader
        if reader is None:
            return None
        async with self._database.connection() as connection:
            positions = await state.positions(connection, self.name)
        return Progress(positions, await reader.behind(positions))

    async def _position_of(self, source: str) -> int:
        async with self._database.connection() as connection:
            return await state.position(connection, self.name, source)

    async def _consume_one(self, reader: FeedReader) -> None:
        batch = await reader.next_batch(self._batch)
        if batch is None:
            return
        crash_point("consumer.before-effects")
        try:
            with batch_span(self.name, batch.records):
                await self.apply(batch)
        except PositionMoved:
            # Another member went ahead of us (we lost the partition): its position is the truth.
            await reader.seek(batch.source, await self._position_of(batch.source))
            return
        except OUTAGES:
            await reader.seek(batch.source, batch.read_from)
            raise
        crash_point("consumer.after-effects")
        await reader.confirm(batch)

    async def apply(self, batch: Batch, *, resuming: str | None = None) -> None:
        """Write the effects of a batch and advance the position, in one transaction.

        Streams that are parked are passed over, but for one that is being resumed. Raises `PositionMoved` where the position is not at the batch's beginning; then nothing was written.
        """
        streams = self._sorter.by_stream(batch.records)
        if resuming is None and await self._apply_assumed(batch, streams):
            return
        sorted_out = await self._sort_out_known(batch.source, streams, resuming)
        try:
            await self._write(batch, sorted_out)
        except (*OUTAGES, PositionMoved):
            raise
        except Exception as fault:
            log.exception("consumer.rule-raised", consumer=self.name, code=_code(fault))
            await self._write_one_by_one(batch, sorted_out)

    async def _apply_assumed(self, batch: Batch, streams: Streams) -> bool:
        """The usual case, a round trip shorter: every stream goes on where we stand. The write itself proves it.

        False where it does not, or a rule raised: then nothing was written, and it is looked up how the streams stand.
        """
        known = {stream: records[0].version - 1 for stream, records in streams.items()}
        if any(
            record.version != version
            for stream, records in streams.items()
            for version, record in enumerate(records, known[stream] + 1)
        ):
            return False
        found = await self._sorter.sort_out(batch.source, streams, known)
        try:
            await self._write(batch, found, assumed=known)
        except (*OUTAGES, PositionMoved):
            raise
        except Exception:  # noqa: BLE001 - the usual way finds it again, and says so
            return False
        return True

    async def _sort_out_known(self, source: str, streams: Streams, resuming: str | None) -> SortedOut:
        async with self._database.connection() as connection:
            known, parked = await state.standing(connection, self.name, list(streams))
        flowing = {
            stream: records
            for stream, records in streams.items()
            if stream not in parked or stream == resuming
        }
        return await self._sorter.sort_out(source, flowing, known)

    async def _write(
        self, batch: Batch, found: SortedOut, *, assumed: Mapping[str, int] | None = None
    ) -> None:
        step = state.Step(consumer=self.name, batch=batch, versions=found.versions, assumed=assumed or {})
        if isinstance_reactor(self.handler):
            await self._write_reaction(step, found)
            return
        async with self._database.transaction() as tx:
            await state.advance(tx, step)
            if found.events:
                await self.handler.project(tx, found.events)  # type: ignore[union-attr]  # not a reactor
            await self._write_state(tx, batch, found)
            crash_point("consumer.before-commit")

    async def _write_state(self, tx: Connection, batch: Batch, found: SortedOut) -> None:
        await state.put_aside(tx, self.name, batch, found.unreadable)
        await state.park(tx, self.name, found.gaps, state.GAP)
        self.parked.known |= set(found.gaps)

    async def _write_reaction(self, step: state.Step, found: SortedOut) -> None:
        store = self._store
        if store is None:
            raise TypeError(f"reactor {self.name} needs the service's event store")
        own = state.reactor_state(step, found.unreadable, found.gaps)
        for attempt in range(1, DECISIONS + 1):
            reaction = await self.handler.react(found.events) if found.events else Reaction()  # type: ignore[union-attr]  # a reactor
            try:
                await store.save(reaction.events, also=[own, *reaction.also])
                break
            except VersionConflict:
                # A command went between our reading and our writing: decide again on the new state.
                if attempt == DECISIONS:
                    raise
        self.parked.known |= set(found.gaps)

    async def _write_one_by_one(self, batch: Batch, found: SortedOut) -> None:
        """Stream by stream: the ones whose rule raises are parked with a dead letter, the others go on."""
        by_stream: dict[str, list[Recorded[Any]]] = defaultdict(list)
        for event in found.events:
            by_stream[event.stream].append(event)
        failed: dict[str, tuple[Recorded[Any], str, str]] = {}
        for stream, events in by_stream.items():
            whole = SortedOut(events=events, versions={stream: found.versions[stream]})
            if await self._fault_of(batch, whole) is not None:
                # Up to the event whose rule raises the stream is as good as any other.
                for event in events:
                    single = SortedOut(events=[event], versions={stream: event.version})
                    fault = await self._fault_of(batch, single)
                    if fault is not None:
                        failed[stream] = (event, _code(fault), type(fault).__name__)
                        break
            crash_point("consumer.between-streams")
        rest = SortedOut(
            unreadable=found.unreadable,
            gaps=dict(found.gaps),
            versions={stream: version for stream, version in found.versions.items() if stream not in failed},
        )
        async with self._database.transaction() as tx:
            await state.advance(tx, state.Step(consumer=self.name, batch=batch, versions=rest.versions))
            await self._write_state(tx, batch, rest)
            await state.dead_letter_streams(tx, self.name, context_of(batch.source), batch, failed)
        self.parked.known |= set(failed)

    async def _fault_of(self, batch: Batch, part: SortedOut) -> Exception | None:
        """Write a part of a batch whose position stands still until the last write of all; what its rule raised, if it did."""
        standing = Batch(
            source=batch.source, read_from=batch.read_from, next_offset=batch.read_from, records=()
        )
        try:
            await self._write(standing, part)
        except (*OUTAGES, PositionMoved):
            raise
        except Exception as fault:  # noqa: BLE001 - see apply
            return fault
        return None


def _code(fault: Exception) -> str:
    return str(getattr(fault, "code", type(fault).__name__))
