"""Relay: events per second out of the notification log into Kafka ÷ a bare idempotent aiokafka producer with the same records."""

import asyncio
import sys
import time
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from bench._report import Figure, arguments, report
from bench._spine import SCHEMA, kafka, postgres, save
from csp_contracts.cloudevents import Envelope, to_headers
from csp_runtime.database import Database, DatabaseRole
from csp_runtime.event_loop import run
from csp_runtime.feed import FeedRecord
from csp_runtime.kafka_connection import KafkaConnection, make_topics, topic_of
from csp_runtime.kafka_publisher import BATCH_BYTES, KafkaPublisher
from csp_runtime.public_log import StoredPublicLog
from csp_runtime.relay import BATCH, Relay
from csp_runtime.wakeups import Wakeups


async def bare(connection: KafkaConnection, context: str, records: Sequence[FeedRecord]) -> float:
    """Seconds for records that are ready to send, a relay's batch at a time."""
    await make_topics(connection, [context])
    ready = [
        (record.data, record.meta.partition_key.encode(), to_headers(_envelope(context, record), record.data))
        for record in records
    ]
    producer = AIOKafkaProducer(
        **connection.options(), acks="all", enable_idempotence=True, max_batch_size=BATCH_BYTES
    )
    await producer.start()
    begin = time.perf_counter()
    for first in range(0, len(ready), BATCH):
        sent = [
            await producer.send(topic_of(context), value=value, key=key, headers=headers)
            for value, key, headers in ready[first : first + BATCH]
        ]
        await asyncio.gather(*sent)
    seconds = time.perf_counter() - begin
    await producer.stop()
    return seconds


async def relayed(url: str, connection: KafkaConnection, context: str) -> float:
    """Seconds until the relay has caught up with the log."""
    wakeups = Wakeups(url)
    await wakeups.start()
    async with Database(url, SCHEMA, DatabaseRole.WORKER) as database:
        publisher = KafkaPublisher(connection, context)
        await publisher.start()
        relay = Relay(StoredPublicLog(database, context), publisher, database, wakeups)
        begin = time.perf_counter()
        running = asyncio.create_task(relay.run())
        while not relay.is_caught_up:  # noqa: ASYNC110  # the relay has no bell for this, and needs none
            await asyncio.sleep(0.001)
        seconds = time.perf_counter() - begin
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    await wakeups.stop()
    return seconds


async def versions_in(connection: KafkaConnection, context: str) -> dict[str, list[int]]:
    """Stream to versions, as they lie in the topic."""
    found: dict[str, list[int]] = {}
    reader = AIOKafkaConsumer(bootstrap_servers=connection.bootstrap, auto_offset_reset="earliest")
    await reader.start()
    partitions = [TopicPartition(topic_of(context), number) for number in range(connection.partitions)]
    reader.assign(partitions)
    ends = await reader.end_offsets(partitions)
    while any([await reader.position(partition) < end for partition, end in ends.items()]):
        for records in (await reader.getmany(timeout_ms=200)).values():
            for record in records:
                stream, _, version = dict(record.headers)["ce_id"].decode().rpartition(":")
                found.setdefault(stream, []).append(int(version))
    await reader.stop()
    return found


def _envelope(context: str, record: FeedRecord) -> Envelope:
    return Envelope(
        context=context,
        wire_name=record.type,
        stream=record.stream,
        version=record.version,
        meta=record.meta,
    )


async def main() -> None:
    """Measure, check, report."""
    given = arguments(__doc__ or "", events=20_000)
    with postgres() as url, kafka() as connection:
        await save(url, given.events)
        async with Database(url, SCHEMA, DatabaseRole.WORKER) as database:
            records = (await StoredPublicLog(database, SCHEMA).read(0, given.events)).records
        expected: dict[str, list[int]] = {}
        for record in records:
            expected.setdefault(record.stream, []).append(record.version)
        limits, figures = [], []
        for number in range(given.rounds):
            limits.append(await bare(connection, f"bare-{number}", records))
            figures.append(await relayed(url, connection, f"relay-{number}"))
            if await versions_in(connection, f"relay-{number}") != expected:
                sys.exit("the topic does not hold every event once, in order")
    report(
        [
            Figure(
                name="relay",
                figure=given.events / min(figures),
                limit=given.events / min(limits),
                limit_name="bare idempotent aiokafka producer",
                unit="events/s",
                aim="≥ 0.6",
            )
        ],
        given.json,
    )


if __name__ == "__main__":
    run(main())
