"""A task ends when asked, whatever swallowed the request on the way."""

import asyncio
import contextlib

import pytest

from csp_runtime.cancelling import end_if_asked


async def test_a_loop_ends_although_what_it_waited_for_swallowed_the_request():
    rounds = 0

    async def swallowing() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    async def loop() -> None:
        nonlocal rounds
        while True:
            end_if_asked()
            rounds += 1
            await swallowing()

    task = asyncio.create_task(loop())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(5):
            await task
    assert rounds == 1


async def test_a_loop_that_nobody_asked_goes_on():
    end_if_asked()
