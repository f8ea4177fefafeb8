"""What a consumer promises: each event's effect once, in order, whatever is repeated, missing or unreadable."""

import asyncio
import contextlib
from collections import defaultdict

import msgspec
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from csp_contracts.ids import Kind
from csp_runtime import consumer_state as state
from csp_runtime.consumer import Consumer
from csp_runtime.database import Database, DatabaseRole
from csp_runtime.errors import PositionMoved
from csp_runtime.feed import Batch
from csp_runtime.handlers import Reaction
from csp_runtime.log_feed import LogFeed
from csp_runtime.public_log import StoredPublicLog
from csp_runtime.store import EventStore
from csp_runtime.wakeups import Wakeups
from csp_testing.door import Door
from csp_testing.probe import eventually
from csp_testing.things import ThingCounted, counted


class Sums:
    """Adds up numbers per stream."""

    name = "sums"
    contexts = ("things",)
    streams = frozenset({Kind.ORDER})
    types = frozenset({ThingCounted})

    async def project(self, tx, events):
        for event in events:
            if event.data.number < 0:
                raise ValueError("a rule of this projection")
            await tx.execute(
                "insert into sums values (%s, %s, 1) on conflict (stream) "
                "do update set total = sums.total + excluded.total, events = sums.events + 1",
                [event.stream, event.data.number],
            )


@pytest.fixture
async def sums(things_url):
    async with Database(things_url, "things", DatabaseRole.OWNER) as owner, owner.transaction() as tx:
        await tx.execute("create table sums (stream text primary key, total bigint, events int)")
        await tx.execute("grant all on sums to csp_things_worker")


async def totals(database):
    async with database.connection() as connection:
        rows = await (await connection.execute("select * from sums order by stream")).fetchall()
    return {row["stream"]: (row["total"], row["events"]) for row in rows}


async def rows_of(database, table):
    async with database.connection() as connection:
        return await (await connection.execute(f"select * from {table}")).fetchall()


@contextlib.asynccontextmanager
async def consuming(consumer):
    task = asyncio.create_task(consumer.run())
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def feed(things_url, database):
    wakeups = Wakeups(things_url)
    await wakeups.start()
    yield LogFeed({"things": StoredPublicLog(database, "things")}, wakeups)
    await wakeups.stop()


async def batch_of(database, *, read_from=0, only=None):
    page = await StoredPublicLog(database, "things").read(0, 100)
    records = [record for record in page.records if only is None or only(record)]
    return Batch(source="things", read_from=read_from, next_offset=page.next_offset, records=records)


async def test_what_is_saved_is_projected_while_the_consumer_runs(store, database, feed, sums):
    await store.save([counted("ord_a", 1), counted("ord_a", 2)])
    async with consuming(Consumer(Sums(), feed, database)):
        await eventually(lambda: _is(database, {"ord_a": (3, 2)}))
        await store.save([counted("ord_b", 1, 10), counted("ord_a", 3)])
        await eventually(lambda: _is(database, {"ord_a": (6, 3), "ord_b": (10, 1)}))


async def _is(database, expected):
    return await totals(database) == expected


async def test_a_batch_delivered_twice_counts_once(store, database, feed, sums):
    await store.save([counted("ord_a", 1), counted("ord_a", 2)])
    consumer = Consumer(Sums(), feed, database)
    batch = await batch_of(database)
    await consumer.apply(batch)
    again = Batch(source="other", read_from=0, next_offset=9, records=batch.records)
    await consumer.apply(again)
    assert await totals(database) == {"ord_a": (3, 2)}


async def test_a_member_that_lost_its_place_cannot_commit(store, database, feed, sums):
    await store.save([counted("ord_a", 1)])
    batch = await batch_of(database)
    await Consumer(Sums(), feed, database).apply(batch)
    await store.save([counted("ord_a", 2)])
    stale = await batch_of(database)
    with pytest.raises(PositionMoved):
        await Consumer(Sums(), feed, database).apply(stale)
    assert await totals(database) == {"ord_a": (1, 1)}


