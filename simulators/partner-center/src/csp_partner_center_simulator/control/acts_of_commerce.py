"""Purchases and changes of subscriptions made in Microsoft's portal (PC 14.6)."""

import dataclasses
from typing import Any

from csp_partner_center_simulator.commerce import changes, purchasing
from csp_partner_center_simulator.commerce.checks import find, line_error
from csp_partner_center_simulator.commerce.wish import Wish
from csp_partner_center_simulator.control.act import Act
from csp_partner_center_simulator.partner_center.subscription_json import subscription_json
from csp_partner_center_simulator.state.orders import CartLine
from csp_partner_center_simulator.wire.answer import without_nulls
from csp_partner_center_simulator.wire.errors import ApiError, invalid


def buy(act: Act) -> dict[str, Any]:
    """Buy today's availability of a SKU, or the one named."""
    world, item_id = act.world, act.text("catalog_item_id")
    parts = item_id.split(":")
    if len(parts) == 2:  # the availability of today is meant
        item = world.catalogue.sku(*parts)
        if item is not None:
            current = world.catalogue.availability(
                item, world.now.date(), rotate=world.profile.rotate_availabilities
            )
            item_id = f"{item_id}:{current}"
    found = find(world, item_id)
    if found.item is None or found.error is not None:
        raise ApiError(
            404,
            found.error.code if found.error else 10001,
            found.error.description if found.error else "unknown item",
        )
    line = CartLine(
        number=0,
        catalog_item_id=item_id,
        quantity=act.whole("quantity"),
        billing_cycle=(act.text("billing_cycle", "") or found.item.plans[0][1]).lower(),
        term=(act.text("term", "") or found.item.terms[0]).upper() if found.item.commerce == "nce" else "",
        friendly_name=act.text("friendly_name", ""),
        parent_subscription_id=act.text("parent_subscription_id", ""),
    )
    error = line_error(world, act.customer, line, found.item, ())
    if error is not None:
        raise ApiError(400, error.code, error.description)
    order = purchasing.place(world, act.partner, act.customer, [line], act.actor)
    return {"order_id": order.id, "subscription_id": order.lines[0].subscription_id}


def _change(act: Act, **wishes: Any) -> dict[str, Any]:
    before = act.subscription()
    wish = Wish(
        quantity=before.quantity,
        status=before.status,
        auto_renew=before.auto_renew,
        friendly_name=before.friendly_name,
        billing_cycle=before.billing_cycle,
        term=before.term,
        reseller_mpn=before.reseller_mpn,
        next_term=before.next_term,
        next_charge=before.next_charge,
    )
    after = changes.change(act.world, before, dataclasses.replace(wish, **wishes), act.actor)
    return {"subscription_id": after.id, "subscription": without_nulls(subscription_json(act.world, after))}


def change_quantity(act: Act) -> dict[str, Any]:
    """Set the quantity."""
    return _change(act, quantity=act.whole("quantity"))


def suspend(act: Act) -> dict[str, Any]:
    """Suspend a subscription."""
    return _change(act, status="suspended")


def reactivate(act: Act) -> dict[str, Any]:
    """Make a suspended subscription active again."""
    return _change(act, status="active")


def cancel(act: Act) -> dict[str, Any]:
    """Cancel a subscription."""
    return _change(act, status="deleted")


def set_auto_renew(act: Act) -> dict[str, Any]:
    """Switch auto-renew on or off."""
    enabled = act.arguments.get("enabled")
    if not isinstance(enabled, bool):
        raise invalid("enabled is required and must be true or false.")
    return _change(act, auto_renew=enabled)
