"""Commands that end at Microsoft: recorded first, carried out by their owner, reconciled when an answer was lost."""

from csp_runtime.operations.beginning import Beginning, Operations
from csp_runtime.operations.life import Operation, OperationStatus, fold
from csp_runtime.operations.machine import OperationMachine
from csp_runtime.operations.steps import (
    Answered,
    Busy,
    OutcomeUnknown,
    Plan,
    Refused,
    Stale,
    Step,
)

__all__ = [
    "Answered",
    "Beginning",
    "Busy",
    "Operation",
    "OperationMachine",
    "OperationStatus",
    "Operations",
    "OutcomeUnknown",
    "Plan",
    "Refused",
    "Stale",
    "Step",
    "fold",
]