async def test_a_stream_whose_rule_raises_is_parked_and_the_others_flow(store, database, feed, sums):
    await store.save(
        [counted("ord_a", 1), counted("ord_bad", 1, -1), counted("ord_a", 2), counted("ord_b", 1)]
    )
    consumer = Consumer(Sums(), feed, database)
    await consumer.apply(await batch_of(database))
    assert await totals(database) == {"ord_a": (3, 2), "ord_b": (1, 1)}
    (letter,) = await rows_of(database, "dead_letters")
    assert (letter["stream"], letter["version"], letter["code"]) == ("ord_bad", 1, "ValueError")
    (parked,) = await rows_of(database, "parked_streams")
    assert (parked["stream"], parked["reason"]) == ("ord_bad", "rule")
    assert consumer.parked.known == {"ord_bad"}


async def test_a_stream_is_followed_up_to_the_event_whose_rule_raises(store, database, feed, sums):
    await store.save([counted("ord_a", 1), counted("ord_a", 2), counted("ord_a", 3, -1), counted("ord_a", 4)])
    await Consumer(Sums(), feed, database).apply(await batch_of(database))
    assert await totals(database) == {"ord_a": (3, 2)}
    (letter,) = await rows_of(database, "dead_letters")
    assert (letter["stream"], letter["version"]) == ("ord_a", 3)
    (known,) = await rows_of(database, "known_versions")
    assert known["version"] == 2


async def test_what_follows_in_a_parked_stream_waits_though_its_version_is_the_next(
    store, database, feed, sums
):
    await store.save([counted("ord_a", 1)])
    consumer, first = Consumer(Sums(), feed, database), await batch_of(database)
    await consumer.apply(first)
    async with database.connection() as connection:
        await connection.execute(
            "insert into parked_streams (consumer, stream, context, reason) values ('sums', 'ord_a', 'things', 'rule')"
        )
    await store.save([counted("ord_a", 2), counted("ord_b", 1)])
    new = await batch_of(
        database, read_from=first.next_offset, only=lambda record: record.offset >= first.next_offset
    )
    await consumer.apply(new)
    assert await totals(database) == {"ord_a": (1, 1), "ord_b": (1, 1)}


async def test_a_batch_reads_the_versions_of_its_own_streams_however_many_there_are(database):
    streams = [f"ord_{number}" for number in range(1, 401)]
    async with database.transaction() as tx:
        await tx.execute(
            "insert into known_versions select 'sums', 'ord_' || n, n from generate_series(2, 20000) as n"
        )
        await tx.execute("insert into parked_streams values ('sums', 'ord_500', 'things', 'gap')")
        versions, parked = await state.standing(tx, "sums", [*streams, "ord_500"])
        batch = Batch(source="things", read_from=0, next_offset=400, records=[])
        assumed = {stream: versions[stream] for stream in streams}
        await state.advance(tx, state.Step(consumer="sums", batch=batch, versions={}, assumed=assumed))
        cursor = await tx.execute(
            "select seq_tup_read + idx_tup_fetch as n from pg_stat_xact_user_tables "
            "where relid = 'known_versions'::regclass"
        )
        row = await cursor.fetchone()
    assert parked == {"ord_500"}
    assert list(versions.values()) == [0, *range(2, 401), 500]
    assert row["n"] == 400 + 399


class NothingWanted(Sums):
    """Reads the streams, but none of their types."""

    types = frozenset()


async def test_a_type_that_nobody_asked_for_is_passed_over_undecoded(store, database, feed, sums):
    await store.save([counted("ord_a", 1)])
    batch = await batch_of(database)
    (record,) = batch.records
    broken = msgspec.structs.replace(record, data=b"{")
    await Consumer(NothingWanted(), feed, database).apply(msgspec.structs.replace(batch, records=[broken]))
    assert await rows_of(database, "dead_letters") == []
    (known,) = await rows_of(database, "known_versions")
    assert known["version"] == 1


