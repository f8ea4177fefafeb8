"""A task ends when asked, whatever swallowed the request on the way."""

import asyncio
import contextlib

import pytest

from csp_runtime.cancelling import end_if_asked
from csp_runtime.rounds import BackOff, each_apart, each_apart_async, for_ever, whenever_woken
from csp_runtime.wakeups import Wakeups


async def test_a_loop_ends_although_what_it_waited_for_swallowed_the_request():
    rounds = 0

    async def swallowing() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    async def step() -> None:
        nonlocal rounds
        rounds += 1
        await swallowing()

    task = asyncio.create_task(for_ever(step))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(5):
            await task
    assert rounds == 1


async def test_a_loop_that_nobody_asked_goes_on():
    end_if_asked()


async def test_a_loop_pauses_only_when_a_step_found_nothing():
    done: list[str] = []
    answers = iter([True, True, False])

    async def step() -> bool:
        done.append("step")
        return next(answers)

    async def pause() -> None:
        done.append("pause")
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await for_ever(step, pause)
    assert done == ["step", "step", "step", "pause"]


async def test_what_fails_in_a_round_keeps_nothing_behind_it_waiting_and_is_raised_in_the_end():
    done: list[int] = []

    def step(item: int) -> None:
        if item % 2:
            raise ArithmeticError(item)
        done.append(item)

    async def awaited(item: int) -> None:
        step(item)

    with pytest.raises(ArithmeticError, match="1"):
        each_apart(range(5), step)
    with pytest.raises(ArithmeticError, match="1"):
        await each_apart_async(range(5), awaited)
    assert done == [0, 2, 4, 0, 2, 4]


async def test_an_outage_ends_a_round_at_once():
    done: list[int] = []

    def step(item: int) -> None:
        done.append(item)
        raise ConnectionResetError

    async def awaited(item: int) -> None:
        step(item)

    with pytest.raises(ConnectionResetError):
        each_apart([0, 1], step)
    with pytest.raises(ConnectionResetError):
        await each_apart_async([0, 1], awaited)
    assert done == [0, 0]


async def test_a_worker_that_is_woken_looks_again_long_before_its_poll():
    wakeups, looked = Wakeups("not connected"), asyncio.Event()

    async def step() -> None:
        if looked.is_set():
            raise LookupError
        looked.set()

    async with asyncio.timeout(5):
        worker = asyncio.create_task(whenever_woken(step, wakeups, "work", poll_seconds=3600))
        await looked.wait()
        wakeups.wake("work")
        with pytest.raises(LookupError):
            await worker


async def test_pauses_double_until_something_works(monkeypatch):
    waited: list[float] = []

    async def note(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", note)
    back_off = BackOff(1.0, longest=3.0)
    for _ in range(3):
        await back_off.wait()
    back_off.reset()
    await back_off.wait()
    assert waited == [1.0, 2.0, 3.0, 1.0]
