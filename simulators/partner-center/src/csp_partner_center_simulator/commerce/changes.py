"""What a subscription PATCH may do, one rule per intent (PC 6.3)."""

import dataclasses
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from csp_partner_center_simulator.billing import charges
from csp_partner_center_simulator.catalogue.catalogue import Item
from csp_partner_center_simulator.commerce import activity, lifecycle
from csp_partner_center_simulator.commerce.checks import SANDBOX_SEATS, seats_in_tenant
from csp_partner_center_simulator.commerce.pricing import quote
from csp_partner_center_simulator.commerce.purchasing import add_order
from csp_partner_center_simulator.rules import lots, terms
from csp_partner_center_simulator.state.subscriptions import (
    NextCharge,
    NextTerm,
    ProductChoice,
    Status,
    Subscription,
)
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.answer import instant
from csp_partner_center_simulator.wire.call import Actor
from csp_partner_center_simulator.wire.errors import ApiError

LEGACY_KEPT = timedelta(days=90)  # a suspended legacy subscription is deleted after that


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A subscription as the caller wants it; what is left out of the body is already filled in here."""

    quantity: int
    status: str
    auto_renew: bool
    friendly_name: str
    billing_cycle: str
    term: str
    reseller_mpn: str
    next_term: NextTerm | None
    next_charge: NextCharge | None


def change(world: World, before: Subscription, wish: Wish, actor: Actor) -> Subscription:
    """Apply a wish; every rule is checked before anything is changed. Raises ApiError with the rule's code."""
    refuse_ended(world, before)
    after = before
    if wish.status != before.status:
        if wish.quantity != before.quantity and wish.status == "suspended":
            raise ApiError(400, 800081, "Change the status and the quantity in two calls.")
        after = _status(world, after, wish.status)
    if wish.quantity != before.quantity and after.status != "deleted":
        after = _quantity(world, after, wish.quantity)
    if after.status == "active":
        after = _plan_change(world, after, wish)
        if after.next_charge != before.next_charge:
            wish = dataclasses.replace(wish, next_charge=after.next_charge)
        after = _renewal(after, wish, quantity_changed=wish.quantity != before.quantity)
    if wish.friendly_name != before.friendly_name:
        after = replace(after, friendly_name=wish.friendly_name)
    if wish.reseller_mpn != before.reseller_mpn:
        after = replace(after, reseller_mpn=_reseller(world, before, wish.reseller_mpn))
    if after == before:
        return before
    after = replace(after, version=before.version + 1, updates=before.updates + 1)
    world.subscriptions.put(after)
    _consequences(world, before, after, actor)
    return world.subscriptions[after.id]


def refuse_ended(world: World, subscription: Subscription) -> None:
    """Refuse changes of what has ended or was changed too often (PC 2.9, 6.3)."""
    match subscription.status:
        case "deleted":
            raise ApiError(400, 2011, "The subscription is deleted.")
        case "expired":
            raise ApiError(400, 900277, "The subscription is expired.")
        case "disabled":
            raise ApiError(400, 900279, "Updates of this subscription are no longer allowed.")
        case "pending":
            raise ApiError(
                409, 800082, "The subscription is not ready yet; its order is still being processed."
            )
        case "active" | "suspended":
            pass
    refuse_renewing(subscription)
    if subscription.commerce == "nce" and subscription.updates >= world.profile.update_limit:
        raise ApiError(
            400, 900311, f"The subscription was updated {subscription.updates} times; no more are allowed."
        )


def refuse_renewing(subscription: Subscription) -> None:
    """Refuse changes while a renewal is under way, which can take a day (PC 6.4)."""
    if subscription.renewing:
        raise ApiError(409, 900278, "The subscription is being renewed; try again later.")


def _status(world: World, one: Subscription, wanted: str) -> Subscription:
    match wanted:
        case "suspended":
            return _suspended(world, one)
        case "active":
            return _reactivated(world, one)
        case "deleted":
            return _cancelled(world, one)
        case other:
            raise ApiError(400, 800040, f"The status cannot be changed from {one.status} to {other[:40]}.")


def _suspended(world: World, one: Subscription) -> Subscription:
    if one.status != "active":
        raise ApiError(400, 800040, f"A {one.status} subscription cannot be suspended.")
    suspended = replace(
        one, status="suspended", suspension_reasons=("CustomerCancellation",), suspended_at=world.now
    )
    if one.commerce == "nce":
        # Billing goes on; auto-renew goes off and scheduled changes go, next-charge instructions stay.
        return replace(suspended, auto_renew=False, next_term=None)
    return replace(suspended, ended_at=world.now + LEGACY_KEPT)


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


