"""Why a sign-in or a token is refused, in Entra's words (PC 1.3)."""

import uuid
from datetime import datetime
from typing import Any


class RefusedError(Exception):
    """A refusal with OAuth's error name and Entra's number, by which clients tell refusals apart."""

    def __init__(self, error: str, number: int, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.number = number
        self.status = status

    def body(self, now: datetime) -> dict[str, Any]:
        """Give the token endpoint's answer."""
        return {
            "error": self.error,
            "error_description": f"AADSTS{self.number}: {self}",
            "error_codes": [self.number],
            "timestamp": now.strftime("%Y-%m-%d %H:%M:%SZ"),
            "trace_id": str(uuid.uuid4()),
            "correlation_id": str(uuid.uuid4()),
        }
