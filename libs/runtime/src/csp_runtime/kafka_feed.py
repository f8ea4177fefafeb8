"""KafkaFeed: reads the topics of other services; the consumer's own positions decide where, never Kafka's offsets.

A source is a partition (`csp.subscriptions/3`). The group only shares the partitions out among the processes of one consumer;
who lost a partition cannot commit, because positions advance by compare-and-set.
"""

import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from csp_contracts.cloudevents import from_headers
from csp_contracts.errors import ContractError, UndecodableEvent
from csp_runtime.feed import Batch, FeedReader, FeedRecord, PositionOf, UnreadableRecord
from csp_runtime.kafka_connection import KafkaConnection, KafkaUnavailable, make_topics, topic_of
from csp_runtime.logs import logger

log = logger(__name__)

POLL_MS = 500
HINT_SECONDS = 2.0
FETCH_BYTES = 1024 * 1024
_NOWHERE = TopicPartition("", 0)


class PositionOutsideTopic(KafkaUnavailable):
    """The topic no longer holds what lies behind our position; only a person can say whether to begin anew (`csp feed`)."""

    code = "position-outside-topic"


class KafkaFeed:
    """Feeds from Kafka for the consumers of one service."""

    def __init__(self, connection: KafkaConnection, service: str) -> None:
        self._connection = connection
        self._service = service

    @asynccontextmanager
    async def open(
        self, consumer: str, contexts: Sequence[str], position_of: PositionOf
    ) -> AsyncIterator[FeedReader]:
        """Join the consumer's group. Raises `KafkaUnavailable` (a `ConnectionError`) where no broker answers."""
        await make_topics(self._connection, contexts)
        client = AIOKafkaConsumer(
            **self._connection.options(),
            client_id=f"csp-{self._service}",
            group_id=f"csp.{self._service}.{consumer}",
            session_timeout_ms=self._connection.session_ms,
            heartbeat_interval_ms=self._connection.session_ms // 4,
            enable_auto_commit=False,
            # Where to begin is our positions' business; an offset that the topic does not hold is an error.
            auto_offset_reset="none",
            max_partition_fetch_bytes=FETCH_BYTES,
        )
        reader = _KafkaReader(client, position_of)
        client.subscribe([topic_of(context) for context in contexts], listener=reader)
        try:
            await client.start()
            yield reader
        except KafkaError as fault:
            raise KafkaUnavailable(f"no broker answers: {type(fault).__name__}") from fault
        finally:
            with contextlib.suppress(KafkaError, OSError):
                await client.stop()


