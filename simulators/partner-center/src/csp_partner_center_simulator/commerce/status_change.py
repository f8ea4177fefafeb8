"""Suspended, reactivated, cancelled: what each commerce allows (PC 6.3, 6.6)."""

from datetime import date, timedelta

from msgspec.structs import replace

from csp_partner_center_simulator.rules import terms
from csp_partner_center_simulator.state.subscriptions import Subscription
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.answer import instant
from csp_partner_center_simulator.wire.errors import ApiError

LEGACY_KEPT = timedelta(days=90)  # a suspended legacy subscription is deleted after that


def status_wished(world: World, one: Subscription, wanted: str) -> Subscription:
    """Bring a subscription into the wanted status; raises ApiError where it cannot get there."""
    match wanted:
        case "suspended":
            return suspended(world, one)
        case "active":
            return _reactivated(world, one)
        case "deleted":
            return _cancelled(world, one)
        case other:
            raise ApiError(400, 800040, f"The status cannot be changed from {one.status} to {other[:40]}.")


def suspended(world: World, one: Subscription) -> Subscription:
    """Suspend an active subscription for the customer."""
    if one.status != "active":
        raise ApiError(400, 800040, f"A {one.status} subscription cannot be suspended.")
    paused = replace(
        one, status="suspended", suspension_reasons=("CustomerCancellation",), suspended_at=world.now
    )
    if one.commerce == "nce":
        # Billing goes on; auto-renew goes off and scheduled changes go, next-charge instructions stay.
        return replace(paused, auto_renew=False, next_term=None)
    return replace(paused, ended_at=world.now + LEGACY_KEPT)


def _reactivated(world: World, one: Subscription) -> Subscription:
    if one.status != "suspended":
        raise ApiError(400, 800040, f"A {one.status} subscription cannot be reactivated.")
    if one.parent_id and world.subscriptions[one.parent_id].status != "active":
        raise ApiError(409, 27009, "The parent subscription is not active.")
    if one.commerce == "legacy":
        one = in_current_cycle(one, world.now.date())
    return replace(one, status="active", suspension_reasons=(), suspended_at=None, ended_at=None)


def in_current_cycle(one: Subscription, day: date) -> Subscription:
    """Move a legacy subscription that was asleep to the charge cycle that holds `day`."""
    if one.billing_cycle == "none" or day <= one.cycle_end:
        return one
    months = terms.CYCLE_MONTHS[one.billing_cycle]
    number = 0
    while terms.add_months(one.anchor, (number + 1) * months) <= day:
        number += 1
    return replace(
        one,
        cycle_number=number,
        cycle_start=terms.add_months(one.anchor, number * months),
        cycle_end=terms.add_months(one.anchor, (number + 1) * months) - terms.DAY,
        first_cycle_partial=False,
    )


def _cancelled(world: World, one: Subscription) -> Subscription:
    if one.commerce == "legacy":
        raise ApiError(400, 800040, "A legacy subscription cannot be deleted; suspend it.")
    if one.cancel_until is None or world.now > one.cancel_until:
        raise ApiError(
            400,
            900117,
            f"The cancellation window closed at {instant(one.cancel_until)}; turn auto-renew off instead.",
        )
    return replace(
        one, status="deleted", auto_renew=False, next_term=None, next_charge=None, lots=(), ended_at=world.now
    )
