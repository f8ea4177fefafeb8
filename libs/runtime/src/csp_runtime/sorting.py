"""What of a batch is new, in order and readable; what has a gap."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from csp_contracts.codec import decode_event
from csp_contracts.envelope import Recorded
from csp_contracts.errors import ContractError
from csp_contracts.registry import type_named, type_of
from csp_contracts.upcasters import newest
from csp_runtime.feed import FeedRecord
from csp_runtime.handlers import Handler
from csp_runtime.logs import logger
from csp_runtime.outages import OUTAGES

log = logger(__name__)

Streams = Mapping[str, list[FeedRecord]]


class GapSource(Protocol):
    """Where a missing version is fetched from: its owner."""

    async def fetch(self, context: str, stream: str, after_version: int) -> Sequence[FeedRecord]:
        """The records of a stream behind a version; empty if the owner has none."""


@dataclass(slots=True)
class SortedOut:
    """New events; the version that each stream then stands at; streams with a gap, and their context; what cannot be read."""

    events: list[Recorded[Any]] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)
    gaps: dict[str, str] = field(default_factory=dict)
    unreadable: list[tuple[FeedRecord, str, str]] = field(default_factory=list)


class Sorter:
    """Sorts batches out for one handler."""

    def __init__(self, handler: Handler, gaps: GapSource | None) -> None:
        self._name = handler.name
        self._gaps = gaps
        self._by_prefix = frozenset(str(kind) for kind in handler.streams)
        self._wire_names = frozenset(type_of(kind).wire_name for kind in handler.types)

    def by_stream(self, records: Sequence[FeedRecord]) -> Streams:
        """The records of the handler's streams."""
        by_stream: dict[str, list[FeedRecord]] = defaultdict(list)
        for record in records:
            if record.stream.partition("_")[0] in self._by_prefix:
                by_stream[record.stream].append(record)
        return by_stream

    async def sort_out(self, source: str, streams: Streams, known: Mapping[str, int]) -> SortedOut:
        """Which records are new, in order, readable; which streams have a gap."""
        found = SortedOut()
        for stream, stream_records in streams.items():
            version = known.get(stream, 0)
            for record in stream_records:
                if record.version <= version:
                    continue
                if record.version > version + 1:
                    missing = await self._fill_gap(context_of(source), stream, version, record.version)
                    if missing is None:
                        found.gaps[stream] = context_of(source)
                        break
                    for filler in missing:
                        self._take(found, filler)
                self._take(found, record)
                version = record.version
            if version > known.get(stream, 0):
                found.versions[stream] = version
        return found

    def _take(self, found: SortedOut, record: FeedRecord) -> None:
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
        log.warning("consumer.gap", consumer=self._name, stream=stream, known=known, seen=seen)
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


def context_of(source: str) -> str:
    """`csp.subscriptions/3` and `subscriptions` are both of context `subscriptions`."""
    return source.partition("/")[0].removeprefix("csp.")
