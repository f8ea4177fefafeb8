"""A consumer that has something to read and does not move is named; one that waits, is far behind, or passes over, is not."""

import asyncio
import contextlib

import pytest

from csp_contracts.ids import Kind
from csp_runtime.consumer import Consumer
from csp_runtime.log_feed import LogFeed
from csp_runtime.public_log import StoredPublicLog
from csp_runtime.standstill import StandstillWatch
from csp_runtime.wakeups import Wakeups
from csp_testing.probe import eventually
from csp_testing.things import ThingCounted, counted


class Hanging:
    """A projection that can be held up, and that refuses some streams."""

    name = "things.hanging"
    contexts = ("things",)
    streams = frozenset({Kind.ORDER})
    types = frozenset({ThingCounted})

    def __init__(self):
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self.refused = set()
        self.only_one = False
        self.seen = []

    def one_more(self):
        """Let one batch pass, and hold up the next."""
        self.only_one = True
        self.goes_on.set()

    async def project(self, tx, events):
        await self.goes_on.wait()
        if self.only_one:
            self.goes_on.clear()
        if self.refused & {event.stream for event in events}:
            raise ValueError("the rule says no")
        self.seen += [event.stream for event in events]
        await tx.execute("select 1")


class Time:
    """Seconds that a test lets pass."""

    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
async def running(things_url, database):
    """The consumer while it runs, its handler, and a watch whose time a test moves."""
    wakeups = Wakeups(things_url)
    await wakeups.start()
    handler, now = Hanging(), Time()
    feed = LogFeed({"things": StoredPublicLog(database, "things")}, wakeups)
    consumer = Consumer(handler, feed, database, batch=1)
    task = asyncio.create_task(consumer.run())
    yield consumer, handler, StandstillWatch([consumer], now=now), now
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await wakeups.stop()


async def looked(watch, now, seconds):
    """So long the watch looks, every quarter of a minute."""
    for _ in range(int(seconds / 15)):
        await watch.look()
        now.seconds += 15
    await watch.look()


async def test_who_does_not_get_to_what_there_is_to_read_is_named_until_it_moves_again(store, running):
    consumer, handler, watch, now = running
    handler.goes_on.clear()
    await store.save([counted("ord_a", 1)])
    await eventually(lambda: consumer.health.is_running)
    await looked(watch, now, 45)
    assert consumer.health.stands_still == ()
    await looked(watch, now, 30)
    assert consumer.health.stands_still == ("things",)
    handler.goes_on.set()
    await eventually(lambda: handler.seen)

    async def moves():
        await watch.look()
        return not consumer.health.stands_still

    await eventually(moves)


async def test_who_has_noord_to_read_stands_for_as_long_as_it_likes(store, running):
    consumer, handler, watch, now = running
    await store.save([counted("ord_a", 1)])
    await eventually(lambda: handler.seen)
    await looked(watch, now, 600)
    assert consumer.health.stands_still == ()


async def test_who_is_far_behind_and_moves_is_left_in_peace(store, running):
    consumer, handler, watch, now = running
    handler.goes_on.clear()
    await store.save([counted(f"ord_{number}", 1) for number in range(5)])
    for seen in range(1, 5):
        await eventually(lambda: consumer.health.is_running)
        await looked(watch, now, 45)
        assert consumer.health.stands_still == (), "each time it had moved"
        handler.one_more()
        await eventually(lambda seen=seen: len(handler.seen) >= seen)


async def test_a_parked_stream_is_passed_over(store, running):
    consumer, handler, watch, now = running
    handler.refused.add("ord_a")
    await store.save([counted("ord_a", 1), counted("ord_b", 1)])
    await eventually(lambda: handler.seen == ["ord_b"])
    await store.save([counted("ord_a", 2)])

    async def is_through():
        progress = await consumer.progress()
        return progress is not None and not progress.behind

    await eventually(is_through)
    await looked(watch, now, 600)
    assert consumer.health.stands_still == ()
