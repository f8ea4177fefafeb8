"""The audit log, webhook registrations and deliveries, replayed answers, and tasks on the agenda."""

from datetime import datetime
from typing import Any

import msgspec

from csp_partner_center_simulator.state.table import Row


class AuditRecord(Row, frozen=True, kw_only=True):
    """An activity of a partner (PC 8); `ticks` orders the records of a partner, `listed_at` is when it shows."""

    partner_id: str
    customer_id: str
    customer_name: str
    resource_type: str
    operation_type: str
    at: datetime
    ticks: int
    listed_at: datetime
    user_principal_name: str = ""
    application_id: str = ""
    old_value: str | None = None
    new_value: str | None = None
    correlation_id: str = ""
    status: str = "succeeded"
    customized_data: tuple[tuple[str, str | None], ...] = ()


class Registration(Row, frozen=True, kw_only=True):
    """Where a partner wants its webhooks; `id` is the partner's tenant id (PC 9.1)."""

    subscriber_id: str
    url: str
    events: tuple[str, ...]
    signature_in_ms_header: bool
    changed_at: datetime


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try to deliver."""

    at: datetime
    outcome: str
    status: int | None = None


class Delivery(Row, frozen=True, kw_only=True):
    """A webhook on its way; after the tenth attempt it lies in the offline queue (PC 9.2)."""

    partner_id: str
    event: str
    url: str
    body: str
    created_at: datetime
    due_at: datetime
    state: str = "pending"
    attempts: tuple[Attempt, ...] = ()
    subscription_id: str = ""  # the Graph change-notification subscription it is for
    defect: str = ""
    validation_id: str = ""
    signature_in_ms_header: bool = False


class Replay(Row, frozen=True, kw_only=True):
    """The stored answer of a write; `id` is partner/method/path/request id (PC 2.7)."""

    body_hash: str
    status: int
    answer: Any
    headers: dict[str, str]
    at: datetime


class Task(Row, frozen=True, kw_only=True):
    """Something that is due at a time; `what` names its handler."""

    at: datetime
    number: int
    what: str
    partner_id: str = ""
    customer_id: str = ""
    subscription_id: str = ""
    ref: str = ""


class Meta(Row, frozen=True, kw_only=True):
    """What the world needs to go on where it stopped: clock, counters, profile."""

    now: datetime
    world: str
    seed: int
    counter: int
    profile: dict[str, Any]
    channels: dict[str, bool]
