"""What a subscription PATCH may do, one rule per intent (PC 6.3)."""

import dataclasses
from typing import Any

from msgspec.structs import replace

from csp_partner_center_simulator.billing import charges
from csp_partner_center_simulator.commerce import activity, lifecycle
from csp_partner_center_simulator.commerce.checks import SANDBOX_SEATS, seats_in_tenant
from csp_partner_center_simulator.commerce.plan_change import plan_changed
from csp_partner_center_simulator.commerce.purchasing import add_order
from csp_partner_center_simulator.commerce.refusing import refuse_ended
from csp_partner_center_simulator.commerce.status_change import in_current_cycle, status_wished, suspended
from csp_partner_center_simulator.commerce.wish import Wish
from csp_partner_center_simulator.rules import lots, terms
from csp_partner_center_simulator.state.subscriptions import Status, Subscription
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.answer import instant
from csp_partner_center_simulator.wire.call import Actor
from csp_partner_center_simulator.wire.errors import ApiError


def change(world: World, before: Subscription, wish: Wish, actor: Actor) -> Subscription:
    """Apply a wish; every rule is checked before anything is changed. Raises ApiError with the rule's code."""
    refuse_ended(world, before)
    after = before
    if wish.status != before.status:
        if wish.quantity != before.quantity and wish.status != "deleted":
            raise ApiError(400, 800095, "Change the status and the quantity in two calls.")
        after = status_wished(world, after, wish.status)
    if wish.quantity != before.quantity and after.status != "deleted":
        after = _quantity(world, after, wish.quantity)
    if after.status == "active":
        after = plan_changed(world, after, wish)
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
    moved = suspended(world, child) if status == "suspended" and child.status == "active" else None
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
