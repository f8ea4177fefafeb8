"""Wait with a probe and a limit, never with a bare sleep."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(probe: Callable[[], Awaitable[T] | T], *, within: float = 10.0, what: str = "") -> T:
    """The probe's first true answer; raises `AssertionError` with its last one when the limit is over."""
    deadline = time.monotonic() + within
    while True:
        answer = probe()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s: {what or probe}; last answer {answer!r}")
        await asyncio.sleep(0.02)
