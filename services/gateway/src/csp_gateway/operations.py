"""Commands that became operations: 202 and the operation, or what it made if the caller waits for it."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from csp_gateway.adapters.screens import OPERATIONS, Row, Screens
from csp_runtime.clock import Clock
from csp_runtime.http import Command
from csp_runtime.scope import Scope
from csp_runtime.wakeups import Wakeups, wait_for_wakeup

CHANNEL = "csp_operation"
LONGEST_WAIT_SECONDS = 30.0
LONGEST_STREAM_SECONDS = 60.0
STILL_SECONDS = 5.0
SETTLED = frozenset({"succeeded", "failed", "cancelled", "expired"})


class OperationView:
    """The operations screen, and waiting for one of its rows."""

    def __init__(self, screens: Screens, wakeups: Wakeups, clock: Clock) -> None:
        self._screens = screens
        self._wakeups = wakeups
        self._clock = clock

    async def wait(self, scope: Scope, operation_id: str, seconds: float) -> Row | None:
        """The row as soon as the operation is settled, or as it is when the time is over; None while it is not there."""
        deadline = self._clock.monotonic() + min(seconds, LONGEST_WAIT_SECONDS)
        with self._wakeups.on(CHANNEL) as event:
            while True:
                row = await self._screens.one(scope, OPERATIONS, operation_id)
                left = deadline - self._clock.monotonic()
                if (row is not None and row["status"] in SETTLED) or left <= 0:
                    return row
                await wait_for_wakeup(event, min(left, 0.25))

    async def states(self, scope: Scope, operation_id: str, after: int) -> AsyncIterator[Row | None]:
        """Each state of an operation behind a version, until it is settled or the time is over; None when all is still."""
        deadline = self._clock.monotonic() + LONGEST_STREAM_SECONDS
        with self._wakeups.on(CHANNEL) as event:
            while True:
                row = await self._screens.one(scope, OPERATIONS, operation_id)
                if row is not None and row["version"] > after:
                    after = row["version"]
                    yield row
                left = deadline - self._clock.monotonic()
                if (row is not None and row["status"] in SETTLED) or left <= 0:
                    return
                if not await wait_for_wakeup(event, min(left, STILL_SECONDS)):
                    yield None


def wait_seconds(prefer: str | None) -> float:
    """The wait that a Prefer header asks for (RFC 7240); 0 without one or for a malformed one."""
    for part in (prefer or "").split(","):
        name, _, value = part.strip().partition("=")
        if name.strip().lower() == "wait" and value.strip().isdigit():
            return float(value)
    return 0.0


def as_begun(begun: Mapping[str, Any], scope: Scope, command: Command, surface: str) -> dict[str, Any]:
    """An operation whose row is not there yet, as its owner told of it and its caller asked."""
    itself = f"{surface}/operations/{begun['operation_id']}"
    return {
        "id": begun["operation_id"],
        "kind": None,
        "status": "pending",
        "subject": None,
        "requested_by": scope.actor,
        "reason": command.reason,
        "ticket": command.ticket,
        "correlation_id": command.correlation_id,
        "steps": [],
        "resources": [],
        "problem": None,
        "deadline_at": None,
        "requested_at": None,
        "created_at": None,
        "updated_at": None,
        "version": begun["version"],
        "origin": None,
        "external_refs": {},
        "result": None,
        "links": {"self": itself, "events": f"{itself}/events", "subject": None},
    }
