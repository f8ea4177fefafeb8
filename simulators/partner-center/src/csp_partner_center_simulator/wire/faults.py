"""Faults that tests arm: by operation, customer, probability and count (PC 14.8)."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from random import Random
from typing import Any

from csp_partner_center_simulator.wire.naming import is_meant

# Answered instead of the operation.
BEFORE = frozenset(
    {
        "throttled", "error_before", "unavailable", "gateway_timeout", "html", "empty_401", "forbidden",
        "not_found_fresh", "conflict", "stale_etag", "reset_before", "page_token_expired", "invalid_grant",
    }
)  # fmt: skip
# These answer for themselves to a fault of that kind.
OWN_ANSWER = frozenset({("invalid_grant", "auth.token"), ("page_token_expired", "graph.users.delta")})
# The operation is done, its answer lost or spoilt.
AFTER = frozenset({"error_after", "reset_after", "timeout_after", "truncated"})
# The operation itself behaves otherwise.
INSIDE = frozenset(
    {
        "slow", "never_completes", "rolled_back", "stale_availability", "line_errors", "partial_checkout",
        "missing_subscription_id", "export_failed", "export_changed", "unknown_charge_type", "unknown_enum",
        "customer_vanished",
    }
)  # fmt: skip
KINDS = BEFORE | AFTER | INSIDE


@dataclass(slots=True, kw_only=True)
class Fault:
    """An armed fault; `count` is how often it may still fire, None for ever."""

    id: str
    operation: str
    kind: str
    customer_id: str = ""
    probability: float = 1.0
    count: int | None = 1
    delay_seconds: float = 0.0
    retry_after: float | None = None
    code: int | None = None
    fired: int = 0

    def as_json(self) -> dict[str, Any]:
        """Tell the control API about it."""
        return {
            "id": self.id,
            "operation": self.operation,
            "kind": self.kind,
            "customer_id": self.customer_id or None,
            "probability": self.probability,
            "count": self.count,
            "delay_seconds": self.delay_seconds,
            "retry_after": self.retry_after,
            "code": self.code,
            "fired": self.fired,
        }


class Faults:
    """The armed faults; the first that fits a call fires."""

    def __init__(self, seed: int) -> None:
        self._armed: list[Fault] = []
        self._random = Random(seed)
        self._number = 0

    def arm(self, fault: Fault) -> Fault:
        """Arm a fault."""
        self._number += 1
        fault.id = f"fault-{self._number}"
        self._armed.append(fault)
        return fault

    def armed(self) -> list[Fault]:
        """Give all faults, the spent ones too."""
        return list(self._armed)

    def clear(self) -> None:
        """Disarm everything."""
        self._armed.clear()

    def strike(self, operation: str, customer_id: str, *, goes_on: bool) -> Fault | None:
        """Give the fault that hits this call, and count it; None when there is none.

        `goes_on`: the call asks for a further page; the token of the first one cannot have expired.
        """
        for fault in self._armed:
            if fault.count is not None and fault.fired >= fault.count:
                continue
            if not (is_meant(fault.operation, operation) or fnmatchcase(operation, fault.operation)):
                continue
            if fault.kind == "page_token_expired" and not goes_on:
                continue
            if fault.customer_id and fault.customer_id.lower() != customer_id.lower():
                continue
            if fault.probability < 1 and self._random.random() >= fault.probability:
                continue
            fault.fired += 1
            return fault
        return None