def _quantity(world: World, one: Subscription, wanted: int) -> Subscription:
    if one.status == "suspended":
        code = 2001 if one.commerce == "legacy" else 800091
        raise ApiError(400, code, "The quantity of a suspended subscription cannot be changed.")
    item = (
        world.catalogue.offer(one.offer_id)
        if one.commerce == "legacy"
        else world.catalogue.sku(one.product_id, one.sku_id)
    )
    least, most = (item.minimum, item.maximum) if item else (1, 10_000_000)
    if one.is_trial:
        raise ApiError(403, 800027, "The quantity of a trial cannot be changed.")
    if not least <= wanted <= most:
        code = 2002 if one.commerce == "legacy" else 900275
        raise ApiError(400, code, f"The quantity must be between {least} and {most}.")
    if world.profile.integration_sandbox and wanted > SANDBOX_SEATS:
        raise ApiError(
            403, 800067, f"A subscription of an integration sandbox can have {SANDBOX_SEATS} licenses."
        )
    if one.commerce == "legacy":
        return replace(one, quantity=wanted)
    if wanted > one.quantity:
        held = seats_in_tenant(world, one.customer_id, f"{one.product_id}:{one.sku_id}", but=one.id)
        if held + wanted > most:
            raise ApiError(
                403, 800088, f"At most {most} seats of this product per tenant; {held} are held already."
            )
        added = lots.opened(one.lots, wanted - one.quantity, world.now)
        return replace(one, quantity=wanted, lots=added, next_term=None)
    open_seats = lots.refundable(one.lots, world.now)
    if one.quantity - wanted > open_seats:
        raise ApiError(
            400,
            800090,
            f"Only {open_seats} of {one.quantity} seats may be removed: seats leave within 7 days.",
        )
    return replace(
        one, quantity=wanted, lots=lots.taken(one.lots, one.quantity - wanted, world.now), next_term=None
    )


def _plan_change(world: World, one: Subscription, wish: Wish) -> Subscription:
    if wish.billing_cycle == one.billing_cycle and wish.term == one.term:
        return one
    if one.commerce == "legacy":
        raise ApiError(400, 2054, "The billing cycle is changed on the order.")
    if one.is_trial:
        raise ApiError(400, 800107, "The term of a trial cannot be changed.")
    if wish.term not in terms.TERM_MONTHS:
        raise ApiError(400, 900126, f"termDuration '{wish.term[:20]}' is not known.")
    item = world.catalogue.sku(one.product_id, one.sku_id)
    if item is None or (wish.term, wish.billing_cycle) not in item.plans:
        raise ApiError(
            400, 900270, f"{one.offer_name} is not sold with {wish.term} and {wish.billing_cycle}."
        )
    if wish.term == one.term:
        return _frequency(one, wish)
    if terms.TERM_MONTHS[wish.term] < terms.TERM_MONTHS[one.term]:
        raise ApiError(400, 800122, "A term can only be made longer before it ends; schedule a shorter one.")
    return lengthened(world, one, item, wish.term, wish.billing_cycle)


def _frequency(one: Subscription, wish: Wish) -> Subscription:
    # The frequency alone changes for three-year terms only, from the next charge on (PC 6.3).
    if one.term != "P3Y" or {one.billing_cycle, wish.billing_cycle} != {"monthly", "annual"}:
        raise ApiError(
            400, 800121, "The billing frequency can change between monthly and annual on 3-year terms only."
        )
    choice = ProductChoice(
        product_id=one.product_id,
        sku_id=one.sku_id,
        availability_id=one.availability_id,
        billing_cycle=wish.billing_cycle,
        term=one.term,
    )
    return replace(one, next_charge=NextCharge(product=choice, quantity=one.quantity))


def lengthened(world: World, one: Subscription, item: Item, term: str, cycle: str) -> Subscription:
    """Start a longer term today at today's price; scheduled changes go (PC 6.3, 6.5)."""
    day = world.now.date()
    second = terms.cycle_start(day, 1, cycle=cycle, term=term, from_month_end=lifecycle.documented(world))
    price = quote(item, term=term, cycle=cycle, quantity=one.quantity, currency=one.currency, day=day)
    return replace(
        one,
        term=term,
        billing_cycle=cycle,
        term_start=world.now,
        term_end=terms.term_end(day, term),
        anchor=day,
        cycle_number=0,
        cycle_start=day,
        cycle_end=min(terms.term_end(day, term), second - terms.DAY),
        first_cycle_partial=False,
        unit_price=price.discounted_price,
        discount=Decimal(0),
        promotion_id="",
        custom_term_end_date=None,
        next_term=None,
        next_charge=None,
    )


