"""What travels over a real Kafka broker: every event, in order per key, effects once, whoever loses what."""

import asyncio
import contextlib
import json
import subprocess

import psycopg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener
from aiokafka.admin import AIOKafkaAdminClient
from psycopg.rows import dict_row

from csp_contracts.ids import Kind
from csp_runtime.consumer import Consumer
from csp_runtime.database import Database, DatabaseRole, connection_info
from csp_runtime.kafka_connection import KafkaConnection, KafkaUnavailable, make_topics
from csp_runtime.kafka_feed import KafkaFeed
from csp_runtime.kafka_publisher import KafkaPublisher
from csp_runtime.public_log import StoredPublicLog
from csp_runtime.recovery import NoSuchPosition, republish, rewind
from csp_runtime.relay import Relay
from csp_runtime.wakeups import Wakeups
from csp_testing.outside_tools import program
from csp_testing.probe import eventually
from csp_testing.things import ThingCounted, counted

pytestmark = pytest.mark.kafka

STREAMS = 20
VERSIONS = 25


class Counts:
    """Counts and adds up, and keeps the order in which it saw the versions of each stream."""

    name = "counts"
    streams = frozenset({Kind.ORDER})
    types = frozenset({ThingCounted})

    def __init__(self, context, slow=0.0):
        self.contexts = (context,)
        self._slow = slow

    async def project(self, tx, events):
        for event in events:
            await tx.execute(
                "insert into counts values (%s, array[%s::int]) "
                "on conflict (stream) do update set versions = counts.versions || excluded.versions",
                [event.stream, event.version],
            )
        await asyncio.sleep(self._slow)


@pytest.fixture
async def counts(things_url):
    async with Database(things_url, "things", DatabaseRole.OWNER) as owner, owner.transaction() as tx:
        await tx.execute("create table counts (stream text primary key, versions int[])")
        await tx.execute("grant all on counts to csp_things_worker")


@pytest.fixture
async def wakeups(things_url):
    opened = Wakeups(things_url)
    await opened.start()
    yield opened
    await opened.stop()


@contextlib.asynccontextmanager
async def running(*parts):
    """Run relays and consumers, end them behind the test."""
    tasks = [asyncio.create_task(part.run()) for part in parts]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def relay_of(database, wakeups, kafka, context):
    return Relay(StoredPublicLog(database, context), KafkaPublisher(kafka, context), database, wakeups)


async def save_everything(store, streams=STREAMS, versions=VERSIONS, start=1):
    """Interleaved streams, so that neighbours on the wire belong to different keys."""
    events = [
        counted(f"ord_{n}", version) for version in range(start, start + versions) for n in range(streams)
    ]
    for begin in range(0, len(events), 500):
        await store.save(events[begin : begin + 500])


async def save_one_by_one(store, streams=STREAMS, *, versions, start):
    for version in range(start, start + versions):
        for n in range(streams):
            await store.save([counted(f"ord_{n}", version)])


async def has_seen(database, stream, version):
    return version in (await seen(database)).get(stream, [])


def everything(streams=STREAMS, versions=VERSIONS):
    return {f"ord_{n}": list(range(1, versions + 1)) for n in range(streams)}


async def seen(database):
    async with database.connection() as connection:
        rows = await (await connection.execute("select * from counts")).fetchall()
    return {row["stream"]: row["versions"] for row in rows}


async def until_all_is_seen(database, expected, within=60.0):
    async def complete():
        return await seen(database) == expected

    try:
        await eventually(complete, within=within)
    except AssertionError:
        assert await seen(database) == expected  # tells the difference
        raise


async def test_every_event_arrives_once_and_in_order(store, database, wakeups, counts, kafka, kafka_context):
    await save_everything(store)
    consumer = Consumer(Counts(kafka_context), KafkaFeed(kafka, "things"), database)
    async with running(relay_of(database, wakeups, kafka, kafka_context), consumer):
        await until_all_is_seen(database, everything())
        await store.save([counted("ord_new", 1)])
        await until_all_is_seen(database, {**everything(), "ord_new": [1]})


