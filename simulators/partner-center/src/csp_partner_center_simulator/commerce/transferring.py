"""Moves subscriptions between partners: new ids, new orders, nothing else comes along (PC 6.12)."""

from typing import Any

from msgspec.structs import replace

from csp_partner_center_simulator.billing import charges
from csp_partner_center_simulator.commerce import activity, changes, lifecycle, tenants
from csp_partner_center_simulator.rules import terms
from csp_partner_center_simulator.state.customers import Customer
from csp_partner_center_simulator.state.orders import Order, OrderLine
from csp_partner_center_simulator.state.partners import Partner
from csp_partner_center_simulator.state.subscriptions import Subscription
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.call import Actor


def eligible(one: Subscription) -> str:
    """Give the reason why a subscription cannot be transferred, empty when it can."""
    if one.status != "active":
        return f"The subscription is {one.status}."
    if one.renewing:
        return "The subscription is being renewed."
    if one.parent_id:
        return "Add-ons are transferred with their base."
    return "Trials cannot be transferred." if one.is_trial else ""


def line_json(world: World, one: Subscription, number: int, mpn: str) -> dict[str, Any]:
    """Describe a subscription as a transfer's line does; legacy add-ons below it."""
    return {
        "id": number,
        "subscriptionId": one.id.upper() if one.commerce == "legacy" else one.id,
        "offerId": one.offer_id,
        "billingCycle": one.billing_cycle,
        "friendlyName": one.friendly_name,
        "quantity": one.quantity,
        "partnerIdOnRecord": mpn or None,
        "transferGroupId": str(number),
        "addonItems": [
            line_json(world, child, position, mpn)
            for position, child in enumerate(world.subscriptions.by("parent", one.id))
        ],
    }


def take_over(
    world: World, target: Partner, customer: Customer, one: Subscription, mpn: str, actor: Actor
) -> Order:
    """End a subscription at its partner and begin it anew at another, with its term's end."""
    if customer.relation(target.id) is None:
        customer = tenants.accept_relationship(world, target, customer, actor)
    order_id = world.new_hex("order", 12) if one.commerce == "nce" else world.new_id("order")
    lines: list[OrderLine] = []
    parent = _begin(world, target, one, order_id, mpn, "")
    lines.append(_line(parent, 0))
    for child in world.subscriptions.by("parent", one.id):
        lines.append(_line(_begin(world, target, child, order_id, mpn, parent.id), len(lines)))
    order = world.orders.put(
        Order(
            id=order_id,
            customer_id=customer.id,
            partner_id=target.id,
            commerce=one.commerce,
            billing_cycle=one.billing_cycle,
            currency=target.currency,
            created_at=world.now,
            listed_at=world.now,
            lines=tuple(lines),
        )
    )
    for ended in (one, *world.subscriptions.by("parent", one.id)):
        gone = replace(
            ended, status="deleted", auto_renew=False, ended_at=world.now, version=ended.version + 1
        )
        world.subscriptions.put(gone)
        charges.left(world, ended, gone)
        lifecycle.plan(world, gone)
        service = Actor(
            partner_id=one.partner_id, application_id="TransferService", correlation_id=actor.correlation_id
        )
        changes.announce(world, ended, gone, service)
    audit = activity.record(
        world,
        actor,
        customer,
        "order",
        "create_order",
        data=(("OrderId", order.id), ("Transfer", "true")),
        partner_id=target.id,
    )
    for line in lines:
        activity.subscription_changed(world, world.subscriptions[line.subscription_id], audit)
    return order


def _begin(
    world: World, target: Partner, one: Subscription, order_id: str, mpn: str, parent_id: str
) -> Subscription:
    made = replace(
        one,
        id=world.new_id("subscription"),
        partner_id=target.id,
        order_id=order_id,
        parent_id=parent_id,
        created_at=world.now,
        term_start=terms.at_midnight(world.now.date()),
        currency=target.currency,
        reseller_mpn=mpn,
        lots=(),
        cancel_until=None,
        next_term=None,
        next_charge=None,
        promotion_id="",
        open_charge=None,
        segments=(),
        version=1,
        updates=0,
    )
    world.subscriptions.put(made)
    charges.joined(world, made)
    lifecycle.plan(world, world.subscriptions[made.id])
    return made


def _line(one: Subscription, number: int) -> OrderLine:
    return OrderLine(
        number=number,
        offer_id=one.offer_id,
        quantity=one.quantity,
        friendly_name=one.friendly_name,
        subscription_id=one.id,
        parent_subscription_id=one.parent_id,
        term=one.term,
        transaction_type="New",
        partner_id_on_record=one.reseller_mpn,
    )
