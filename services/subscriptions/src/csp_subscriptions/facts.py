"""What an audit record tells: the change, whose it was, and whether an event we have already says the same."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from csp_contracts.envelope import EffectiveBasis, Origin, Recorded
from csp_contracts.ids import Kind, api_id
from csp_contracts.partner_feed_v1 import ExternalStateObserved
from csp_contracts.subscriptions_v1 import QuantityChanged, SubscriptionSuspended
from csp_subscriptions.domain.changed import fields_of
from csp_subscriptions.domain.present import times_of
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
    times = times_of(history)
    ordered = sorted(
        history[1:], key=lambda event: (times[event.version], event.meta.recorded_at, event.version)
    )
    state: Subscription | None = None
    for event in [history[0], *(each for each in ordered if times[each.version] < at)]:
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


def own_operation(correlation_id: str | None) -> str | None:
    """The operation of ours behind an audit record: its id is the correlation id of all its calls."""
    try:
        return api_id(Kind.OPERATION, UUID(correlation_id or ""))
    except ValueError:
        return None


def is_told_by_record(history: Sequence[Recorded[Any]], operation_id: str, change: Any) -> bool:
    """Whether the own record of an operation has told its change before the operation itself knew that it is done."""
    return any(
        event.meta.effective_basis == EffectiveBasis.AUDIT
        and value_of(event.data) is not None
        and value_of(event.data) == value_of(change)
        and own_operation(event.meta.correlation_id) == operation_id
        for event in history
    )


def is_told_alike(event: Recorded[Any], at: datetime) -> bool:
    """Whether an event's time says the same as its record's.

    Our own changes carry the answer's time, good to the second: only another UTC day matters (architecture 5).
    """
    if event.meta.origin == Origin.MICROSOFT:
        return event.meta.effective_at == at
    return event.meta.effective_at.date() == at.date()


def lies_between(
    history: Sequence[Recorded[Any]],
    event: Recorded[Any],
    times: Mapping[int, datetime],
    one: datetime,
    other: datetime,
) -> bool:
    """Whether another event of the same field took effect between two instants, by the times of all versions."""
    return any(
        min(one, other) <= times[each.version] <= max(one, other)
        for each in history
        if each.version != event.version and set(fields_of(each.data)) & set(fields_of(event.data))
    )
