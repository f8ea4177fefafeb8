"""What a consumer runs: projections turn events into rows, reactors turn them into events of their service."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from csp_contracts.envelope import Recorded
from csp_contracts.ids import Kind
from csp_runtime.database import Connection
from csp_runtime.store import Also

Events = Sequence[Recorded[Any]]


class Handler(Protocol):
    """What a consumer must know of its handler: its name is that of its positions, and never changes.

    `streams` are the kinds of streams it reads, `types` the event classes it understands.
    """

    @property
    def name(self) -> str:
        """The consumer's name."""

    @property
    def contexts(self) -> Sequence[str]:
        """Whose logs it reads."""

    @property
    def streams(self) -> Collection[Kind]:
        """Which kinds of streams; others pass by unseen."""

    @property
    def types(self) -> Collection[type[Any]]:
        """Which events; others of its streams only count as known."""


class Projection(Handler, Protocol):
    """Events in, rows out."""

    async def project(self, tx: Connection, events: Events) -> None:
        """Write the rows of these events; each comes once, in order within its stream."""


class Reactor(Handler, Protocol):
    """Events in, events of this service out; never calls the outside."""

    async def react(self, events: Events) -> "Reaction":
        """What follows from these events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """What a reactor wants written, together with its position."""

    events: Events = ()
    also: Sequence[Also] = ()


def isinstance_reactor(handler: Projection | Reactor) -> bool:
    """Whether a handler makes events rather than rows."""
    return hasattr(handler, "react")
