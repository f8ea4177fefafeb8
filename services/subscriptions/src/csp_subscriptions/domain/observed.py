"""What an observation of a subscription means: facts are written once at their own time, readings are compared.

Architecture: a *reading* counts if it began more than the visibility span after our last write; equal → nothing,
different → events with origin microsoft. A *fact* (audit record) is written even if later facts are known already.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from csp_contracts.subscriptions_v1 import (
    AutoRenewChanged,
    QuantityChanged,
    SeatLot,
    SubscriptionCancelled,
    SubscriptionExpired,
    SubscriptionReactivated,
    SubscriptionRenewed,
    SubscriptionSuspended,
)
from csp_subscriptions.domain.subscription import Status, Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedState:
    """The commercial fields of a subscription as Microsoft shows it."""

    quantity: int
    status: str
    auto_renew: bool
    product: str
    term: str | None
    charge_cycle: str | None
    commitment_ends_on: date | None
    seat_lots: tuple[SeatLot, ...] = ()


_STATUS = {
    "active": Status.ACTIVE,
    "suspended": Status.SUSPENDED,
    "deleted": Status.CANCELLED,
    "expired": Status.EXPIRED,
    "disabled": Status.EXPIRED,
}


def status_of(microsoft: str) -> Status | None:
    """Microsoft's status in our words; None for one that says nothing final (`pending`, unknown values)."""
    return _STATUS.get(microsoft)


def differences(state: Subscription, seen: ObservedState, at: datetime) -> Sequence[Any]:
    """The events that lead from what is confirmed to what was read at an instant, in the order they may follow in."""
    events: list[Any] = []
    status = status_of(seen.status)
    if status is None:
        return events
    if _is_renewed(state, seen, at):
        assert seen.commitment_ends_on is not None  # noqa: S101 - _is_renewed says so
        events.append(
            SubscriptionRenewed(
                subscription_id=state.id,
                tenant_id=state.tenant_id,
                product=seen.product,
                product_title=state.product_title,
                term=seen.term or state.term,
                charge_cycle=seen.charge_cycle or state.charge_cycle,
                quantity=seen.quantity,
                commitment_ends_on=seen.commitment_ends_on,
                seat_lots=list(seen.seat_lots),
            )
        )
    elif status is Status.ACTIVE and state.status is Status.SUSPENDED:
        events.append(
            SubscriptionReactivated(
                subscription_id=state.id, tenant_id=state.tenant_id, quantity=seen.quantity
            )
        )
    elif seen.quantity != state.quantity and status in (Status.ACTIVE, Status.SUSPENDED):
        events.append(
            QuantityChanged(
                subscription_id=state.id,
                tenant_id=state.tenant_id,
                previous=state.quantity,
                quantity=seen.quantity,
                seat_lots=list(seen.seat_lots),
            )
        )
    events.extend(_status_changes(state, status))
    # A suspension or cancellation ends auto-renewal by itself: that is no event of its own. What ended for us and shows again is a
    # drift of the status, which a person decides.
    is_known_to_live = state.status in (Status.ACTIVE, Status.SUSPENDED)
    if status is Status.ACTIVE and is_known_to_live and seen.auto_renew != state.auto_renew:
        events.append(
            AutoRenewChanged(
                subscription_id=state.id,
                tenant_id=state.tenant_id,
                end_of_term="renew" if seen.auto_renew else "cancel",
            )
        )
    return events


def _is_renewed(state: Subscription, seen: ObservedState, at: datetime) -> bool:
    """The term that we know is over, and a later one is shown."""
    return (
        seen.commitment_ends_on is not None
        and state.commitment_ends_on is not None
        and seen.commitment_ends_on > state.commitment_ends_on
        and state.commitment_ends_on < at.date()
    )


def _status_changes(state: Subscription, status: Status) -> list[Any]:
    if status is state.status:
        return []
    match status:
        case Status.SUSPENDED:
            return [SubscriptionSuspended(subscription_id=state.id, tenant_id=state.tenant_id)]
        case Status.CANCELLED:
            return [SubscriptionCancelled(subscription_id=state.id, tenant_id=state.tenant_id)]
        case Status.EXPIRED:
            return [SubscriptionExpired(subscription_id=state.id, tenant_id=state.tenant_id)]
        case Status.ACTIVE:
            return []
