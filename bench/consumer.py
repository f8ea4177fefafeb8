"""Consumer: events per second from Kafka into a projection ÷ a bare `getmany` and COPY of the same rows."""

import asyncio
import sys
import time
from typing import Any

import msgspec
import psycopg
from aiokafka import AIOKafkaConsumer, TopicPartition

from bench._report import Figure, arguments, report
from bench._spine import SCHEMA, kafka, postgres, save
from csp_contracts.ids import Kind
from csp_contracts.subscriptions_v1 import QuantityChanged
from csp_runtime.consumer import Consumer
from csp_runtime.database import Connection, Database, DatabaseRole
from csp_runtime.event_loop import run
from csp_runtime.handlers import Events
from csp_runtime.kafka_connection import KafkaConnection, topic_of
from csp_runtime.kafka_feed import FETCH_BYTES, KafkaFeed
from csp_runtime.kafka_publisher import KafkaPublisher
from csp_runtime.public_log import StoredPublicLog

CONTEXT = "bench-consumer"
COLUMNS = "(stream, version, quantity)"


class History:
    """A row for every event: what the history of a subscription is made of."""

    contexts = (CONTEXT,)
    streams = frozenset({Kind.SUBSCRIPTION})
    types: frozenset[type[Any]] = frozenset({QuantityChanged})

    def __init__(self, name: str) -> None:
        self.name = name

    async def project(self, tx: Connection, events: Events) -> None:
        """One statement a batch."""
        await tx.execute(
            f"insert into projected {COLUMNS} select * from unnest(%s::text[], %s::bigint[], %s::int[])",
            [
                [event.stream for event in events],
                [event.version for event in events],
                [event.data.quantity for event in events],
            ],
        )


async def publish(url: str, connection: KafkaConnection) -> None:
    """Fill the topic with what lies in the store."""
    publisher = KafkaPublisher(connection, CONTEXT)
    await publisher.start()
    async with Database(url, SCHEMA, DatabaseRole.WORKER) as database:
        log, offset = StoredPublicLog(database, CONTEXT), 0
        while (page := await log.read(offset, 500)).next_offset != offset:
            await publisher.publish(CONTEXT, page.records)
            offset = page.next_offset
    await publisher.stop()


async def bare(url: str, connection: KafkaConnection, count: int) -> float:
    """Events per second, each record read and its row copied, without positions, versions or dead letters."""
    decoder = msgspec.json.Decoder(QuantityChanged)
    client = AIOKafkaConsumer(
        bootstrap_servers=connection.bootstrap,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=FETCH_BYTES,
    )
    await client.start()
    client.assign([TopicPartition(topic_of(CONTEXT), number) for number in range(connection.partitions)])
    database = await psycopg.AsyncConnection.connect(url, autocommit=True)
    await database.execute(f"truncate {SCHEMA}.copied".encode())
    done, begin = 0, time.perf_counter()
    while done < count:
        for records in (await client.getmany(timeout_ms=200)).values():
            async with (
                database.cursor() as cursor,
                cursor.copy(f"copy {SCHEMA}.copied {COLUMNS} from stdin".encode()) as copy,
            ):
                for record in records:
                    stream, _, version = record.headers[0][1].decode().rpartition(":")  # ce_id comes first
                    await copy.write_row((stream, int(version), decoder.decode(record.value).quantity))
            done += len(records)
    rate = count / (time.perf_counter() - begin)
    await client.stop()
    await database.close()
    return rate


class Timed(History):
    """Notes when the first batch was projected: the wait for partitions lies before it, and is not counted."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.first = 0
        self.began = 0.0

    async def project(self, tx: Connection, events: Events) -> None:
        await super().project(tx, events)
        if not self.first:
            self.first, self.began = len(events), time.perf_counter()


async def consumed(url: str, connection: KafkaConnection, count: int, name: str) -> float:
    """Events per second until the projection holds every one."""
    async with Database(url, SCHEMA, DatabaseRole.WORKER) as database:
        async with database.transaction() as tx:
            await tx.execute("delete from projected")
        projection = Timed(name)
        running = asyncio.create_task(Consumer(projection, KafkaFeed(connection, SCHEMA), database).run())
        while await known(database, name) < count:  # noqa: ASYNC110  # the rows themselves are the only proof
            await asyncio.sleep(0.02)
        seconds = time.perf_counter() - projection.began
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return (count - projection.first) / seconds


async def known(database: Database, name: str) -> int:
    """How many events the consumer knows; versions are contiguous, so that the newest tell."""
    async with database.connection() as connection:
        cursor = await connection.execute(
            "select coalesce(sum(version), 0)::bigint as seen from known_versions where consumer = %s", [name]
        )
        row = await cursor.fetchone()
    return 0 if row is None else int(row["seen"])


def make_tables(url: str) -> None:
    """The projection's table and the one that is copied into: the same columns, no index."""
    with psycopg.connect(url, autocommit=True) as connection:
        for table in ("projected", "copied"):
            connection.execute(
                f"create table if not exists {SCHEMA}.{table} (stream text, version bigint, quantity int)".encode()
            )
            connection.execute(f"grant all on {SCHEMA}.{table} to csp_{SCHEMA}_worker".encode())


def differences(url: str) -> int:
    """Rows that lie in one table only."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            f"select count(*) from (select * from {SCHEMA}.projected except all select * from {SCHEMA}.copied) as lost".encode()
        ).fetchone()
        more = connection.execute(
            f"select (select count(*) from {SCHEMA}.projected) - (select count(*) from {SCHEMA}.copied)".encode()
        ).fetchone()
    return 1 if row is None or more is None else int(row[0]) + abs(int(more[0]))


async def main() -> None:
    """Measure, check, report."""
    given = arguments(__doc__ or "", events=50_000)
    with postgres() as url, kafka() as connection:
        make_tables(url)
        await save(url, given.events)
        await publish(url, connection)
        limits, figures = [], []
        for number in range(given.rounds):
            limits.append(await bare(url, connection, given.events))
            figures.append(await consumed(url, connection, given.events, f"history-{number}"))
            if differences(url):
                sys.exit("the projection does not hold every row once")
    report(
        [
            Figure(
                name="consumer",
                figure=max(figures),
                limit=max(limits),
                limit_name="bare getmany + COPY of the same rows",
                unit="events/s",
                aim="≥ 0.25",
            )
        ],
        given.json,
    )


if __name__ == "__main__":
    run(main())
