"""The endless loops of workers: a step, a pause, and an end as soon as somebody asks for it (decisions 0315 and 0317)."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import NoReturn, TypeVar

from csp_runtime.cancelling import end_if_asked
from csp_runtime.outages import OUTAGES
from csp_runtime.wakeups import Wakeups, wait_for_wakeup

T = TypeVar("T")


def each_apart(items: Iterable[T], step: Callable[[T], None]) -> None:
    """Call `step` with each item; one that fails must not keep the ones behind it waiting.

    Raises the first failure when all had their turn, for the round is then to be repeated; an outage at once.
    """
    with _failures() as kept_apart:
        for item in items:
            with kept_apart():
                step(item)


async def each_apart_async(items: Iterable[T], step: Callable[[T], Awaitable[None]]) -> None:
    """As `each_apart`, for steps that are awaited."""
    with _failures() as kept_apart:
        for item in items:
            with kept_apart():
                await step(item)


@contextmanager
def _failures() -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """Gives what keeps a failure apart, but no outage; raises the first of them at the end."""
    faults: list[Exception] = []

    @contextmanager
    def kept_apart() -> Iterator[None]:
        try:
            yield
        except OUTAGES:
            raise
        except Exception as fault:  # noqa: BLE001 - raised below
            faults.append(fault)

    yield kept_apart
    if faults:
        raise faults[0]


async def for_ever(
    step: Callable[[], Awaitable[bool | None]], pause: Callable[[], Awaitable[object]] | None = None
) -> NoReturn:
    """Call `step` again and again: at once where it answers true (there may be more to do), else after `pause`.

    What a step raises ends the loop; so does a cancellation, even one that a step or a pause swallowed.
    """
    while True:
        end_if_asked()
        if not await step() and pause is not None:
            await pause()


async def whenever_woken(
    step: Callable[[], Awaitable[bool | None]], wakeups: Wakeups, channel: str, poll_seconds: float
) -> NoReturn:
    """As `for_ever`, pausing until the channel is notified, or so long at most."""
    with wakeups.on(channel) as woken:
        await for_ever(step, lambda: wait_for_wakeup(woken, poll_seconds))


class BackOff:
    """Pauses that double from `first` to `longest` seconds, until something worked."""

    def __init__(self, first: float, longest: float = 5.0) -> None:
        self._first = self._next = first
        self._longest = longest

    def reset(self) -> None:
        """It worked: the next pause is the first again."""
        self._next = self._first

    async def wait(self) -> None:
        """Pause."""
        pause, self._next = self._next, min(self._next * 2, self._longest)
        await asyncio.sleep(pause)
