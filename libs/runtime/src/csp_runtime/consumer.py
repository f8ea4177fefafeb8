"""A consumer writes effects and read position in one transaction: exactly-once effects over at-least-once delivery.

Projections turn events into rows on the consumer's own connection. Reactors turn events into events of their service;
their position goes through the recorder's hook, one save per batch. Both skip versions that are known, park a stream
that has a gap or whose rule raised, and put aside what cannot be read, while the others flow on.
"""

import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx
import psycopg
from psycopg_pool import PoolTimeout

from csp_contracts.codec import decode_event
from csp_contracts.envelope import Recorded
from csp_contracts.errors import ContractError
from csp_contracts.ids import Kind
from csp_contracts.registry import type_named, type_of
from csp_contracts.upcasters import newest
from csp_runtime import consumer_state as state
from csp_runtime.crash_points import crash_point
from csp_runtime.database import Connection, Database
from csp_runtime.errors import PositionMoved, VersionConflict
from csp_runtime.feed import Batch, Feed, FeedReader, FeedRecord
from csp_runtime.logs import logger
from csp_runtime.rounds import BackOff, for_ever
from csp_runtime.store import Also, EventStore
from csp_runtime.telemetry import batch_span

log = logger(__name__)

Events = Sequence[Recorded[Any]]

DECISIONS = 3
"""How often a decision is taken anew when its stream moved on meanwhile."""

REACTOR_BATCH = 100
"""A reactor may answer one event by several, and what it answers to a batch is one save."""

LOOK_SECONDS = 0.5
"""How often a consumer looks whether a person asked it to take a stream up again."""

RETRY_GAPS_SECONDS = 30.0
"""How often a stream that waits for a missing version is asked for again."""

OUTAGES = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    PoolTimeout,
    OSError,
    httpx.TransportError,
    VersionConflict,
)
"""Failures of the infrastructure: wait, then the same batch again."""


class Handler(Protocol):
    """What a consumer must know of its handler: its name is that of its positions, and never changes.

    `streams` are the kinds of streams it reads, `types` the event classes it understands.
    """

    @property
    def name(self) -> str:
        """The consumer's name."""

    @property
    def contexts(self) -> Sequence[str]:
        """Whose logs it reads."""

    @property
    def streams(self) -> Collection[Kind]:
        """Which kinds of streams; others pass by unseen."""

    @property
    def types(self) -> Collection[type[Any]]:
        """Which events; others of its streams only count as known."""


class Projection(Handler, Protocol):
    """Events in, rows out."""

    async def project(self, tx: Connection, events: Events) -> None:
        """Write the rows of these events; each comes once, in order within its stream."""


