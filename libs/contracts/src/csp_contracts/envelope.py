"""What surrounds an event: who, when, why, for whom."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Generic, TypeVar

import msgspec

E_co = TypeVar("E_co", covariant=True)

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""A moment with its offset from UTC; one without is refused when it is read."""


class Origin(StrEnum):
    """Who caused a fact."""

    PORTAL = "portal"
    API = "api"
    MICROSOFT = "microsoft"
    RECONCILIATION = "reconciliation"
    IMPORT = "import"
    SYSTEM = "system"


class Visibility(StrEnum):
    """Whose feeds may carry an event."""

    CUSTOMER = "customer"
    RESELLER = "reseller"


class EffectiveBasis(StrEnum):
    """Where an effective time was read from; earlier members are trusted more."""

    COMMAND = "command"
    AUDIT = "audit"
    WEBHOOK = "webhook"
    READING = "reading"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """What is stored beside an event's data.

    `customer` is what was known when the event was written: information, not truth.
    `effective_at` is when it became true, `recorded_at` when we knew (UTC); `recorded_at` never falls within a stream.
    `superseded` marks a fact when later ones were known of every field that it changes as it was written:
    it touches history and billing, never the present state. `origin` and `effective_basis` take the values of their
    enumerations, and readers tolerate new ones. `reason` and `ticket` are
    what the person said of it (`X-Reason`, `X-Ticket`). `trace` is the W3C trace context of whoever recorded the event.
    """

    reseller: str
    partition_key: str
    effective_at: Instant
    recorded_at: Instant
    origin: str = Origin.SYSTEM
    actor: str = "system"
    tenant: str | None = None
    customer: str | None = None
    on_behalf_of: str | None = None
    reason: str | None = None
    ticket: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None
    effective_basis: str = EffectiveBasis.COMMAND
    superseded: bool = False
    trace: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded(Generic[E_co]):
    """An event in its stream. `version` counts from 1 without gaps."""

    stream: str
    version: int
    data: E_co
    meta: Meta

    @property
    def event_id(self) -> str:
        """The CloudEvents id: `<stream>:<version>`."""
        return f"{self.stream}:{self.version}"
