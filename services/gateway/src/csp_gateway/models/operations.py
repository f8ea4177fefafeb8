"""Commands that end at Microsoft."""

from datetime import datetime
from typing import Any

from pydantic import Field

from csp_gateway.models.base import Resource, View


class StepProblem(View):
    """Why a step waits: `upstream_throttled` or `upstream_unavailable`, and in `detail` what the client said of it."""

    code: str
    detail: str


class OperationStep(View):
    """A step of an operation."""

    name: str
    status: str
    attempts: int = Field(
        description="how often it was tried, as far as it was told: at the 1st, 2nd, 4th, 8th … try"
    )
    next_attempt_at: datetime | None = Field(
        description="when it is tried again; past: it is being tried, at least once a minute"
    )
    last_problem: StepProblem | None


class MadeResource(View):
    """Something that an operation made or changed; `href` is null where this surface does not show it."""

    id: str
    href: str | None


class OperationResult(View):
    """What came of an operation."""

    resources: list[MadeResource]


class OperationLinks(View):
    """Where to go on from an operation."""

    self: str
    events: str
    subject: str | None


class Operation(Resource):
    """The status of a command that ends at Microsoft."""

    kind: str | None
    status: str = Field(
        description="`pending`, `waiting_approval`, `running`, `waiting_upstream`; ended: `succeeded`, `failed`, `expired`"
    )
    subject: str | None
    requested_by: str | None
    reason: str | None = Field(description="`X-Reason` of the command")
    ticket: str | None = Field(description="`X-Ticket` of the command")
    correlation_id: str | None = Field(
        description="`X-Correlation-Id` of the command, else the trace it belongs to"
    )
    steps: list[OperationStep]
    resources: list[str]
    problem: dict[str, Any] | None = Field(
        description="why it has failed; of an order that has succeeded, the `lines` that Microsoft did not sell"
    )
    deadline_at: datetime | None = Field(
        description="from when on it would not be allowed any more: what has not been sent by then is `expired`"
    )
    requested_at: datetime | None
    result: OperationResult | None = Field(description="what came of it; null until it has succeeded")
    links: OperationLinks  # type: ignore[assignment]  # the same, with its names
