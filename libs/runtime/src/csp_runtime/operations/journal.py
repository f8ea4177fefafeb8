"""What is written of an operation on its way: each event with what must be true together with it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from psycopg import Cursor
from psycopg.rows import DictRow

from csp_contracts.envelope import Meta, Recorded
from csp_contracts.ids import uuid_of
from csp_contracts.operations_v1 import (
    OperationPostponed,
    OperationProgressed,
    OperationSubmitted,
    OperationSucceeded,
    OperationUncertain,
)
from csp_runtime.clock import Clock
from csp_runtime.errors import VersionConflict
from csp_runtime.logs import logger
from csp_runtime.operations.claims import Claimed, closed, settled, wrote
from csp_runtime.operations.life import Operation, evolve
from csp_runtime.operations.steps import Answered, Busy, Facts, OutcomeUnknown, Step
from csp_runtime.secret_box import SecretBox
from csp_runtime.store import Also, EventStore

log = logger(__name__)


class Journal:
    """The events of operations. Every method may raise `VersionConflict`, where somebody else wrote meanwhile."""

    def __init__(self, store: EventStore, box: SecretBox, clock: Clock) -> None:
        self._store = store
        self._box = box
        self._clock = clock

    async def submit(
        self,
        operation: Operation,
        step: Step,
        attempt: int,
        request_id: str,
        body: bytes,
        *,
        lost_because: str | None = None,
    ) -> Operation:
        """A call is about to be sent: its body is kept sealed until it is answered. `lost_because`: what happened to an earlier
        try is still unknown, and why."""
        sealed = self._box.seal(body, f"request/{request_id}")
        now = self._clock.now()

        def keep(cursor: Cursor[DictRow]) -> None:
            cursor.execute(
                "insert into submitted_requests (operation_id, step, attempt, request_id, sealed_body, submitted_at) "
                "values (%s, %s, %s, %s, %s, %s)",
                [operation.id, step.name, attempt, request_id, sealed, now],
            )
            if operation.subject is not None:
                wrote(cursor, operation.subject, now)

        event = OperationSubmitted(
            operation_id=operation.id, step=step.name, attempt=attempt, request_id=request_id
        )
        if lost_because is None:
            return await self.append(operation, event, also=[keep])
        uncertain = OperationUncertain(
            operation_id=operation.id, step=step.name, attempt=attempt, because=lost_because
        )
        return await self.append(operation, event, uncertain, also=[keep])

    async def progress(self, operation: Operation, step: Step, answered: Answered) -> Operation:
        """A step is done, and others follow."""
        event = OperationProgressed(operation_id=operation.id, step=step.name, refs=answered.refs)
        return await self.append(operation, event, also=[settled(operation.id, step.name), *answered.also])

    async def succeed(self, operation: Operation, facts: Facts, answered: Answered, last_step: str) -> None:
        """All is done: with the owner's own facts."""
        versions: dict[str, int] = {}
        for event in facts.events:
            versions[event.stream] = event.version
        succeeded = OperationSucceeded(
            operation_id=operation.id,
            resources=list(facts.resources),
            result={**operation.refs, **facts.result},
            versions=versions,
        )
        now = self._clock.now()

        def settle(cursor: Cursor[DictRow]) -> None:
            for resource in {*facts.resources, *([operation.subject] if operation.subject else [])}:
                wrote(cursor, resource, now)

        await self.append(
            operation,
            succeeded,
            more=facts.events,
            also=[
                settled(operation.id, last_step),
                closed(operation.id),
                settle,
                *answered.also,
                *facts.also,
            ],
        )

    async def tell_of_waiting(
        self, operation: Operation, step: Step, claimed: Claimed, busy: Busy, wait: float
    ) -> None:
        """At the 1st, 2nd, 4th, 8th … try: an outage of a day is told of in a dozen events."""
        if claimed.attempt & (claimed.attempt - 1):
            return
        if operation.is_settled or operation.is_uncertain:
            return
        event = OperationPostponed(
            operation_id=operation.id,
            step=step.name,
            tries=claimed.attempt,
            because=busy.because,
            next_attempt_at=self._clock.now() + timedelta(seconds=wait),
        )
        try:
            await self.append(operation, event)
        except VersionConflict:
            log.info("operation.moved_on", operation=operation.id)

    async def mark_uncertain(
        self, operation: Operation, step: Step, unknown: OutcomeUnknown, wait: float
    ) -> None:
        """What became of a call is not known; said once."""
        if operation.is_uncertain or operation.submitted is None:
            return
        event = OperationUncertain(
            operation_id=operation.id,
            step=step.name,
            attempt=operation.submitted.attempt,
            because=unknown.because,
            next_attempt_at=self._clock.now() + timedelta(seconds=wait),
        )
        await self.append(operation, event)

    async def append(
        self,
        operation: Operation,
        *events: Any,  # any of the operation's events
        more: Sequence[Recorded[Any]] = (),
        also: Sequence[Also] = (),
    ) -> Operation:
        """The operation with these events, `more` ones of other streams, and what else is true with them."""
        meta = _later_meta(operation.meta, self._clock.now(), causation=operation.id)
        recorded = [
            Recorded(stream=operation.id, version=operation.version + number, data=event, meta=meta)
            for number, event in enumerate(events, start=1)
        ]
        await self._store.save([*recorded, *more], also=also)
        appended = operation
        for each in recorded:
            appended = evolve(appended, each)
        return replace(appended, refs=operation.refs | appended.refs)


def _later_meta(meta: Meta, now: datetime, *, causation: str) -> Meta:
    """The meta of what follows from a command: same people and correlation, the time of now."""
    moment = max(now, meta.recorded_at)
    return replace(meta, recorded_at=moment, effective_at=moment, causation_id=causation)


def request_id_of(operation_id: str, step: str, attempt: int) -> UUID:
    """The id of a call: the same for the same try, whoever asks."""
    return uuid5(uuid_of(operation_id), f"{step}/{attempt}")
