"""One port to the events of other services, whichever way they travel.

A source is what has a read position of its own: a service's log (`subscriptions`), or a partition of its topic
(`csp.subscriptions/3`). Order is kept inside a source. Above this port the code is the same for both adapters.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec

from csp_contracts.envelope import Meta


class FeedRecord(msgspec.Struct, gc=False, frozen=True):
    """An event as it travels, its data not yet decoded."""

    stream: str
    version: int
    type: str
    data: bytes
    meta: Meta
    offset: int


class UnreadableRecord(msgspec.Struct, gc=False, frozen=True):
    """A record whose envelope makes no sense; it can only be put aside."""

    stream: str
    version: int
    type: str
    code: str
    detail: str
    offset: int


class Batch(msgspec.Struct, gc=False, frozen=True):
    """Consecutive records of one source. The consumer's position goes from `read_from` to `next_offset`."""

    source: str
    read_from: int
    next_offset: int
    records: Sequence[FeedRecord]
    unreadable: Sequence[UnreadableRecord] = ()


PositionOf = Callable[[str], Awaitable[int]]
"""Where to begin in a source: the consumer's stored `next_offset`, 0 for a new one."""


def consumer_channel(consumer: str) -> str:
    """The NOTIFY channel that wakes an idle consumer, when a person changed what it should do."""
    return f"csp_consumer_{consumer}"


class FeedReader(Protocol):
    """A consumer's open feed."""

    async def next_batch(self, limit: int) -> Batch | None:
        """The next records of some source; waits for them, and after a while in vain (at most a second) answers None."""

    async def seek(self, source: str, offset: int) -> None:
        """Go on in this source from here: after a roll-back, or because another member went ahead."""

    async def confirm(self, batch: Batch) -> None:
        """Tell the transport that a batch is done: a hint for its lag figures, nothing depends on it."""

    async def behind(self, positions: Mapping[str, int]) -> list[str]:
        """The sources of this member that hold records behind these positions (0 where there is none)."""


class Feed(Protocol):
    """Where records come from."""

    def open(
        self, consumer: str, contexts: Sequence[str], position_of: PositionOf
    ) -> AbstractAsyncContextManager[FeedReader]:
        """Read these contexts as this consumer; several processes with one name share the sources where they can."""
