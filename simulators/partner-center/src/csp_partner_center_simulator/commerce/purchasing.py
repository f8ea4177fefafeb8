"""Turns bought lines into orders and subscriptions (PC 5.2, 5.3)."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace

from csp_partner_center_simulator.billing import charges
from csp_partner_center_simulator.catalogue.catalogue import Item
from csp_partner_center_simulator.commerce import activity, lifecycle, promotions
from csp_partner_center_simulator.commerce.checks import find
from csp_partner_center_simulator.commerce.pricing import quote
from csp_partner_center_simulator.rules import lots, terms
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
        new=_audit_copy(order),
        data=_audit_data(order),
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
        subscription, price_discount = _new_commerce(
            world, partner, customer, line, item, found.availability_id, order_id, known_at
        )
    else:
        subscription, price_discount = _legacy(world, partner, customer, line, item, order_id), Decimal(0)
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


def _new_commerce(
    world: World,
    partner: Partner,
    customer: Customer,
    line: CartLine,
    item: Item,
    availability_id: str,
    order_id: str,
    known_at: datetime,
) -> tuple[Subscription, Decimal]:
    now, day = world.now, world.now.date()
    promotion = promotions.applicable(
        world.catalogue,
        item,
        term=line.term,
        cycle=line.billing_cycle,
        quantity=line.quantity,
        day=day,
        wished=line.promotion_id,
    )
    discount = promotion.discount if promotion else Decimal(0)
    price = quote(
        item,
        term=line.term,
        cycle=line.billing_cycle,
        quantity=line.quantity,
        currency=partner.currency,
        day=day,
        discount=discount,
    )
    end = terms.term_end(day, line.term)
    aligned = line.custom_term_end_date is not None and line.custom_term_end_date.date() != end
    if line.custom_term_end_date is not None:
        end = line.custom_term_end_date.date()
    anchor = end + timedelta(days=1) if aligned else day
    first_end, partial = first_cycle_end(world, day, end, line.term, line.billing_cycle, aligned=aligned)
    window = now + terms.WINDOW
    if item.is_trial:
        window = now + timedelta(days=30)
    subscription = Subscription(
        id=world.new_id("subscription"),
        customer_id=customer.id,
        partner_id=partner.id,
        commerce="nce",
        offer_id=f"{item.product_id}:{item.sku_id}:{availability_id}",
        offer_name=item.title,
        friendly_name=line.friendly_name or item.title,
        quantity=line.quantity,
        order_id=order_id,
        created_at=now,
        term_start=now,
        term_end=end,
        billing_cycle=line.billing_cycle,
        term=line.term,
        anchor=anchor,
        cycle_start=day,
        cycle_end=first_end,
        first_cycle_partial=partial,
        unit_price=price.discounted_price,
        list_price=price.list_price,
        currency=partner.currency,
        directory_sku_id=item.directory_sku_id,
        product_id=item.product_id,
        sku_id=item.sku_id,
        availability_id=availability_id,
        status="pending" if known_at > now else "active",
        promotion_id=promotion.id if promotion else "",
        discount=discount,
        is_trial=item.is_trial,
        is_addon=item.is_addon,
        lots=lots.opened((), line.quantity, now),
        cancel_until=window,
        custom_term_end_date=line.custom_term_end_date,
    )
    return lifecycle.with_trial_instructions(world, subscription, line), discount


def first_cycle_end(
    world: World, start: date, end: date, term: str, cycle: str, *, aligned: bool
) -> tuple[date, bool]:
    """Give the last day of the first charge cycle, and whether it is a short one (PC 6.7, 10.7)."""
    if cycle == "none":
        return end, False
    if not aligned:
        second = terms.cycle_start(
            start, 1, cycle=cycle, term=term, from_month_end=lifecycle.documented(world)
        )
        return min(end, second - terms.DAY), False
    # Cycles count back from the day after the aligned end; the first is the stub before the earliest of them.
    anchor = end + terms.DAY
    number = 0
    first = anchor
    while (earlier := terms.add_months(anchor, -(number + 1) * terms.CYCLE_MONTHS[cycle])) > start:
        first, number = earlier, number + 1
    return first - terms.DAY, terms.add_months(first, -terms.CYCLE_MONTHS[cycle]) != start


def _legacy(
    world: World, partner: Partner, customer: Customer, line: CartLine, item: Item, order_id: str
) -> Subscription:
    now = world.now
    day = now.date()
    start = day + terms.DAY if world.profile.legacy_start == "day_after" else day
    parent = world.subscriptions.get(line.parent_subscription_id) if line.parent_subscription_id else None
    cycle = parent.billing_cycle if parent else line.billing_cycle
    end = lifecycle.legacy_term_end(world, partner, start, trial=item.is_trial)
    anchor = lifecycle.legacy_anchor(start)
    cycle_end = end if cycle == "none" else terms.add_months(anchor, terms.CYCLE_MONTHS[cycle]) - terms.DAY
    if parent is not None:
        # An add-on follows its base: same cycle and end, first cycle prorated (billing example 9).
        end, anchor, cycle_end = parent.term_end, parent.anchor, parent.cycle_end
    return Subscription(
        id=world.new_id("subscription"),
        customer_id=customer.id,
        partner_id=partner.id,
        commerce="legacy",
        offer_id=item.product_id,
        offer_name=item.title,
        friendly_name=line.friendly_name or item.title,
        quantity=line.quantity,
        order_id=order_id,
        created_at=now,
        term_start=terms.at_midnight(start),
        term_end=end,
        billing_cycle=cycle,
        term="P1M" if item.is_trial else "P1Y",
        anchor=anchor,
        cycle_start=start,
        cycle_end=cycle_end,
        first_cycle_partial=parent is not None,
        unit_price=quote(
            item, term="P1Y", cycle=cycle, quantity=line.quantity, currency=partner.currency, day=day
        ).discounted_price,
        currency=partner.currency,
        directory_sku_id=item.directory_sku_id,
        product_id=item.product_id,
        parent_id=parent.id if parent else "",
        unit_type=item.unit,
        is_trial=item.is_trial,
        is_addon=item.is_addon,
    )


def _audit_copy(order: Order) -> dict[str, object]:
    return {
        "id": order.id,
        "alternateId": order.id,
        "referenceCustomerId": order.customer_id,
        "billingCycle": order.billing_cycle,
        "lineItems": [
            {
                "lineItemNumber": line.number,
                "offerId": line.offer_id,
                "subscriptionId": line.subscription_id,
                "parentSubscriptionId": line.parent_subscription_id or None,
                "friendlyName": line.friendly_name,
                "quantity": line.quantity,
                "termDuration": line.term or None,
            }
            for line in order.lines
        ],
        "creationDate": order.created_at.isoformat(),
        "attributes": {"objectType": "Order"},
    }


def _audit_data(order: Order) -> tuple[tuple[str, str | None], ...]:
    data: list[tuple[str, str | None]] = [
        ("OrderId", order.id),
        ("AlternateId", order.id),
        ("BillingCycle", order.billing_cycle.capitalize()),
    ]
    for line in order.lines:
        data += [
            (f"OfferId-{line.number}", line.offer_id),
            (f"SubscriptionId-{line.number}", line.subscription_id),
            (f"SubscriptionName-{line.number}", line.friendly_name),
            (f"Quantity-{line.number}", str(line.quantity)),
            (f"PartnerOnRecord-{line.number}", line.partner_id_on_record or None),
        ]
    return tuple(data)


def first_cycle_share(world: World, day: date, line: CartLine) -> tuple[int, int]:
    """Give the days of a short first charge and those of a full one (PC 10.7)."""
    if line.custom_term_end_date is None or line.billing_cycle == "none":
        return 1, 1
    end = line.custom_term_end_date.date()
    if line.term not in terms.TERM_MONTHS or end == terms.term_end(day, line.term) or end < day:
        return 1, 1
    last, partial = first_cycle_end(world, day, end, line.term, line.billing_cycle, aligned=True)
    if not partial:
        return 1, 1
    return (last - day).days + 1, cycle_days(day, line.billing_cycle)


def cycle_days(start: date, cycle: str) -> int:
    """Count the days of a full charge cycle that starts on `start`: of the calendar month, or 365 or 366."""
    if cycle == "monthly":
        return terms.month_length(start)
    return (terms.add_months(start, terms.CYCLE_MONTHS[cycle]) - start).days


def legacy_price(item: Item, cycle: str, quantity: int, currency: str, day: date) -> Decimal:
    """Give today's list price of one seat and charge of a legacy offer."""
    return quote(
        item, term="P1Y", cycle=cycle, quantity=quantity, currency=currency, day=day
    ).discounted_price


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
        new=_audit_copy(order),
        data=_audit_data(order),
        partner_id=partner.id,
    )
    activity.subscription_changed(world, world.subscriptions[made.subscription_id], audit)
    return order
