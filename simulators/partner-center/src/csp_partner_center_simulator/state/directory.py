"""Directory changes for Graph delta, Graph change notifications, and long-running processes."""

from datetime import datetime
from typing import Any

from csp_partner_center_simulator.state.table import Row


class Note(Row, frozen=True, kw_only=True):
    """A user of a tenant changed: the number orders the changes, `listed_at` is when delta shows it (PC 13.5)."""

    customer_id: str
    user_id: str
    number: int
    kind: str
    at: datetime
    listed_at: datetime


class GraphSubscription(Row, frozen=True, kw_only=True):
    """A change-notification subscription (PC 13.5)."""

    customer_id: str
    partner_id: str
    application_id: str
    resource: str
    change_type: str
    notification_url: str
    lifecycle_url: str
    client_state: str
    expires_at: datetime
    tls_version: str = "v1_2"


class Process(Row, frozen=True, kw_only=True):
    """A migration, a schedule, a transfer, a transition, an application consent: its resource and its steps."""

    kind: str
    customer_id: str
    partner_id: str
    created_at: datetime
    status: str
    resource: dict[str, Any]
    events: tuple[dict[str, Any], ...] = ()
    number: int = 0
