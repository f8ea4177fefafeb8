"""The relay's way to Kafka: an idempotent producer that waits for all replicas, in order per key."""

import asyncio
from collections.abc import Awaitable, Sequence
from functools import lru_cache

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.producer.message_accumulator import BatchBuilder

from csp_contracts.cloudevents import Envelope, Headers, to_headers
from csp_runtime.feed import FeedRecord
from csp_runtime.kafka_connection import KafkaConnection, KafkaUnavailable, make_topics, topic_of
from csp_runtime.relay import PublishFailed

BATCH_BYTES = 256 * 1024


class KafkaPublisher:
    """Publishes one context's records as CloudEvents in binary mode.

    The producer retries through an outage by itself, without doubling or reordering. Only when it gives up (40 seconds
    without an acknowledgement) is it made anew, because its sequence numbers may no longer fit the broker's.
    """

    def __init__(self, connection: KafkaConnection, context: str) -> None:
        self._connection = connection
        self._context = context
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Make the topic and connect; nothing to do where that was done. Raises `KafkaUnavailable`."""
        if self._producer is not None:
            return
        await make_topics(self._connection, [self._context])
        producer = AIOKafkaProducer(
            **self._connection.options(),
            client_id=f"csp-relay-{self._context}",
            acks="all",
            enable_idempotence=True,
            max_batch_size=BATCH_BYTES,
        )
        try:
            await producer.start()
        except BaseException as fault:  # cancelled or refused: what was begun is closed either way
            await producer.stop()
            if isinstance(fault, KafkaError | OSError):
                raise KafkaUnavailable(f"no broker answers: {type(fault).__name__}") from fault
            raise
        self._producer = producer

    async def publish(self, context: str, records: Sequence[FeedRecord]) -> None:
        """Return when every record is acknowledged; `PublishFailed` where one is not."""
        if self._producer is None:
            raise PublishFailed("the producer is not connected")
        acknowledgements: list[Awaitable[object]] = []
        try:
            await self._send(self._producer, context, records, acknowledgements)
        except KafkaError as fault:
            await self._give_up(acknowledgements)
            raise PublishFailed(f"not accepted: {type(fault).__name__}") from fault
        for outcome in await asyncio.gather(*acknowledgements, return_exceptions=True):
            if isinstance(outcome, BaseException):
                await self._give_up(acknowledgements)
                raise PublishFailed(f"not acknowledged: {type(outcome).__name__}") from outcome

    async def stop(self) -> None:
        """Disconnect."""
        if self._producer is not None:
            producer, self._producer = self._producer, None
            await producer.stop()

    async def _send(
        self,
        producer: AIOKafkaProducer,
        context: str,
        records: Sequence[FeedRecord],
        acknowledgements: list[Awaitable[object]],
    ) -> None:
        """One Kafka batch per partition, in order; `producer.send` costs several times as much per record."""
        topic = topic_of(context)
        count = len(await producer.partitions_for(topic))
        open_batches: dict[int, BatchBuilder] = {}
        for record in records:
            key = record.meta.partition_key.encode()
            partition = _partition(key, count)
            fields = {
                "key": key,
                "value": record.data,
                "timestamp": None,
                "headers": _headers(context, record),
            }
            batch = open_batches.get(partition)
            if batch is None or batch.append(**fields) is None:  # None: it is full
                if batch is not None:
                    acknowledgements.append(await producer.send_batch(batch, topic, partition=partition))
                batch = open_batches[partition] = producer.create_batch()
                batch.append(**fields)  # a new batch takes any record; what is too large the broker refuses
        for partition, batch in open_batches.items():
            acknowledgements.append(await producer.send_batch(batch, topic, partition=partition))

    async def _give_up(self, acknowledgements: Sequence[Awaitable[object]]) -> None:
        waiting = [asyncio.ensure_future(acknowledgement) for acknowledgement in acknowledgements]
        for future in waiting:
            future.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await self.stop()


@lru_cache(maxsize=65_536)
def _partition(key: bytes, count: int) -> int:
    """The partition that every Kafka client computes for this key; the hash is plain Python, so it is remembered."""
    return int(DefaultPartitioner()(key, list(range(count)), None))


def _headers(context: str, record: FeedRecord) -> Headers:
    return to_headers(
        Envelope(
            context=context,
            wire_name=record.type,
            stream=record.stream,
            version=record.version,
            meta=record.meta,
        ),
        record.data,
    )
