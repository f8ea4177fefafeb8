"""The platform's clock follows the simulator's, whether that stands or runs, and asks it seldom."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Literal

import httpx
import pytest

from csp_partner_center_simulator.embed import build
from csp_runtime.clock import SimulatorClock
from csp_testing.probe import eventually

BASE = "http://simulator.test"


class Questions(httpx.AsyncBaseTransport):
    """Counts what the clock asks."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport
        self.count = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.count += 1
        return await self._transport.handle_async_request(request)


@contextlib.asynccontextmanager
async def followed(
    how: Literal["running", "still"],
) -> AsyncIterator[tuple[SimulatorClock, httpx.AsyncClient, Questions]]:
    world = build(data=None, world="demo", clock=how, base_url=BASE)
    await world.start()
    questions = Questions(httpx.ASGITransport(world.app))
    async with httpx.AsyncClient(transport=questions) as http:
        clock = await SimulatorClock.connect(BASE, http)
        following = asyncio.create_task(clock.follow())
        try:
            yield clock, http, questions
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await world.stop()


async def advance(http: httpx.AsyncClient, by: str) -> None:
    (await http.post(f"{BASE}/_control/clock/advance", json={"by": by})).raise_for_status()


async def test_a_clock_that_runs_is_asked_about_once_a_second():
    async with followed("running") as (clock, _, questions):
        began = clock.now()
        await eventually(lambda: clock.now() - began > timedelta(seconds=3), within=30)
        assert questions.count < 12
        passed = clock.now()
        assert clock.now() > passed, "between two questions it runs by itself"


@pytest.mark.parametrize("how", ["running", "still"])
async def test_a_move_is_followed_at_once_and_wakes_who_waits_for_it(how):
    async with followed(how) as (clock, http, questions):
        began = clock.now()
        waiting = asyncio.create_task(clock.reached(began + timedelta(days=2)))
        await advance(http, "P1D")
        await eventually(lambda: clock.now() >= began + timedelta(days=1), within=30)
        assert not waiting.done()
        await advance(http, "P1D")
        async with asyncio.timeout(30):
            await waiting
        assert questions.count < 40


async def test_a_clock_that_stands_is_not_taken_for_a_running_one_although_it_is_moved_in_small_steps():
    async with followed("still") as (clock, http, _):
        began = clock.now()
        for number in range(1, 7):
            await advance(http, "PT0.5S")
            await eventually(
                lambda moved=number: clock.now() >= began + moved * timedelta(seconds=0.5), within=30
            )
        assert clock.now() == began + timedelta(seconds=3)
