"""What an audit record tells: the change, whose it was, and whether an event we have already says the same."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from csp_contracts.envelope import Origin, Recorded
from csp_contracts.ids import Kind, api_id
from csp_contracts.partner_feed_v1 import ExternalStateObserved
from csp_contracts.subscriptions_v1 import QuantityChanged, SubscriptionSuspended
from csp_subscriptions.domain.subscription import Subscription, evolve


def audited(
    observed: ExternalStateObserved, history: Sequence[Recorded[Any]], at: datetime, state: Subscription
) -> Any | None:  # one of the contract's events
    """The change that an audit record tells of; None where it tells nothing that matters here."""
    told = observed.state or {}
    quantity, status = told.get("quantity"), told.get("status")
    if status == "suspended":
        return SubscriptionSuspended(subscription_id=state.id, tenant_id=state.tenant_id)
    if isinstance(quantity, int):
        before = _quantity_before(history, at)
        return QuantityChanged(
            subscription_id=state.id, tenant_id=state.tenant_id, previous=before, quantity=quantity
        )
    return None


def _quantity_before(history: Sequence[Recorded[Any]], at: datetime) -> int:
    """The quantity that was true just before an instant, by effective time."""
    state: Subscription | None = None
    ordered = sorted(
        history[1:], key=lambda event: (event.meta.effective_at, event.meta.recorded_at, event.version)
    )
    for event in [history[0], *(each for each in ordered if each.meta.effective_at < at)]:
        state = evolve(state, replace(event, meta=replace(event.meta, superseded=False)))
    return 0 if state is None else state.quantity


def value_of(change: Any) -> str | None:  # one of the contract's events
    """What a change came to, by which a reading and an audit record of it meet; None for changes without audit record."""
    match change:
        case QuantityChanged(quantity=quantity):
            return f"quantity={quantity}"
        case SubscriptionSuspended():
            return "status=suspended"
        case _:
            return None


def own_operation(observed: ExternalStateObserved) -> str | None:
    """The operation of ours behind an audit record: its id is the correlation id of all its calls."""
    try:
        return api_id(Kind.OPERATION, UUID(observed.microsoft_correlation_id or ""))
    except ValueError:
        return None


def differs_in_time(event: Recorded[Any], at: datetime) -> bool:
    """Our own changes carry the answer's time, good to the second: only another UTC day matters (architecture 5)."""
    if event.meta.origin == Origin.MICROSOFT:
        return event.meta.effective_at != at
    return event.meta.effective_at.date() != at.date()
