"""Save-to-visible latency in log mode: from a command's save until a waiting read sees its row ÷ two bare commits with NOTIFY."""

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable

import psycopg

from bench._report import Figure, arguments, report
from bench._spine import SCHEMA, events, postgres
from csp_contracts.ids import Kind
from csp_contracts.subscriptions_v1 import QuantityChanged
from csp_runtime.clock import SystemClock
from csp_runtime.consistency import KnownVersions
from csp_runtime.consumer import Consumer
from csp_runtime.database import Connection, Database, DatabaseRole
from csp_runtime.event_loop import run
from csp_runtime.handlers import Events
from csp_runtime.log_feed import LogFeed
from csp_runtime.public_log import StoredPublicLog
from csp_runtime.store import EventStore
from csp_runtime.wakeups import Wakeups


class Quantities:
    """One row a subscription: the quantity that a screen shows."""

    name = "quantities"
    contexts = (SCHEMA,)
    streams = frozenset({Kind.SUBSCRIPTION})
    types = frozenset({QuantityChanged})

    async def project(self, tx: Connection, events: Events) -> None:
        """Upsert the newest quantities."""
        newest = {event.stream: event.data.quantity for event in events}
        await tx.execute(
            "insert into quantities select * from unnest(%s::text[], %s::int[]) "
            "on conflict (stream) do update set quantity = excluded.quantity",
            [list(newest), list(newest.values())],
        )


async def timed(count: int, once: Callable[[int], Awaitable[None]]) -> list[float]:
    """Milliseconds of each, one after another; the first tenth warms up."""
    taken = []
    for number in range(count):
        begin = time.perf_counter()
        await once(number)
        taken.append((time.perf_counter() - begin) * 1000)
    return taken[count // 10 :]


async def visible(url: str, count: int, part: int) -> list[float]:
    """From save to the row, as a request with a consistency token waits for it."""
    store, wakeups = EventStore(url, SCHEMA), Wakeups(url)
    await wakeups.start()
    async with Database(url, SCHEMA, DatabaseRole.WORKER, max_size=6) as database:
        feed = LogFeed({SCHEMA: StoredPublicLog(database, SCHEMA)}, wakeups)
        running = asyncio.create_task(Consumer(Quantities(), feed, database).run())
        known = KnownVersions(database, Quantities.name, wakeups, SystemClock())
        saved = list(events(count * (part + 1)))[count * part :]

        async def once(number: int) -> None:
            event = saved[number]
            await store.save([event])
            await known.wait_for({event.stream: event.version}, seconds=10)

        taken = await timed(count, once)
        async with database.connection() as connection:
            row = await (await connection.execute("select sum(quantity) as seats from quantities")).fetchone()
        everything = events(count * (part + 1))
        expected = sum({event.stream: event.data.quantity for event in everything}.values())
        if row is None or row["seats"] != expected:
            sys.exit("the projection does not show the newest quantities")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    await wakeups.stop()
    store.close()
    return taken


async def bare(url: str, count: int) -> list[float]:
    """A commit with NOTIFY; whoever listens commits with NOTIFY; the first listens for that."""
    asking = await psycopg.AsyncConnection.connect(url, autocommit=True)
    answering = await psycopg.AsyncConnection.connect(url, autocommit=True)
    hearing = await psycopg.AsyncConnection.connect(url, autocommit=True)
    await answering.execute("listen asked")
    await hearing.execute("listen answered")

    async def answer() -> None:
        async for _ in answering.notifies():
            async with writer.transaction():
                await writer.execute(f"insert into {SCHEMA}.bare values (1)".encode())
                await writer.execute("notify answered")

    writer = await psycopg.AsyncConnection.connect(url, autocommit=True)
    answers = asyncio.create_task(answer())

    async def once(_: int) -> None:
        async with asking.transaction():
            await asking.execute(f"insert into {SCHEMA}.bare values (0)".encode())
            await asking.execute("notify asked")
        async for _note in hearing.notifies(stop_after=1):
            pass

    taken = await timed(count, once)
    answers.cancel()
    await asyncio.gather(answers, return_exceptions=True)
    for connection in (asking, answering, hearing, writer):
        await connection.close()
    return taken


def make_tables(url: str) -> None:
    """The projection's table and the one of the bare commits."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            f"create table if not exists {SCHEMA}.quantities (stream text primary key, quantity int)".encode()
        )
        connection.execute(f"grant all on {SCHEMA}.quantities to csp_{SCHEMA}_worker".encode())
        connection.execute(f"create table if not exists {SCHEMA}.bare (side int)".encode())


async def main() -> None:
    """Measure, check, report."""
    given = arguments(__doc__ or "", events=1_000)
    with postgres() as url:
        make_tables(url)
        limit, taken = [], []
        for number in range(given.rounds):
            limit += await bare(url, given.events)
            taken += await visible(url, given.events, number)
    name = "two bare commits + NOTIFY"
    report(
        [
            Figure(
                name=f"save to visible {label}",
                figure=of(taken),
                limit=of(limit),
                limit_name=name,
                unit="ms",
                aim="≤ 3",
            )
            for label, of in (("p50", statistics.median), ("p99", _p99))
        ],
        given.json,
    )


def _p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]


if __name__ == "__main__":
    run(main())
