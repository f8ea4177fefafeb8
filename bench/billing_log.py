"""Billing's log of record: events per second from Kafka into it ÷ bare `getmany` + COPY; and the fold of all of it from zero

÷ a bare read of it. The second one decodes every event, folds every subscription in both ledgers, and makes every line.
"""

import argparse
import asyncio
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import psycopg
from aiokafka import AIOKafkaConsumer, TopicPartition

from bench import _billing_book as books
from bench._report import Figure, report
from bench._spine import kafka, postgres
from bench.close import months_from
from csp_billing.adapters.ledger_reader import LedgerReader
from csp_billing.closing.cycles import close_days
from csp_billing.closing.pool import prepare_worker
from csp_billing.projections import Inbox
from csp_billing.settling.posting import LEDGERS, begin_anew
from csp_billing.verifying.verify import SUBSCRIPTIONS_AT_ONCE, every_subscription
from csp_contracts import event_types as _registers_all_types  # noqa: F401
from csp_contracts.codec import decode_meta
from csp_runtime.consumer import Consumer
from csp_runtime.database import Database, DatabaseRole, connection_info
from csp_runtime.feed import FeedRecord
from csp_runtime.kafka_connection import KafkaConnection, topic_of
from csp_runtime.kafka_feed import FETCH_BYTES, KafkaFeed
from csp_runtime.kafka_publisher import KafkaPublisher
from csp_runtime.migrate import migrate

SCHEMA = books.SCHEMA
_COLUMNS = "(reseller_id, subscription_id, stream, version, type, data, meta)"


