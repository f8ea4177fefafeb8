"""Waiting for a commit: woken, timed out, and never deaf to a cancellation."""

import asyncio

import pytest

from csp_runtime.wakeups import wait_for_wakeup


async def test_a_wake_up_ends_the_wait_and_is_used_up():
    event = asyncio.Event()
    event.set()
    assert await wait_for_wakeup(event, 5)
    assert not await wait_for_wakeup(event, 0.01)


@pytest.mark.parametrize("ticks", range(4))
async def test_a_cancellation_that_comes_together_with_a_wake_up_is_heard(ticks):
    event = asyncio.Event()

    async def work():
        while True:
            await wait_for_wakeup(event, 0.05)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    event.set()
    for _ in range(ticks):
        await asyncio.sleep(0)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=2)
    still_running = not done
    task.cancel()
    assert not still_running