class _KafkaReader(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    def __init__(self, client: AIOKafkaConsumer, position_of: PositionOf) -> None:
        self._client = client
        self._position_of = position_of
        # Behind the last record handed out, by partition; a partition without an entry is not positioned yet.
        self._positions: dict[TopicPartition, int] = {}
        # Which sharing-out the positions belong to: a seek that began under an earlier one counts for nothing.
        self._sharing = 0
        self._fetched: deque[tuple[TopicPartition, list[ConsumerRecord]]] = deque()
        self._hints: dict[TopicPartition, int] = {}
        self._hinted_at = time.monotonic()

    def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        """Forget what is no longer ours."""
        del revoked  # the assignors of aiokafka are eager: all are revoked
        self._forget()

    def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        """Forget what was positioned while the group was sharing out: aiokafka still showed what we had before.

        Positions are read by `next_batch`: aiokafka swallows what a listener raises.
        """
        del assigned
        self._forget()

    def _forget(self) -> None:
        self._sharing += 1
        self._positions.clear()
        self._fetched.clear()
        self._hints.clear()

    async def next_batch(self, limit: int) -> Batch | None:
        if not self._fetched:
            await self._fetch()
        if not self._fetched:
            return None
        partition, records = self._fetched.popleft()
        if len(records) > limit:
            self._fetched.appendleft((partition, records[limit:]))
            records = records[:limit]
        return self._batch(partition, records)

    async def seek(self, source: str, offset: int) -> None:
        partition = _partition(source)
        self._fetched = deque(item for item in self._fetched if item[0] != partition)
        self._positions.pop(partition, None)
        await self._go_to(partition, offset)

    async def confirm(self, batch: Batch) -> None:
        self._hints[_partition(batch.source)] = batch.next_offset
        if time.monotonic() - self._hinted_at < HINT_SECONDS:
            return
        hints, self._hints = self._hints, {}
        self._hinted_at = time.monotonic()
        # Lag figures only; a member that has just lost the partition is refused, rightly.
        with contextlib.suppress(KafkaError):
            await self._client.commit(hints)

    async def behind(self, positions: Mapping[str, int]) -> list[str]:
        found = []
        for partition in list(self._positions):
            source = f"{partition.topic}/{partition.partition}"
            with contextlib.suppress(IllegalStateError):
                if (self._client.highwater(partition) or 0) > positions.get(source, 0):
                    found.append(source)
        return found

    async def _fetch(self) -> None:
        await self._position()
        try:
            # Without partitions of our own we ask for none (asking for nothing would mean all), to stay a live member.
            fetched = await self._client.getmany(*(self._positions or [_NOWHERE]), timeout_ms=POLL_MS)
        except NoOffsetForPartitionError as fault:
            self._positions.pop(
                fault.args[0], None
            )  # assigned anew while we waited: positioned in the next round
            return
        except OffsetOutOfRangeError as fault:
            lost = {
                partition: at
                for partition, at in fault.args[0].items()
                if self._positions.get(partition) == at
            }
            if lost:
                raise PositionOutsideTopic(f"these positions lie outside their topics: {lost}") from fault
            return
        for partition, records in fetched.items():
            position = self._positions.get(partition)
            fresh = [] if position is None else [record for record in records if record.offset >= position]
            if fresh:
                self._fetched.append((partition, fresh))

    async def _position(self) -> None:
        """Begin newly assigned partitions where the consumer stands."""
        for partition in self._client.assignment() - self._positions.keys():
            offset = await self._position_of(f"{partition.topic}/{partition.partition}")
            await self._go_to(partition, offset)

    async def _go_to(self, partition: TopicPartition, offset: int) -> None:
        """Read on from an offset; nothing where the partition is another member's by now."""
        sharing = self._sharing
        try:
            if offset == 0:
                # The beginning, wherever that is: where a topic was cut, the streams' versions show what is missing.
                await self._client.seek_to_beginning(partition)
            else:
                self._client.seek(partition, offset)
        except IllegalStateError:
            return
        if sharing == self._sharing:
            self._positions[partition] = offset

    def _batch(self, partition: TopicPartition, records: Sequence[ConsumerRecord]) -> Batch:
        read_from = self._positions[partition]
        next_offset = records[-1].offset + 1
        self._positions[partition] = next_offset
        readable: list[FeedRecord] = []
        unreadable: list[UnreadableRecord] = []
        for record in records:
            try:
                readable.append(_readable(record))
            except ContractError as fault:
                unreadable.append(_unreadable(record, fault))
        return Batch(
            source=f"{partition.topic}/{partition.partition}",
            read_from=read_from,
            next_offset=next_offset,
            records=readable,
            unreadable=unreadable,
        )


def _readable(record: ConsumerRecord) -> FeedRecord:
    envelope = from_headers(record.headers)
    if record.value is None:
        raise UndecodableEvent(envelope.wire_name, "the record has no value")
    return FeedRecord(
        stream=envelope.stream,
        version=envelope.version,
        type=envelope.wire_name,
        data=record.value,
        meta=envelope.meta,
        offset=record.offset,
    )


def _unreadable(record: ConsumerRecord, fault: ContractError) -> UnreadableRecord:
    headers = {name: value.decode(errors="replace") for name, value in record.headers if value is not None}
    stream, _, version = headers.get("ce_id", "").rpartition(":")
    log.warning("feed.unreadable-record", topic=record.topic, offset=record.offset, code=fault.code)
    return UnreadableRecord(
        stream=stream,
        version=int(version) if version.isdecimal() and len(version) < 19 else 0,  # bigint
        type=headers.get("ce_type", ""),
        code=fault.code,
        detail=str(fault),
        offset=record.offset,
    )


def _partition(source: str) -> TopicPartition:
    topic, _, number = source.rpartition("/")
    return TopicPartition(topic, int(number))
