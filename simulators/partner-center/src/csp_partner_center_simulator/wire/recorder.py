"""Remembers the latest requests for assertions: names and numbers, never bodies or secrets (PC 14.10)."""

import re
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from csp_partner_center_simulator.wire.answer import instant
from csp_partner_center_simulator.wire.naming import is_meant

_SECRET = re.compile(r"(?i)\b(sig|token|\$skiptoken|\$deltatoken|validationtoken|secret|code)=[^&]*")


@dataclass(slots=True, kw_only=True)
class Recorded:
    """One request as it was answered."""

    n: int
    at: datetime
    operation: str
    customer_id: str
    method: str
    path: str
    query: str
    status: int
    request_id: str
    correlation_id: str
    replayed: bool
    fault: str

    def as_json(self) -> dict[str, Any]:
        """Tell the control API about it."""
        told = {
            "n": self.n,
            "at": instant(self.at),
            "operation": self.operation,
            "customer_id": self.customer_id or None,
            "method": self.method,
            "path": self.path,
            "query": _SECRET.sub(r"\1=***", self.query),
            "status": self.status,
            "request_id": self.request_id,
            "correlation_id": self.correlation_id,
            "replayed": self.replayed,
        }
        if self.fault:
            told["fault"] = self.fault
        return told


class Recorder:
    """A ring of the latest requests."""

    def __init__(self, most: int = 200_000) -> None:
        self._ring: deque[Recorded] = deque(maxlen=most)
        self._number = 0

    def add(self, **facts: Any) -> None:
        """Record one request."""
        self._number += 1
        self._ring.append(Recorded(n=self._number, **facts))

    def find(self, *, operation: str, customer_id: str, since: int | datetime) -> list[Recorded]:
        """Give what was recorded after number `since`, or at that time or later, by operation and customer (empty: all)."""
        return [
            one
            for one in self._ring
            if (one.n > since if isinstance(since, int) else one.at >= since)
            and (not operation or is_meant(operation, one.operation))
            and (not customer_id or one.customer_id.lower() == customer_id.lower())
        ]

    def clear(self) -> None:
        """Forget all requests."""
        self._ring.clear()