async def test_a_type_that_this_version_does_not_know_is_put_aside_not_lost(store, database, feed, sums):
    await store.save([counted("ord_a", 1)])
    batch = await batch_of(database)
    (record,) = batch.records
    newer = msgspec.structs.replace(record, type="csp.things.thing-counted.v2")
    await Consumer(Sums(), feed, database).apply(msgspec.structs.replace(batch, records=[newer]))
    (letter,) = await rows_of(database, "dead_letters")
    assert (letter["code"], letter["type"]) == ("unknown-event-type", "csp.things.thing-counted.v2")


async def test_an_unreadable_record_is_put_aside_and_its_stream_goes_on(store, database, feed, sums):
    await store.save([counted("ord_a", 1), counted("ord_a", 2)])
    batch = await batch_of(database)
    broken = type(batch.records[0])(
        stream="ord_a",
        version=1,
        type=batch.records[0].type,
        data=b'{"number": "x"}',
        meta=batch.records[0].meta,
        offset=1,
    )
    await Consumer(Sums(), feed, database).apply(
        Batch(source="things", read_from=0, next_offset=3, records=[broken, batch.records[1]])
    )
    assert await totals(database) == {"ord_a": (2, 1)}
    (letter,) = await rows_of(database, "dead_letters")
    assert letter["code"] == "undecodable-event"
    assert "x" not in letter["detail"].split()


class Owner:
    """Answers for gaps from the log itself."""

    def __init__(self, database):
        self._log = StoredPublicLog(database, "things")
        self.answers = True

    async def fetch(self, context, stream, after_version):
        return await self._log.read_stream(stream, after_version, 500) if self.answers else []


async def test_a_gap_is_filled_from_the_owner(store, database, feed, sums):
    await store.save([counted("ord_a", version) for version in (1, 2, 3)])
    consumer = Consumer(Sums(), feed, database, gaps=Owner(database))
    await consumer.apply(await batch_of(database, only=lambda record: record.version != 2))
    assert await totals(database) == {"ord_a": (6, 3)}


async def test_a_gap_that_cannot_be_filled_parks_the_stream_until_it_can(store, database, feed, sums):
    await store.save([counted("ord_a", version) for version in (1, 2, 3)] + [counted("ord_b", 1)])
    owner = Owner(database)
    owner.answers = False
    consumer = Consumer(Sums(), feed, database, gaps=owner)
    await consumer.apply(
        await batch_of(database, only=lambda record: (record.stream, record.version) != ("ord_a", 2))
    )
    assert await totals(database) == {"ord_a": (1, 1), "ord_b": (1, 1)}
    assert consumer.parked.known == {"ord_a"}
    owner.answers = True
    assert await consumer.parked.resume("things", "ord_a")
    assert await totals(database) == {"ord_a": (6, 3), "ord_b": (1, 1)}
    assert await rows_of(database, "parked_streams") == []


async def test_a_parked_stream_is_taken_up_at_once_when_a_person_says_so(
    store, database, feed, sums, things_url
):
    await store.save([counted("ord_a", 1), counted("ord_a", 2, -1), counted("ord_a", 3)])
    sums_now = Sums()
    async with consuming(Consumer(sums_now, feed, database, gaps=Owner(database))):
        await eventually(lambda: rows_of(database, "dead_letters"))
        assert await totals(database) == {"ord_a": (1, 1)}
        async with database.transaction() as tx:
            # What `csp dead-letters drop` does: the second event is given up, the stream goes on behind it.
            await tx.execute("update known_versions set version = 2 where stream = 'ord_a'")
            await tx.execute("update parked_streams set reason = 'retry' where stream = 'ord_a'")
            await tx.execute("select pg_notify('csp_consumer_sums', '')")

        async def flows():
            return await rows_of(database, "parked_streams") == []

        await eventually(flows)
        assert await totals(database) == {"ord_a": (4, 2)}


async def test_a_retry_whose_rule_raises_again_stays_parked_under_its_owner(store, database, feed, sums):
    await store.save([counted("ord_a", 1), counted("ord_a", 2, -1)])
    consumer = Consumer(Sums(), feed, database, gaps=Owner(database))
    await consumer.apply(await batch_of(database))
    async with database.transaction() as tx:
        await tx.execute("update parked_streams set reason = 'retry'")
    assert not await consumer.parked.resume("things", "ord_a")
    (parked,) = await rows_of(database, "parked_streams")
    assert (parked["reason"], parked["context"]) == ("rule", "things")
    assert await totals(database) == {"ord_a": (1, 1)}