async def test_what_lies_behind_a_stored_position_is_told_by_partition(
    store, database, wakeups, counts, kafka, kafka_context
):
    consumer = Consumer(Counts(kafka_context), KafkaFeed(kafka, "things"), database)
    async with running(relay_of(database, wakeups, kafka, kafka_context), consumer):
        await save_everything(store, versions=5)
        await until_all_is_seen(database, everything(versions=5))

        async def has_all():
            progress = await consumer.progress()
            return progress if progress is not None and not progress.behind else None

        progress = await eventually(has_all, within=30.0)
        source, position = next(each for each in progress.positions.items() if each[1] > 0)
        assert await consumer._reader.behind({**progress.positions, source: position - 1}) == [source]
    assert await consumer.progress() is None


async def test_a_restarted_consumer_goes_on_where_its_effects_end_whatever_kafka_thinks(
    store, database, wakeups, counts, kafka, kafka_context
):
    feed = KafkaFeed(kafka, "things")
    await save_everything(store, versions=5)
    async with running(relay_of(database, wakeups, kafka, kafka_context)):
        async with running(Consumer(Counts(kafka_context), feed, database)):
            await until_all_is_seen(database, everything(versions=5))
        async with database.transaction() as tx:  # replay: the rows are built anew from the beginning
            for table in ("counts", "known_versions", "positions"):
                await tx.execute(f"delete from {table}")
        async with running(Consumer(Counts(kafka_context), feed, database)):
            await until_all_is_seen(database, everything(versions=5))


async def test_a_member_that_loses_its_partitions_while_it_works_neither_loses_nor_doubles(
    store, database, wakeups, counts, kafka, kafka_context
):
    await save_everything(store)
    feed = KafkaFeed(kafka, "things")
    slow = [Consumer(Counts(kafka_context, slow=0.3), feed, database, batch=20) for _ in range(3)]
    async with running(relay_of(database, wakeups, kafka, kafka_context), slow[0]):
        await eventually(lambda: seen(database), within=30)
        async with running(slow[1]):  # takes half of the partitions in the middle of a batch
            await eventually(lambda: slow[1].health.is_running, within=30)
            async with running(slow[2]):
                await until_all_is_seen(database, everything(), within=90)
    assert await dead_letters(database) == []


class SlowToLetGo(ConsumerRebalanceListener):
    """Holds its group up while the gate is shut: until it opens nobody is assigned anything."""

    def __init__(self):
        self.gate, self.is_member = asyncio.Event(), asyncio.Event()
        self.gate.set()

    async def on_partitions_revoked(self, revoked):
        await self.gate.wait()

    def on_partitions_assigned(self, assigned):
        self.is_member.set()


@contextlib.asynccontextmanager
async def member_elsewhere(kafka, context, listener):
    """A member of the group of `Counts` that reads another topic: it takes no partition, but is waited for."""
    member = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap, group_id="csp.things.counts")
    member.subscribe([f"csp.{context}"], listener=listener)
    joining = asyncio.create_task(member.start())  # ends when the group has shared out
    try:
        yield
    finally:
        listener.gate.set()
        await joining
        await member.stop()


async def test_who_asks_while_the_group_still_shares_out_reads_on_afterwards(
    store, database, wakeups, counts, kafka, kafka_context
):
    elsewhere, listener = f"{kafka_context}-elsewhere", SlowToLetGo()
    await make_topics(kafka, [elsewhere])
    await save_everything(store, versions=1)
    feed = Asked(KafkaFeed(kafka, "things"))
    async with (
        member_elsewhere(kafka, elsewhere, listener),
        running(
            relay_of(database, wakeups, kafka, kafka_context), Consumer(Counts(kafka_context), feed, database)
        ),
    ):
        await until_all_is_seen(database, everything(versions=1))
        await asyncio.wait_for(listener.is_member.wait(), 30)
        listener.gate.clear()
        before = feed.asked
        async with member_elsewhere(kafka, elsewhere, SlowToLetGo()):
            await eventually(lambda: feed.asked >= before + 12, within=30)
            listener.gate.set()
            await store.save([counted("ord_new", 1)])
            await until_all_is_seen(database, {**everything(versions=1), "ord_new": [1]}, within=20)


