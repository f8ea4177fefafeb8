"""Commands that end at Microsoft."""

from datetime import datetime
from typing import Any

from csp_gateway.models.base import View


class OperationStep(View):
    """A step of an operation."""

    name: str
    status: str


class Operation(View):
    """The status of a command that ends at Microsoft."""

    id: str
    kind: str | None
    status: str
    subject: str | None
    requested_by: str | None
    reason: str | None
    steps: list[OperationStep]
    resources: list[str]
    problem: dict[str, Any] | None
    requested_at: datetime | None
    updated_at: datetime | None
