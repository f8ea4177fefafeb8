"""The life of an operation, folded from its stream."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, assert_never
from uuid import UUID

from csp_contracts.envelope import Meta, Recorded
from csp_contracts.ids import uuid_of
from csp_contracts.operations_v1 import (
    OperationApproved,
    OperationPostponed,
    OperationProgressed,
    OperationRejected,
    OperationRequested,
    OperationSubmitted,
    OperationSucceeded,
    OperationUncertain,
)


class OperationStatus(StrEnum):
    """As the operation resource shows it."""

    PENDING = "pending"
    WAITING_APPROVAL = "waiting_approval"
    RUNNING = "running"
    WAITING_UPSTREAM = "waiting_upstream"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


SETTLED = frozenset({OperationStatus.SUCCEEDED, OperationStatus.FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """`submitted` is the step whose call is under way or was lost; `refs` what answered steps told us.

    No call begins behind `deadline_at`: what it would do is not allowed any more. `step_since` is when its present step could begin.
    """

    id: str
    kind: str
    context: str
    target: dict[str, Any]
    subject: str | None
    base_version: int | None
    meta: Meta
    version: int
    status: OperationStatus
    done_steps: tuple[str, ...] = ()
    refs: dict[str, Any] = field(default_factory=dict)
    submitted: OperationSubmitted | None = None
    submitted_at: datetime | None = None
    deadline_at: datetime | None = None
    step_since: datetime | None = None
    is_uncertain: bool = False
    last_attempts: dict[str, int] = field(default_factory=dict)
    resources: tuple[str, ...] = ()
    problem: dict[str, Any] | None = None

    @property
    def call_correlation_id(self) -> UUID:
        """What all its calls carry, for life; whoever sees it upstream can compute the operation from it."""
        return uuid_of(self.id)

    @property
    def is_settled(self) -> bool:
        """Whether nothing more will happen."""
        return self.status in SETTLED


def fold(events: Iterable[Recorded[Any]]) -> Operation | None:
    """The operation as its stream tells it; None for an empty stream."""
    operation: Operation | None = None
    for event in events:
        operation = evolve(operation, event)
    return operation


def evolve(state: Operation | None, event: Recorded[Any]) -> Operation:
    """The operation after one more event; `ValueError` where the stream does not begin with its request."""
    data = event.data
    if isinstance(data, OperationRequested):
        waiting = OperationStatus.WAITING_APPROVAL if data.requires_approval else OperationStatus.PENDING
        return Operation(
            id=data.operation_id,
            kind=data.kind,
            context=data.context,
            target=data.target,
            subject=data.subject,
            base_version=data.base_version,
            deadline_at=data.deadline_at,
            meta=event.meta,
            version=event.version,
            status=waiting,
            step_since=event.meta.recorded_at,
        )
    if state is None:
        raise ValueError(f"{event.stream} does not begin with OperationRequested")
    return _continue(replace(state, version=event.version), data, event.meta)


Later = (
    OperationApproved
    | OperationSubmitted
    | OperationProgressed
    | OperationSucceeded
    | OperationRejected
    | OperationUncertain
    | OperationPostponed
)


def _continue(state: Operation, data: Later, meta: Meta) -> Operation:
    match data:
        case OperationApproved():
            return replace(state, status=OperationStatus.PENDING, step_since=meta.recorded_at)
        case OperationSubmitted():
            return replace(
                state,
                status=OperationStatus.RUNNING,
                submitted=data,
                # A repetition keeps the moment of the first try: list delays count from there.
                submitted_at=state.submitted_at if _is_repetition(state, data) else meta.recorded_at,
                is_uncertain=False,
                last_attempts=state.last_attempts | {data.step: data.attempt},
            )
        case OperationProgressed():
            return replace(
                state,
                status=OperationStatus.RUNNING,
                done_steps=(*state.done_steps, data.step),
                step_since=meta.recorded_at,
                refs=state.refs | data.refs,
                submitted=None,
                submitted_at=None,
                is_uncertain=False,
            )
        case OperationUncertain():
            return replace(state, status=OperationStatus.WAITING_UPSTREAM, is_uncertain=True)
        case OperationPostponed():
            return replace(state, status=OperationStatus.WAITING_UPSTREAM)
        case OperationSucceeded():
            return replace(
                state,
                status=OperationStatus.SUCCEEDED,
                resources=tuple(data.resources),
                refs=state.refs | data.result,
                submitted=None,
            )
        case OperationRejected():
            return replace(state, status=OperationStatus.FAILED, problem=data.problem, submitted=None)
        case _:
            assert_never(data)


def _is_repetition(state: Operation, data: OperationSubmitted) -> bool:
    return (
        state.submitted is not None
        and state.submitted.step == data.step
        and state.submitted.attempt == data.attempt
    )