class Asked:
    """A feed that counts how often its reader asked where to begin."""

    def __init__(self, feed):
        self.asked = 0
        self._feed = feed

    def open(self, consumer, contexts, position_of):
        async def counted(source):
            self.asked += 1
            return await position_of(source)

        return self._feed.open(consumer, contexts, counted)


async def dead_letters(database):
    async with database.connection() as connection:
        return await (await connection.execute("select * from dead_letters order by id")).fetchall()


async def test_what_cannot_be_read_is_put_aside_and_the_rest_flows(
    store, database, wakeups, counts, kafka, kafka_context
):
    await make_topics(kafka, [kafka_context])
    foreign = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)
    await foreign.start()
    try:
        await foreign.send_and_wait(f"csp.{kafka_context}", b"not ours", key=b"ord_0", headers=[])
        await foreign.send_and_wait(
            f"csp.{kafka_context}", None, key=b"ord_1", headers=[("ce_id", b"ord_1:1")]
        )
    finally:
        await foreign.stop()
    await save_everything(store, versions=3)
    consumer = Consumer(Counts(kafka_context), KafkaFeed(kafka, "things"), database)
    async with running(relay_of(database, wakeups, kafka, kafka_context), consumer):
        await until_all_is_seen(database, everything(versions=3))
    letters = await dead_letters(database)
    assert {(letter["code"], letter["stream"]) for letter in letters} == {
        ("malformed-cloud-event", ""),
        ("malformed-cloud-event", "ord_1"),
    }
    assert "not ours" not in str(letters)


async def test_a_relay_on_standby_takes_over(store, database, wakeups, counts, kafka, kafka_context):
    first, second = (relay_of(database, wakeups, kafka, kafka_context) for _ in range(2))
    consumer = Consumer(Counts(kafka_context), KafkaFeed(kafka, "things"), database)
    async with running(consumer):
        async with running(first):
            await eventually(lambda: first.is_active, within=30)
            async with running(second):
                await save_everything(store, versions=3)
                await until_all_is_seen(database, everything(versions=3))
                assert not second.is_active
        async with running(second):
            await eventually(lambda: second.is_active, within=30)
            await save_everything(store, versions=3, start=4)
            await until_all_is_seen(database, everything(versions=6))


async def test_a_relay_that_died_before_it_noted_its_position_doubles_nothing(
    store, database, wakeups, counts, kafka, kafka_context
):
    await save_everything(store, versions=4)
    async with running(relay_of(database, wakeups, kafka, kafka_context)) as _:
        await eventually(lambda: positions_of_relay(database, kafka_context), within=30)
    async with database.transaction() as tx:
        await tx.execute("update relay_position set notification_id = 0")
    consumer = Consumer(Counts(kafka_context), KafkaFeed(kafka, "things"), database)
    async with running(relay_of(database, wakeups, kafka, kafka_context), consumer):
        await until_all_is_seen(database, everything(versions=4))
        await save_everything(store, versions=1, start=5)
        await until_all_is_seen(database, everything(versions=5))


async def test_a_topic_made_anew_is_published_and_read_from_the_beginning_without_a_doubled_effect(
    store, database, wakeups, counts, kafka, kafka_context, things_url
):
    await save_everything(store, versions=4)
    consumer = Consumer(Counts(kafka_context), KafkaFeed(kafka, "things"), database)
    async with running(relay_of(database, wakeups, kafka, kafka_context), consumer):
        await until_all_is_seen(database, everything(versions=4))
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([f"csp.{kafka_context}"])

        async def is_gone():
            return f"csp.{kafka_context}" not in await admin.list_topics()

        await eventually(is_gone, within=30)
    finally:
        await admin.close()
    async with running(relay_of(database, wakeups, kafka, kafka_context), consumer):
        await store.save([counted("ord_0", 5)])
        await eventually(lambda: consumer.health.last_fault == "PositionOutsideTopic", within=30)
        # What `csp feed republish` and `csp feed rewind` do.
        with psycopg.connect(
            connection_info(things_url, "things", DatabaseRole.WORKER), row_factory=dict_row, autocommit=True
        ) as operator:
            republish(operator, kafka_context)
            assert rewind(operator, consumer.name, kafka_context)
            with pytest.raises(NoSuchPosition):
                rewind(operator, "nobody")
        await until_all_is_seen(database, {**everything(versions=4), "ord_0": [1, 2, 3, 4, 5]})
    assert await dead_letters(database) == []


