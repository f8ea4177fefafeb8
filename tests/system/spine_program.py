"""The spine as a process of its own: commands are saved, relayed, consumed, projected and reacted to.

Ends with 0 when everything that the commands ask for is there. It may be killed anywhere and started again with the same
arguments; its commands carry keys, as those of a client that repeats what was not answered.
"""

import argparse
import asyncio
import sys
from collections import defaultdict

from csp_contracts.ids import Kind
from csp_runtime.consumer import Consumer
from csp_runtime.database import Database, DatabaseRole
from csp_runtime.errors import KeyAlreadyUsed
from csp_runtime.handlers import Reaction
from csp_runtime.kafka_connection import KafkaConnection
from csp_runtime.kafka_feed import KafkaFeed
from csp_runtime.kafka_publisher import KafkaPublisher
from csp_runtime.log_feed import LogFeed
from csp_runtime.public_log import StoredPublicLog
from csp_runtime.relay import Relay
from csp_runtime.store import CommandKey, EventStore
from csp_runtime.wakeups import Wakeups
from csp_testing.probe import eventually
from csp_testing.things import NOW, ThingCounted, counted

SCHEMA = "things"
COMMANDS = 60
WAVE = 6
"""So many commands at a time; the next wave waits until these are projected, so that every point is passed many times."""
STREAMS = 5
POISON = 20
"""This command's event makes the projection raise: its stream is parked, the others flow."""


class Totals:
    """Projects: the versions of each stream in the order they came, and the sum of their numbers."""

    name = "totals"
    streams = frozenset({Kind.ORDER, Kind.PROCESS})
    types = frozenset({ThingCounted})

    def __init__(self, context):
        self.contexts = (context,)

    async def project(self, tx, events):
        for event in events:
            if event.data.number < 0:
                raise ValueError("a rule of this projection")
            await tx.execute(
                "insert into totals values (%s, array[%s::int], %s) on conflict (stream) do update "
                "set versions = totals.versions || excluded.versions, total = totals.total + excluded.total",
                [event.stream, event.version, event.data.number],
            )


class Doubler:
    """Reacts: one event in a stream of its own for each one it sees, with twice the number."""

    name = "doubler"
    streams = frozenset({Kind.ORDER})
    types = frozenset({ThingCounted})

    def __init__(self, context, store):
        self.contexts = (context,)
        self._store = store

    async def react(self, events):
        by_stream = defaultdict(list)
        for event in events:
            by_stream["prc_" + event.stream.removeprefix("ord_")].append(event.data.number)
        made = []
        for stream, numbers in by_stream.items():
            version = len(await self._store.load(stream))
            made += [counted(stream, version + n, 2 * number) for n, number in enumerate(numbers, 1)]
        return Reaction(events=made)


async def carry_out(store, number):
    """One command, repeated until it is known to have happened."""
    stream, amount = (f"ord_{number % STREAMS}", number) if number != POISON else ("ord_bad", -1)
    key = CommandKey(caller="client", key=f"k{number}", request_digest=b"", answer={}, at=NOW)
    try:
        await store.save([counted(stream, len(await store.load(stream)) + 1, amount)], key=key)
    except KeyAlreadyUsed:
        return


async def is_projected(store, database, stream):
    """Whether the projection has caught up with a stream."""
    async with database.connection() as connection:
        cursor = await connection.execute("select versions from totals where stream = %s", [stream])
        row = await cursor.fetchone()
    return row is not None and len(row["versions"]) == len(await store.load(stream))


async def is_complete(database):
    """Every command has its event, its reaction, and both their projection; the poisoned streams are parked."""
    async with database.connection() as connection:
        cursor = await connection.execute(
            "select (select count(*) from things_events) as events, "
            "(select coalesce(sum(cardinality(versions)), 0) from totals) as projected, "
            "(select count(*) from parked_streams) as parked"
        )
        row = await cursor.fetchone()
    return (row["events"], row["projected"], row["parked"]) == (2 * COMMANDS, 2 * COMMANDS - 2, 2)


async def main(url, context, bootstrap):
    store = EventStore(url, SCHEMA)
    wakeups = Wakeups(url)
    await wakeups.start()
    async with Database(url, SCHEMA, DatabaseRole.WORKER, max_size=8) as database:
        log = StoredPublicLog(database, context)
        if bootstrap is None:
            feed, parts = LogFeed({context: log}, wakeups), []
        else:
            kafka = KafkaConnection(bootstrap=bootstrap, session_ms=1500)
            feed = KafkaFeed(kafka, SCHEMA)
            parts = [Relay(log, KafkaPublisher(kafka, context), database, wakeups)]
        parts.append(Consumer(Totals(context), feed, database, batch=7))
        parts.append(Consumer(Doubler(context, store), feed, database, store=store, batch=7))
        tasks = [asyncio.create_task(part.run()) for part in parts]
        for number in range(1, COMMANDS + 1):
            await carry_out(store, number)
            if number % WAVE == 0:
                last = f"ord_{number % STREAMS}"
                await eventually(lambda last=last: is_projected(store, database, last), within=60)
        await eventually(lambda: is_complete(database), within=90, what="everything there")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await wakeups.stop()
    store.close()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--url", required=True)
    arguments.add_argument("--context", required=True)
    arguments.add_argument("--bootstrap")
    given = arguments.parse_args()
    asyncio.run(main(given.url, given.context, given.bootstrap))
    sys.exit(0)