def _renewal(one: Subscription, wish: Wish, *, quantity_changed: bool) -> Subscription:
    if one.commerce == "legacy":
        return replace(one, auto_renew=wish.auto_renew)
    if one.is_trial and one.next_term is None and wish.auto_renew and not one.auto_renew:
        raise ApiError(400, 800093, "The subscription cannot renew by itself.")
    if not wish.auto_renew:
        return replace(one, auto_renew=False, next_term=None, next_charge=wish.next_charge)
    next_term = None if quantity_changed else wish.next_term
    if one.is_trial and next_term is None:
        next_term = one.next_term  # trials always carry instructions (PC 4.4)
    return replace(one, auto_renew=True, next_term=next_term, next_charge=wish.next_charge)


def _reseller(world: World, one: Subscription, mpn: str) -> str:
    partner = world.partners[one.partner_id]
    known = {partner.mpn_id, "", *(reseller.mpn_id for reseller in partner.resellers)}
    if mpn not in known:
        raise ApiError(400, 800098, f"The reseller {mpn[:20]} is not enrolled with this partner.")
    return mpn


def _consequences(world: World, before: Subscription, after: Subscription, actor: Actor) -> None:
    """Bill, plan, log and announce a change; add-ons of a legacy base follow it."""
    if after.quantity != before.quantity:
        charges.seats_changed(world, before, after)
        if after.commerce == "nce":
            kind = "AddQuantity" if after.quantity > before.quantity else "RemoveQuantity"
            add_order(world, after, kind, quantity=after.quantity)
    if after.status != before.status:
        charges.status_changed(world, before, after)
        if after.status == "deleted":
            add_order(world, after, "Cancel", quantity=after.quantity)
        if after.commerce == "legacy":
            for child in world.subscriptions.by("parent", after.id):
                _follow(world, child, after.status, actor)
    if (after.term, after.billing_cycle) != (before.term, before.billing_cycle):
        charges.plan_changed(world, before, after)
        add_order(world, after, "Convert", quantity=after.quantity)
    lifecycle.plan(world, world.subscriptions[after.id])
    announce(world, before, after, actor)


def _follow(world: World, child: Subscription, status: Status, actor: Actor) -> None:
    moved = _suspended(world, child) if status == "suspended" and child.status == "active" else None
    if status == "active" and child.status == "suspended":
        child = in_current_cycle(child, world.now.date())
        moved = replace(child, status="active", suspension_reasons=(), suspended_at=None, ended_at=None)
    if moved is not None:
        moved = replace(moved, version=child.version + 1)
        world.subscriptions.put(moved)
        charges.status_changed(world, child, moved)
        lifecycle.plan(world, world.subscriptions[moved.id])
        announce(world, child, moved, actor)


def announce(world: World, before: Subscription, after: Subscription, actor: Actor) -> None:
    """Write the audit record of a changed subscription and raise its event."""
    audit = activity.record(
        world,
        actor,
        world.customers[after.customer_id],
        "subscription",
        "update_subscription",
        old=_copy(before),
        new=_copy(after),
        data=(
            ("SubscriptionId", after.id),
            ("SubscriptionName", after.friendly_name),
            ("Quantity", str(after.quantity)),
            ("OrderId", after.order_id),
        ),
        partner_id=after.partner_id,
    )
    activity.subscription_changed(world, after, audit)


def _copy(one: Subscription) -> dict[str, Any]:
    return {
        "id": one.id,
        "offerId": one.offer_id,
        "offerName": one.offer_name,
        "friendlyName": one.friendly_name,
        "quantity": one.quantity,
        "unitType": one.unit_type,
        "status": one.status,
        "autoRenewEnabled": one.auto_renew,
        "billingCycle": one.billing_cycle,
        "termDuration": one.term if one.commerce == "nce" else None,
        "effectiveStartDate": instant(one.term_start),
        "commitmentEndDate": instant(terms.at_midnight(one.term_end)),
        "suspensionReasons": list(one.suspension_reasons) or None,
        "orderId": one.order_id,
        "attributes": {"objectType": "Subscription"},
    }
