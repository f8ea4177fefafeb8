"""Waiting for work: woken by the database or by the business clock, with a poll below."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

import psycopg
from psycopg_pool import PoolTimeout

from csp_runtime.clock import Clock
from csp_runtime.logs import logger
from csp_runtime.rounds import for_ever, whenever_woken
from csp_runtime.wakeups import Wakeups

T = TypeVar("T")

log = logger(__name__)

OUTAGES = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, OSError)


async def work_off(
    name: str,
    step: Callable[[], Awaitable[bool]],
    clock: Clock,
    wakeups: Wakeups,
    channel: str,
    *,
    poll: float = 1.0,
) -> None:
    """Call `step` for ever: again at once while it finds work, else when woken. An outage of the database is waited out."""
    await whenever_woken(lambda: _waiting_outages_out(name, step, clock, poll), wakeups, channel, poll)


async def work_off_many(
    name: str,
    claim: Callable[[], Awaitable[T | None]],
    carry_out: Callable[[T], Awaitable[object]],
    clock: Clock,
    wakeups: Wakeups,
    channel: str,
    *,
    at_once: int,
) -> None:
    """As `work_off` with up to `at_once` pieces of work side by side: most of the time of each is waiting for Microsoft. Only one
    task looks for more, so that an idle crew costs one query a second."""
    free = asyncio.Semaphore(at_once)

    async def carry(work: T) -> None:
        try:
            await carry_out(work)
        except OUTAGES as fault:
            # The claim runs out, and somebody takes the work up again.
            log.warning("feed.outage", worker=name, reason=type(fault).__name__)
        finally:
            free.release()

    async with asyncio.TaskGroup() as crew:

        async def start_next() -> bool:
            await free.acquire()
            try:
                work = await claim()
            except BaseException:
                free.release()
                raise
            if work is None:
                free.release()
                return False
            crew.create_task(carry(work), name=name)
            return True

        await work_off(name, start_next, clock, wakeups, channel)


async def in_turns(
    name: str, step: Callable[[], Awaitable[object]], clock: Clock, pause: float, *, first_pause: float = 0.0
) -> None:
    """Call `step` for ever, at least every `pause` seconds of real and of business time, whichever is over first."""
    await clock.sleep(first_pause)
    began_at = clock.now()

    async def turn() -> bool:
        nonlocal began_at
        began_at = clock.now()
        await step()
        return False

    await for_ever(
        lambda: _waiting_outages_out(name, turn, clock, min(pause, 1.0)),
        lambda: _either(clock, began_at + timedelta(seconds=pause), pause),
    )


async def _waiting_outages_out(
    name: str, step: Callable[[], Awaitable[bool]], clock: Clock, pause: float
) -> bool:
    """A step that an outage of the database met is to be done again after a pause."""
    try:
        return await step()
    except OUTAGES as fault:
        log.warning("feed.outage", worker=name, reason=type(fault).__name__)
        await clock.sleep(pause)
        return True


async def _either(clock: Clock, moment: datetime, seconds: float) -> None:
    waits = {asyncio.ensure_future(clock.reached(moment)), asyncio.ensure_future(clock.sleep(seconds))}
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()
