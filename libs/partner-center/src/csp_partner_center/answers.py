"""What a caller gives with a call, and what it gets back besides the value."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestIds:
    """Names one write. `request_id` is repeated with the same bytes until there is an answer, and new after any answer
    (PC 2.7); `correlation_id` stays for the whole operation and comes back in the audit log (PC 8)."""

    request_id: UUID
    correlation_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Generic[T]):
    """A value with the circumstances of the answer.

    `answered_at` is the `Date` header in UTC, to the second: effective times of our own changes are taken from it.
    `is_settled` is false for 202: the change was accepted, the value shows later. `is_mfa_compliant` is what Microsoft
    says of the token in use, where it was asked (PC 1.2).
    """

    value: T
    status: int
    answered_at: datetime | None
    request_id: str | None = None
    correlation_id: str | None = None
    location: str | None = None
    retry_after: float | None = None
    is_mfa_compliant: bool | None = None

    @property
    def is_settled(self) -> bool:
        """Whether the change is done, not merely accepted."""
        return self.status != 202


def with_value(answer: Answer[Any], value: T) -> Answer[T]:  # Any: the value is replaced
    """The same circumstances with another value."""
    return replace(answer, value=value)


def read_date_header(text: str | None) -> datetime | None:
    """RFC 9110 section 5.6.7; None where it is absent or malformed."""
    if not text:
        return None
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def read_retry_after(text: str | None, now: datetime) -> float | None:
    """Seconds to wait: whole, fractional (PC 13.4) or as a date; None where it is absent or malformed."""
    if not text:
        return None
    try:
        seconds = float(text.strip())
    except ValueError:
        when = read_date_header(text)
        if when is None:
            return None
        seconds = (when - now).total_seconds()
    return min(max(seconds, 0.0), 3600.0) if seconds == seconds else None  # noqa: PLR0124 - NaN is not equal to itself