class Reactor(Handler, Protocol):
    """Events in, events of this service out; never calls the outside."""

    async def react(self, events: Events) -> "Reaction":
        """What follows from these events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """What a reactor wants written, together with its position."""

    events: Events = ()
    also: Sequence[Also] = ()


class GapSource(Protocol):
    """Where a missing version is fetched from: its owner."""

    async def fetch(self, context: str, stream: str, after_version: int) -> Sequence[FeedRecord]:
        """The records of a stream behind a version; empty if the owner has none."""


@dataclass(slots=True)
class Health:
    """What `/readyz` and the metrics show of a consumer."""

    is_running: bool = False
    last_fault: str | None = None
    parked: set[str] = field(default_factory=set)


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
        self._gaps = gaps
        self._batch = min(batch, REACTOR_BATCH) if isinstance_reactor(handler) else batch
        self._look_at = self._gaps_at = 0.0
        self._by_prefix = frozenset(str(kind) for kind in handler.streams)
        self._wire_names = frozenset(type_of(kind).wire_name for kind in handler.types)

    async def run(self) -> None:
        """Consume for ever."""
        back_off = BackOff(0.1)
        await for_ever(lambda: self._consume_until_outage(back_off), back_off.wait)

    async def _consume_until_outage(self, back_off: BackOff) -> None:
        try:
            async with self._feed.open(self.name, self.handler.contexts, self._position_of) as reader:
                self.health.is_running = True

                async def one_round() -> None:
                    await self._resume_parked()
                    await self._consume_one(reader)
                    self.health.last_fault = None
                    back_off.reset()

                await for_ever(one_round)
        except OUTAGES as fault:
            self.health.last_fault = type(fault).__name__
            log.warning("consumer.interrupted", consumer=self.name, reason=type(fault).__name__)
        finally:
            self.health.is_running = False

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
        streams = self._by_stream(batch.records)
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

    def _by_stream(self, records: Sequence[FeedRecord]) -> "_Streams":
        by_stream: dict[str, list[FeedRecord]] = defaultdict(list)
        for record in records:
            if record.stream.partition("_")[0] in self._by_prefix:
                by_stream[record.stream].append(record)
        return by_stream

    async def _apply_assumed(self, batch: Batch, streams: "_Streams") -> bool:
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
        found = await self._sort_out(batch.source, streams, known)
        try:
            await self._write(batch, found, assumed=known)
        except (*OUTAGES, PositionMoved):
            raise
        except Exception:  # noqa: BLE001 - the usual way finds it again, and says so
            return False
        return True

    async def _sort_out_known(self, source: str, streams: "_Streams", resuming: str | None) -> "_SortedOut":
        async with self._database.connection() as connection:
            known, parked = await state.standing(connection, self.name, list(streams))
        flowing = {
            stream: records
            for stream, records in streams.items()
            if stream not in parked or stream == resuming
        }
        return await self._sort_out(source, flowing, known)

    async def _sort_out(self, source: str, streams: "_Streams", known: Mapping[str, int]) -> "_SortedOut":
        """Which records are new, in order, readable; which streams have a gap."""
        found = _SortedOut()
        for stream, stream_records in streams.items():
            version = known.get(stream, 0)
            for record in stream_records:
                if record.version <= version:
                    continue
                if record.version > version + 1:
                    missing = await self._fill_gap(_context_of(source), stream, version, record.version)
                    if missing is None:
                        found.gaps[stream] = _context_of(source)
                        break
                    for filler in missing:
                        self._take(found, filler)
                self._take(found, record)
                version = record.version
            if version > known.get(stream, 0):
                found.versions[stream] = version
        return found

    def _take(self, found: "_SortedOut", record: FeedRecord) -> None:
        try:
            if newest(record.type) not in self._wire_names:
                type_named(record.type)  # an unknown type may be a newer version of one of ours
                return
            event = decode_event(record.type, record.data)
        except ContractError as fault:
            found.unreadable.append((record, fault.code, str(fault)))
            return
        found.events.append(
            Recorded(stream=record.stream, version=record.version, data=event, meta=record.meta)
        )

    async def _fill_gap(
        self, context: str, stream: str, known: int, seen: int
    ) -> Sequence[FeedRecord] | None:
        log.warning("consumer.gap", consumer=self.name, stream=stream, known=known, seen=seen)
        if self._gaps is None:
            return None
        try:
            fetched = await self._gaps.fetch(context, stream, known)
        except OUTAGES:
            return None
        missing = [record for record in fetched if known < record.version < seen]
        if [record.version for record in missing] != list(range(known + 1, seen)):
            return None
        return missing

    async def _write(
        self, batch: Batch, found: "_SortedOut", *, assumed: Mapping[str, int] | None = None
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

    async def _write_state(self, tx: Connection, batch: Batch, found: "_SortedOut") -> None:
        await state.put_aside(tx, self.name, batch, found.unreadable)
        await state.park(tx, self.name, found.gaps, state.GAP)
        self.health.parked |= set(found.gaps)

    async def _write_reaction(self, step: state.Step, found: "_SortedOut") -> None:
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
        self.health.parked |= set(found.gaps)

    async def _write_one_by_one(self, batch: Batch, found: "_SortedOut") -> None:
        """Stream by stream: the ones whose rule raises are parked with a dead letter, the others go on."""
        by_stream: dict[str, list[Recorded[Any]]] = defaultdict(list)
        for event in found.events:
            by_stream[event.stream].append(event)
        failed: dict[str, tuple[Recorded[Any], str, str]] = {}
        for stream, events in by_stream.items():
            whole = _SortedOut(events=events, versions={stream: found.versions[stream]})
            if await self._fault_of(batch, whole) is not None:
                # Up to the event whose rule raises the stream is as good as any other.
                for event in events:
                    single = _SortedOut(events=[event], versions={stream: event.version})
                    fault = await self._fault_of(batch, single)
                    if fault is not None:
                        failed[stream] = (event, _code(fault), type(fault).__name__)
                        break
            crash_point("consumer.between-streams")
        rest = _SortedOut(
            unreadable=found.unreadable,
            gaps=dict(found.gaps),
            versions={stream: version for stream, version in found.versions.items() if stream not in failed},
        )
        async with self._database.transaction() as tx:
            await state.advance(tx, state.Step(consumer=self.name, batch=batch, versions=rest.versions))
            await self._write_state(tx, batch, rest)
            await state.dead_letter_streams(tx, self.name, _context_of(batch.source), batch, failed)
        self.health.parked |= set(failed)

    async def _fault_of(self, batch: Batch, part: "_SortedOut") -> Exception | None:
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

    async def _resume_parked(self) -> None:
        """Take up parked streams again: those that a person asked for at once, those with a gap every half minute.

        Between batches, never beside one: a stream must not be written from two sides.
        """
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_SECONDS
        async with self._database.connection() as connection:
            parked = await state.parked_streams(connection, self.name)
        self.health.parked = set(parked)
        retries_gaps = now >= self._gaps_at
        if retries_gaps:
            self._gaps_at = now + RETRY_GAPS_SECONDS
        for stream, (context, reason) in parked.items():
            if reason == state.RETRY or (reason == state.GAP and retries_gaps):
                try:
                    await self.resume_stream(context, stream)
                except OUTAGES as fault:  # its owner does not answer: the others need not wait for it
                    log.warning("consumer.not-resumed", consumer=self.name, reason=type(fault).__name__)

    async def resume_stream(self, context: str, stream: str) -> bool:
        """Fetch a parked stream from its owner and apply it from where we stood; true if it flows again.

        It stays parked until it is at its end: a crash on the way loses nothing.
        """
        if self._gaps is None:
            return False
        source, has_progressed = f"{context}/resume:{stream}", False
        while True:
            async with self._database.connection() as connection:
                reason = (await state.parked_streams(connection, self.name)).get(stream, ("", ""))[1]
                known = (await state.known_versions(connection, self.name, [stream])).get(stream, 0)
                begin = await state.position(connection, self.name, source)
            records = await self._gaps.fetch(context, stream, known)
            if not records:
                # Nothing came: a gap is as it was. But who asked for a retry may have filled it otherwise.
                return (has_progressed or reason == state.RETRY) and await self._flow_again(stream)
            if records[0].version != known + 1:
                return False
            end = begin + len(records)
            await self.apply(
                Batch(source=source, read_from=begin, next_offset=end, records=records), resuming=stream
            )
            async with self._database.connection() as connection:
                reached = (await state.known_versions(connection, self.name, [stream])).get(stream, 0)
            if reached < records[-1].version:
                return False
            has_progressed = True

    async def _flow_again(self, stream: str) -> bool:
        async with self._database.transaction() as tx:
            await state.unpark(tx, self.name, stream)
        self.health.parked.discard(stream)
        return True


_Streams = Mapping[str, list[FeedRecord]]


@dataclass(slots=True)
class _SortedOut:
    events: list[Recorded[Any]] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)
    gaps: dict[str, str] = field(default_factory=dict)
    unreadable: list[tuple[FeedRecord, str, str]] = field(default_factory=list)


def isinstance_reactor(handler: Projection | Reactor) -> bool:
    """Whether a handler makes events rather than rows."""
    return hasattr(handler, "react")


def _code(fault: Exception) -> str:
    return str(getattr(fault, "code", type(fault).__name__))


def _context_of(source: str) -> str:
    """`csp.subscriptions/3` and `subscriptions` are both of context `subscriptions`."""
    return source.partition("/")[0].removeprefix("csp.")