async def positions_of_relay(database, context):
    async with database.connection() as connection:
        cursor = await connection.execute("select * from relay_position where context = %s", [context])
        return await cursor.fetchone()


async def test_a_broker_that_does_not_answer_is_named_as_such():
    nowhere = KafkaConnection(bootstrap="127.0.0.1:1")
    with pytest.raises(KafkaUnavailable):
        await KafkaPublisher(nowhere, "things").start()
    with pytest.raises(KafkaUnavailable):
        async with KafkaFeed(nowhere, "things").open("c", ["things"], lambda _: asyncio.sleep(0, 0)):
            pytest.fail("it opened")


async def test_the_topic_keeps_everything_and_has_twelve_partitions(kafka, kafka_context):
    await make_topics(kafka, [kafka_context])
    await make_topics(kafka, [kafka_context])  # again changes nothing
    reader = AIOKafkaConsumer(f"csp.{kafka_context}", bootstrap_servers=kafka.bootstrap)
    await reader.start()
    try:
        assert len(reader.partitions_for_topic(f"csp.{kafka_context}")) == 12
    finally:
        await reader.stop()


@pytest.mark.kcat
async def test_a_reader_that_is_no_part_of_the_product_sees_cloudevents_in_order_per_key(
    store, database, wakeups, kafka, kafka_context
):
    kcat = program("kcat")
    await save_everything(store, versions=5)
    async with running(relay_of(database, wakeups, kafka, kafka_context)):
        await eventually(lambda: positions_of_relay(database, kafka_context), within=30)
    command = [kcat, "-b", kafka.bootstrap, "-t", f"csp.{kafka_context}", "-C", "-e", "-q", "-J"]
    ran = await asyncio.to_thread(
        subprocess.run, command, check=True, capture_output=True, text=True, timeout=60
    )
    by_key: dict[str, list[int]] = {}
    for line in ran.stdout.splitlines():
        record = json.loads(line)
        headers = dict(zip(record["headers"][::2], record["headers"][1::2], strict=True))
        assert headers["ce_specversion"] == "1.0"
        assert headers["ce_type"] == "csp.things.thing-counted.v1"
        assert headers["ce_source"] == f"/csp/{kafka_context}"
        assert headers["ce_id"] == f"{headers['ce_subject']}:{int(headers['ce_sequence'])}"
        assert headers["ce_partitionkey"] == record["key"]
        assert json.loads(record["payload"]) == {"number": int(headers["ce_sequence"])}
        by_key.setdefault(record["key"], []).append(int(headers["ce_sequence"]))
    assert by_key == everything(versions=5)


async def test_a_broker_killed_in_the_middle_loses_and_doubles_nothing(
    store, database, wakeups, counts, kafka_server, kafka_context
):
    kafka_server.start()
    kafka = KafkaConnection(bootstrap=kafka_server.bootstrap)
    consumer = Consumer(Counts(kafka_context), KafkaFeed(kafka, "things"), database)
    async with running(relay_of(database, wakeups, kafka, kafka_context), consumer):
        await save_everything(store, versions=5)
        await until_all_is_seen(database, everything(versions=5))
        saving = asyncio.create_task(save_one_by_one(store, versions=20, start=6))
        await eventually(lambda: has_seen(database, "ord_0", 8), within=30)
        kafka_server.kill()
        await saving
        await save_everything(store, versions=5, start=26)
        kafka_server.start()
        await until_all_is_seen(database, everything(versions=30), within=120)
    assert await dead_letters(database) == []