def rows_of(subscriptions: int, months: int) -> tuple[books.Book, list[books.Row]]:
    """A book with its events of some months, in one topic."""
    book = books.Book(books.zipf(subscriptions, subscriptions // 20))
    rows = list(book.purchases())
    for first in months_from(books.FIRST, months)[1:]:
        rows += book.month(first)
    return book, rows


async def publish(connection: KafkaConnection, rows: list[books.Row]) -> None:
    """Everything into the topic of subscriptions, in batches as the relay's."""
    publisher = KafkaPublisher(connection, "subscriptions")
    await publisher.start()
    for start in range(0, len(rows), 500):
        await publisher.publish(
            "subscriptions",
            [
                FeedRecord(
                    stream=row[2],
                    version=row[3],
                    type=row[4],
                    data=row[5],
                    meta=decode_meta(row[6]),
                    offset=0,
                )
                for row in rows[start : start + 500]
            ],
        )
    await publisher.stop()


async def bare_ingestion(url: str, connection: KafkaConnection, count: int) -> float:
    """Records read and copied into a table like the log, with its key, and nothing else."""
    client = AIOKafkaConsumer(
        bootstrap_servers=connection.bootstrap,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=FETCH_BYTES,
    )
    await client.start()
    client.assign(
        [TopicPartition(topic_of("subscriptions"), number) for number in range(connection.partitions)]
    )
    database = await psycopg.AsyncConnection.connect(url, autocommit=True)
    await database.execute(f"create table {SCHEMA}.copied (like {SCHEMA}.inbox including all)".encode())
    done, begin = 0, time.perf_counter()
    while done < count:
        for records in (await client.getmany(timeout_ms=200)).values():
            async with (
                database.cursor() as cursor,
                cursor.copy(f"copy {SCHEMA}.copied {_COLUMNS} from stdin".encode()) as copy,
            ):
                for record in records:
                    stream, _, version = record.headers[0][1].decode().rpartition(":")  # ce_id comes first
                    await copy.write_row(
                        (
                            books.RESELLER,
                            stream,
                            stream,
                            int(version),
                            record.headers[1][1],
                            record.value,
                            b"{}",
                        )
                    )
            done += len(records)
    rate = count / (time.perf_counter() - begin)
    await client.stop()
    await database.close()
    return rate


async def ingestion(url: str, connection: KafkaConnection, count: int) -> float:
    """Events per second until the log holds every one; the wait for partitions is not counted."""
    async with Database(url, SCHEMA, DatabaseRole.WORKER) as database:
        running = asyncio.create_task(Consumer(Inbox(), KafkaFeed(connection, SCHEMA), database).run())
        first, begin, seen = 0, 0.0, 0
        while seen < count:  # the rows themselves are the only proof
            async with database.connection() as reading:
                row = await (await reading.execute("select count(*) as n from inbox")).fetchone()
            seen = 0 if row is None else int(row["n"])
            if seen and not first:
                first, begin = seen, time.perf_counter()
            await asyncio.sleep(0.02)
        seconds = time.perf_counter() - begin
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return (count - first) / seconds


def bare_read(url: str) -> float:
    """Events per second read from the log and dropped."""
    with psycopg.connect(url) as connection, connection.cursor("bare") as cursor:
        cursor.itersize = 5_000
        count, begin = 0, time.perf_counter()
        cursor.execute(
            f"select subscription_id, arrival, stream, version, type, data, meta from {SCHEMA}.inbox "
            "order by subscription_id, arrival".encode()
        )
        for _ in cursor:
            count += 1
    return count / (time.perf_counter() - begin)


class Folded(NamedTuple):
    """What came of a fold, and the processor time of its processes, without the server's."""

    events: int
    lines: int
    cpu_seconds: float


def fold_part(url: str, until: int, part: int, parts: int) -> Folded:
    """Fold a part of the subscriptions from their first events."""
    events = lines = 0
    begin = time.process_time()
    with psycopg.connect(connection_info(url, SCHEMA, DatabaseRole.WORKER), autocommit=True) as connection:
        names = every_subscription(connection, books.RESELLER)[part::parts]
        reader = LedgerReader(connection, books.RESELLER, 2**62)
        days = close_days(connection, books.RESELLER)
        for start in range(0, len(names), SUBSCRIPTIONS_AT_ONCE):
            log = reader.log(names[start : start + SUBSCRIPTIONS_AT_ONCE])
            events += sum(len(known) for known in log.events.values())
            for name in log.events:
                for ledger in LEDGERS:
                    due = begin_anew(
                        [name], ledger, log.of([name]), until=until, watermark=2**62, close_days=days
                    )
                    lines += len(due[name].lines)
    return Folded(events, lines, time.process_time() - begin)


def replay(url: str, until: int, processes: int) -> tuple[float, Folded]:
    """Events per second folded from zero in so many processes, and what came of it."""
    with ProcessPoolExecutor(
        processes, mp_context=get_context("spawn"), initializer=prepare_worker
    ) as pool:  # as `csp billing verify` folds
        list(pool.map(abs, range(processes)))  # started
        begin = time.perf_counter()
        done = list(
            pool.map(
                fold_part, [url] * processes, [until] * processes, range(processes), [processes] * processes
            )
        )
        seconds = time.perf_counter() - begin
    whole = Folded(*(sum(each) for each in zip(*done, strict=True)))
    return whole.events / seconds, whole


async def main() -> None:
    """Measure, check, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscriptions", type=int, default=20_000)
    parser.add_argument("--months", type=int, default=4)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    book, rows = rows_of(given.subscriptions, given.months)
    with postgres() as url, kafka() as connection:
        migrate(url, SCHEMA, ["csp_runtime", "csp_billing"])
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute(f"set search_path to {SCHEMA}".encode())
            with owner.cursor() as cursor:
                cursor.executemany(
                    "insert into tenant_customer values (%s, %s, %s)",
                    [(tenant, books.RESELLER, customer) for customer, tenant, _ in book.customers()],
                )
        await publish(connection, rows)
        limit = await bare_ingestion(url, connection, len(rows))
        rate = await ingestion(url, connection, len(rows))
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute("vacuum analyze")
        read = bare_read(url)
        until = date(2026, 1, 15).toordinal() + 31 * given.months
        folded, whole = replay(url, until, given.processes)
        again, alone = replay(url, until, 1)
        if whole.events != len(rows):
            sys.exit(f"{whole.events} events folded of {len(rows)} read")
        if whole[:2] != alone[:2] or not whole.lines:
            sys.exit(f"{whole.lines} lines in {given.processes} processes, {alone.lines} in one")
    print(
        f"{whole.events} events, {whole.lines} lines; one process alone folds {again:,.0f} events/s, "
        f"in {alone.cpu_seconds / alone.events * 1e6:.1f} CPU-µs an event"
    )
    report(
        [
            Figure(
                name="billing, ingestion",
                figure=rate,
                limit=limit,
                limit_name="bare getmany + COPY of the same rows",
                unit="events/s",
                aim="",
            ),
            Figure(
                name="billing, replay",
                figure=folded,
                limit=read,
                limit_name="bare read of the whole log",
                unit="events/s",
                aim="≥ 0.3",
            ),
        ],
        given.json,
    )


if __name__ == "__main__":
    asyncio.run(main())
