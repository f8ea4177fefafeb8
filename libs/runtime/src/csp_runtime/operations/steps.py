"""What a service says of its operations: their steps, and how each step's call can end.

A call ends in exactly one way: `Answered` (returned), or one of the faults below (raised).

StepFault
├── Refused          Microsoft or a rule said no, finally: the operation is rejected
├── Stale            the resource moved on upstream: read again, a new attempt with a new request id
├── Busy             surely not done: the same request again, later (429, breaker, budget); a new attempt with a new
│                    request id where it was an answer (409)
└── OutcomeUnknown   no usable answer (time-out, reset, 5xx): read back, never blindly repeated
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from csp_contracts.envelope import Recorded
from csp_runtime.operations.life import Operation
from csp_runtime.store import Also


class StepFault(Exception):
    """The root of this tree."""


class Refused(StepFault):
    """A final no."""

    def __init__(self, code: str, title: str, **problem: Any) -> None:  # members of a problem document
        super().__init__(title)
        self.code = code
        self.title = title
        self.problem = problem


class Stale(StepFault):
    """Decide on a fresh reading."""


class Busy(StepFault):
    """Try later; `retry_after` in seconds of real time, None = back off.

    `is_answer`: Microsoft answered the request; it would answer the same id the same again (PC 2.7).
    """

    def __init__(
        self,
        because: str,
        retry_after: float | None = None,
        *,
        surely_not_done: bool = True,
        is_answer: bool = False,
    ) -> None:
        super().__init__(because)
        self.because = because
        self.retry_after = retry_after
        self.surely_not_done = surely_not_done
        self.is_answer = is_answer


class OutcomeUnknown(StepFault):
    """Perhaps it happened."""

    def __init__(self, because: str) -> None:
        super().__init__(because)
        self.because = because


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A step is done.

    `refs` are what later steps and a restart need; `at` is the answer's own time (its Date header); `also` is written
    together with the progress (a seal for a password that the answer held).
    """

    refs: dict[str, Any] = field(default_factory=dict)
    at: datetime | None = None
    also: Sequence[Also] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What an operation's success writes: facts on resource streams, private rows, and the resources it names."""

    events: Sequence[Recorded[Any]] = ()
    also: Sequence[Also] = ()
    resources: Sequence[str] = ()
    result: dict[str, Any] = field(default_factory=dict)


class Step(Protocol):
    """One call. The body is made once, kept sealed, and sent byte for byte until the outcome is known."""

    name: str
    creates: bool
    """A creating call is repeated only when the thing has not appeared within the list delay.

    It must be one that Microsoft carries out once, whatever its request id: a cart, a domain, a sign-in name.
    """
    binds: bool
    """Its success leaves an effect at Microsoft (a purchase, a tenant; not a cart): the operation cannot end in nothing any more."""

    async def prepare(self, operation: Operation, payload: dict[str, Any]) -> bytes:
        """The body; may read upstream, changes nothing. May raise `Refused`."""

    async def send(self, operation: Operation, body: bytes, request_id: str) -> Answered:
        """The call; raises a `StepFault` where it is not answered with success."""

    async def read_back(self, operation: Operation, body: bytes) -> Answered | None:
        """Whether a lost call has happened: as its answer would have told, or None where nothing shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The steps of a kind of operation, and the facts when all are done.

    `facts` is called again when a stream moved on meanwhile; it must look at the streams each time, and write nothing
    where an observation of the same thing came first.
    """

    kind: str
    steps: Sequence[Step]
    facts: Callable[[Operation, Answered], Awaitable[Facts]]
    on_rejected: Callable[[Operation], Awaitable[Sequence[Also]]] | None = None
