"""The life of an operation: one set of events for every kind of command that ends at Microsoft."""

from dataclasses import dataclass, field
from typing import Any

from csp_contracts.envelope import Instant
from csp_contracts.ids import Kind
from csp_contracts.registry import event

Json = dict[str, Any]
"""Free-form by kind of operation; never a secret, never a person's name or address."""


@event("csp.operations.operation-requested.v1", stream=Kind.OPERATION)
@dataclass(frozen=True, slots=True, kw_only=True)
class OperationRequested:
    """Somebody asked for it. `kind` is `<resource>.<verb>`; `target` is absolute; `subject` the resource, if it exists yet."""

    operation_id: str
    kind: str
    context: str
    target: Json
    subject: str | None = None
    base_version: int | None = None
    deadline_at: Instant | None = None
    requires_approval: bool = False


@event("csp.operations.operation-approved.v1", stream=Kind.OPERATION)
@dataclass(frozen=True, slots=True, kw_only=True)
class OperationApproved:
    """The approval that it waited for was given."""

    operation_id: str
    approval_id: str


@event("csp.operations.operation-submitted.v1", stream=Kind.OPERATION)
@dataclass(frozen=True, slots=True, kw_only=True)
class OperationSubmitted:
    """A call to Microsoft is about to be made; written before it, so that a lost answer can be reconciled."""

    operation_id: str
    step: str
    attempt: int
    request_id: str


@event("csp.operations.operation-progressed.v1", stream=Kind.OPERATION)
@dataclass(frozen=True, slots=True, kw_only=True)
class OperationProgressed:
    """A step was answered; a restart goes on behind it with these upstream ids."""

    operation_id: str
    step: str
    refs: Json = field(default_factory=dict)


@event("csp.operations.operation-succeeded.v1", stream=Kind.OPERATION)
@dataclass(frozen=True, slots=True, kw_only=True)
class OperationSucceeded:
    """Done; the facts stand in the streams of the resources named here, up to these versions."""

    operation_id: str
    resources: list[str] = field(default_factory=list)
    result: Json = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)


@event("csp.operations.operation-rejected.v1", stream=Kind.OPERATION)
@dataclass(frozen=True, slots=True, kw_only=True)
class OperationRejected:
    """It will not happen: refused by a rule, by Microsoft, by an approver, or overtaken. `problem` is an RFC 9457 document."""

    operation_id: str
    code: str
    title: str
    problem: Json = field(default_factory=dict)


@event("csp.operations.operation-uncertain.v1", stream=Kind.OPERATION)
@dataclass(frozen=True, slots=True, kw_only=True)
class OperationUncertain:
    """No usable answer came; it will be read back, never blindly repeated. `next_attempt_at` by the service's clock."""

    operation_id: str
    step: str
    attempt: int
    because: str
    next_attempt_at: Instant | None = None


@event("csp.operations.operation-postponed.v1", stream=Kind.OPERATION)
@dataclass(frozen=True, slots=True, kw_only=True)
class OperationPostponed:
    """A step was surely not done (throttled, busy, not reached) and is tried again. Told of the 1st, 2nd, 4th, 8th … try only.

    `tries` are those of this step so far; `next_attempt_at` by the service's clock.
    """

    operation_id: str
    step: str
    tries: int
    because: str
    next_attempt_at: Instant | None = None
