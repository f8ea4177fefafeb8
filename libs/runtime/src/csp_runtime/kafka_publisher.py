"""The relay's way to Kafka: an idempotent producer that waits for all replicas, in order per key."""

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from csp_contracts.cloudevents import Envelope, to_headers
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
        topic = topic_of(context)
        acknowledgements: list[asyncio.Future[object]] = []
        try:
            for record in records:
                sent = await self._send(self._producer, topic, context, record)
                acknowledgements.append(sent)  # what was sent before a fault must be known
        except KafkaError as fault:
            await self._give_up(acknowledgements)
            raise PublishFailed(f"not accepted: {type(fault).__name__}") from fault
        outcomes = await asyncio.gather(*acknowledgements, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                await self._give_up(acknowledgements)
                raise PublishFailed(f"not acknowledged: {type(outcome).__name__}") from outcome

    async def stop(self) -> None:
        """Disconnect."""
        if self._producer is not None:
            producer, self._producer = self._producer, None
            await producer.stop()

    @staticmethod
    async def _send(
        producer: AIOKafkaProducer, topic: str, context: str, record: FeedRecord
    ) -> "asyncio.Future[object]":
        envelope = Envelope(
            context=context,
            wire_name=record.type,
            stream=record.stream,
            version=record.version,
            meta=record.meta,
        )
        return await producer.send(  # type: ignore[no-any-return]  # aiokafka is untyped
            topic,
            value=record.data,
            key=record.meta.partition_key.encode(),
            headers=to_headers(envelope),
        )

    async def _give_up(self, acknowledgements: Sequence["asyncio.Future[object]"]) -> None:
        for acknowledgement in acknowledgements:
            acknowledgement.cancel()
        await asyncio.gather(*acknowledgements, return_exceptions=True)
        await self.stop()
