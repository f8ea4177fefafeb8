"""Turns bought lines into orders and subscriptions (PC 5.2, 5.3)."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace

from csp_partner_center_simulator.billing import charges
from csp_partner_center_simulator.commerce import activity, lifecycle
from csp_partner_center_simulator.commerce.checks import find
from csp_partner_center_simulator.commerce.lagging import directory_lags
from csp_partner_center_simulator.commerce.new_subscriptions import of_legacy, of_new_commerce
from csp_partner_center_simulator.commerce.order_log import audit_copy, audit_data
from csp_partner_center_simulator.commerce.pricing import quote
from csp_partner_center_simulator.state.customers import Customer
from csp_partner_center_simulator.state.logs import Task
from csp_partner_center_simulator.state.orders import CartLine, Order, OrderLine
from csp_partner_center_simulator.state.partners import Partner
from csp_partner_center_simulator.state.subscriptions import Subscription
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.call import Actor
from csp_partner_center_simulator.wire.errors import invalid


def place(
    world: World,
    partner: Partner,
    customer: Customer,
    lines: Sequence[CartLine],
    actor: Actor,
    *,
    hide_subscription: bool = False,
) -> Order:
    """Place one order for lines of one group; the lines have been checked."""
    first = find(world, lines[0].catalog_item_id).item
    if first is None:
        raise invalid(f"The catalog item {lines[0].catalog_item_id} does not exist.", code=800004)
    nce = first.commerce == "nce"
    order_id = world.new_hex("order", 12) if nce else world.new_id("order")
    known_at = world.now + world.delay("order", 5, 120)
    order_lines: list[OrderLine] = []
    total = Decimal(0)
    for line in lines:
        made = _line(world, partner, customer, line, order_id, len(order_lines), known_at)
        order_lines.append(made)
        total += made.pricing.price * made.quantity if made.pricing else Decimal(0)
        for addon in line.addons:
            child = replace(
                addon, parent_subscription_id=made.subscription_id, billing_cycle=line.billing_cycle
            )
            order_lines.append(_line(world, partner, customer, child, order_id, len(order_lines), known_at))
    if hide_subscription:
        order_lines = [
            replace(one, known_at=datetime.max.replace(tzinfo=world.now.tzinfo)) for one in order_lines
        ]
    order = world.orders.put(
        Order(
            id=order_id,
            customer_id=customer.id,
            partner_id=partner.id,
            commerce="nce" if nce else "legacy",
            billing_cycle=lines[0].billing_cycle,
            currency=partner.currency,
            created_at=world.now,
            listed_at=world.now + world.delay("order list", 0, 900),
            lines=tuple(order_lines),
            status="pending" if nce else "completed",
            total_price=total if nce else None,
        )
    )
    if nce:
        world.later(
            known_at, "order.provisioned", ref=order.id, customer_id=customer.id, partner_id=partner.id
        )
    audit = activity.record(
        world,
        actor,
        customer,
        "order",
        "create_order",
        new=audit_copy(order),
        data=audit_data(order),
        partner_id=partner.id,
    )
    for one in order.lines:
        activity.subscription_changed(world, world.subscriptions[one.subscription_id], audit)
    return world.orders[order.id]


def provisioned(world: World, task: Task) -> None:
    """Complete an order: its subscriptions become active (agenda: `order.provisioned`)."""
    order = world.orders.get(task.ref)
    if order is None or order.status != "pending":
        return
    world.orders.put(replace(order, status="completed"))
    for line in order.lines:
        subscription = world.subscriptions.get(line.subscription_id)
        if subscription is not None and subscription.status == "pending":
            world.subscriptions.put(replace(subscription, status="active"))
            directory_lags(world, subscription)


def add_order(
    world: World, subscription: Subscription, transaction: str, *, quantity: int, source: str = "UserPurchase"
) -> Order:
    """Add the order entry that every New Commerce change leaves (PC 5.4)."""
    return world.orders.put(
        Order(
            id=world.new_hex("order", 12),
            customer_id=subscription.customer_id,
            partner_id=subscription.partner_id,
            commerce="nce",
            billing_cycle=subscription.billing_cycle,
            currency=subscription.currency,
            created_at=world.now,
            listed_at=world.now + world.delay("order list", 0, 900),
            lines=(
                OrderLine(
                    number=0,
                    offer_id=subscription.offer_id,
                    quantity=quantity,
                    friendly_name=subscription.friendly_name,
                    subscription_id=subscription.id,
                    term=subscription.term,
                    transaction_type=transaction,
                ),
            ),
            status="completed",
            transaction_type=source,
        )
    )


def _line(
    world: World,
    partner: Partner,
    customer: Customer,
    line: CartLine,
    order_id: str,
    number: int,
    known_at: datetime,
) -> OrderLine:
    found = find(world, line.catalog_item_id)
    item = found.item
    if item is None:
        raise invalid(f"The catalog item {line.catalog_item_id} does not exist.", code=800004)
    if item.commerce == "nce":
        subscription, price_discount = of_new_commerce(
            world, partner, customer, line, item, found.availability_id, order_id, known_at
        )
    else:
        subscription, price_discount = of_legacy(world, partner, customer, line, item, order_id), Decimal(0)
    participants = [value for key, value in line.participants if key.lower() == "transaction_reseller"]
    more = [value for key, value in line.participants if key.lower() == "additional_transaction_reseller"]
    reseller = line.partner_id_on_record or next(iter(participants), "")
    subscription = replace(subscription, reseller_mpn=reseller)
    world.subscriptions.put(subscription)
    charges.bought(world, subscription)
    lifecycle.plan(world, world.subscriptions[subscription.id])
    return OrderLine(
        number=number,
        offer_id=line.catalog_item_id if item.commerce == "nce" else item.product_id,
        quantity=line.quantity,
        friendly_name=subscription.friendly_name,
        subscription_id=subscription.id,
        known_at=known_at if item.commerce == "nce" else world.now,
        parent_subscription_id=line.parent_subscription_id,
        term=line.term,
        transaction_type="New" if item.commerce == "nce" else "",
        partner_id_on_record=reseller,
        additional_partner_ids=tuple(more),
        custom_term_end_date=line.custom_term_end_date,
        provisioning_context=line.provisioning_context,
        renews_to=line.renews_to,
        pricing=quote(
            item,
            term=line.term,
            cycle=line.billing_cycle,
            quantity=line.quantity,
            currency=partner.currency,
            day=world.now.date(),
            discount=price_discount,
        )
        if item.commerce == "nce"
        else None,
    )


def add_line(
    world: World, partner: Partner, customer: Customer, order: Order, line: CartLine, actor: Actor
) -> Order:
    """Add a bought add-on to a legacy order; its etag's version rises."""
    made = _line(world, partner, customer, line, order.id, len(order.lines), world.now)
    order = world.orders.put(replace(order, lines=(*order.lines, made), version=order.version + 1))
    audit = activity.record(
        world,
        actor,
        customer,
        "order",
        "update_order",
        new=audit_copy(order),
        data=audit_data(order),
        partner_id=partner.id,
    )
    activity.subscription_changed(world, world.subscriptions[made.subscription_id], audit)
    return order