async def test_a_consumer_whose_position_is_set_back_repeats_no_effect(store, database, feed, sums):
    await store.save([counted("ord_a", 1), counted("ord_b", 1)])
    async with consuming(Consumer(Sums(), feed, database)):
        await eventually(lambda: rows_of(database, "positions"))
        async with database.transaction() as tx:
            await tx.execute("delete from positions")
        await store.save([counted("ord_a", 2)])

        async def has_all():
            return await totals(database) == {"ord_a": (3, 2), "ord_b": (1, 1)}

        await eventually(has_all)


class Doubler:
    """Answers each counted thing by one in a stream of its own."""

    name = "doubler"
    contexts = ("things",)
    streams = frozenset({Kind.ORDER})
    types = frozenset({ThingCounted})

    def __init__(self, store):
        self._store = store
        self._disturb = []

    async def react(self, events):
        by_stream = defaultdict(list)
        for event in events:
            by_stream["prc_" + event.stream[4:]].append(event)
        made = []
        for stream, causes in by_stream.items():
            version = len(await self._store.load(stream))
            for cause in causes:
                version += 1
                made.append(counted(stream, version, cause.data.number * 2))
        if self._disturb:
            await self._store.save([self._disturb.pop()])
        return Reaction(events=made)


async def test_a_reactor_writes_its_events_and_its_position_together(store, database, feed):
    await store.save([counted("ord_a", 1), counted("ord_a", 2)])
    doubler = Consumer(Doubler(store), feed, database, store=store)
    batch = await batch_of(database)
    await doubler.apply(batch)
    with pytest.raises(PositionMoved):
        await doubler.apply(batch)
    assert [event.data.number for event in await store.load("prc_a")] == [2, 4]


class Quadrupler(Doubler):
    """Answers each counted thing by four."""

    async def react(self, events):
        known = len(await self._store.load("prc_a"))
        return Reaction(events=[counted("prc_a", known + n) for n in range(1, 4 * len(events) + 1)])


async def test_a_store_that_does_not_answer_is_an_outage_and_not_a_broken_rule(
    store, database, feed, things_url
):
    await store.save([counted("ord_a", 1)])
    with Door(int(conninfo_to_dict(things_url)["port"])) as door:
        behind_the_door = EventStore(make_conninfo(things_url, port=door.port), "things")
        consumer = Consumer(Doubler(store), feed, database, store=behind_the_door)
        await behind_the_door.load("ord_a")
        door.shut()
        with pytest.raises(psycopg.OperationalError):
            await consumer.apply(await batch_of(database))
        assert await rows_of(database, "dead_letters") == []
        assert await rows_of(database, "parked_streams") == []
        door.open()

        async def is_applied():
            with contextlib.suppress(psycopg.OperationalError):
                await consumer.apply(await batch_of(database))
                return True

        await eventually(is_applied, within=30)
        behind_the_door.close()
    assert [event.version for event in await store.load("prc_a")] == [1]


async def test_a_reactor_that_answers_by_several_events_stays_within_one_save(store, database, feed):
    for first in range(0, 600, 300):
        await store.save([counted("ord_a", first + number) for number in range(1, 301)])
    consumer = Consumer(Quadrupler(store), feed, database, store=store)
    async with consuming(consumer):
        await eventually(lambda: _has(store, "prc_a", 2400), within=30)
    assert [event.version for event in await store.load("prc_a")] == list(range(1, 2401))
    assert await rows_of(database, "dead_letters") == []


async def _has(store, stream, count):
    return len(await store.load(stream)) >= count


async def test_a_reactor_decides_again_when_its_stream_moved_on(store, database, feed):
    await store.save([counted("ord_a", 1)])
    handler = Doubler(store)
    handler._disturb.append(counted("prc_a", 1, 99))
    await Consumer(handler, feed, database, store=store).apply(await batch_of(database))
    assert [event.data.number for event in await store.load("prc_a")] == [99, 2]
