"""What a bought line becomes: a subscription of New Commerce, or a legacy one (PC 6.1)."""

from datetime import date, datetime, timedelta
from decimal import Decimal

from csp_partner_center_simulator.catalogue.catalogue import Item
from csp_partner_center_simulator.commerce import lifecycle, promotions
from csp_partner_center_simulator.commerce.first_cycle import first_cycle_end
from csp_partner_center_simulator.commerce.pricing import quote
from csp_partner_center_simulator.rules import lots, terms
from csp_partner_center_simulator.state.customers import Customer
from csp_partner_center_simulator.state.orders import CartLine
from csp_partner_center_simulator.state.partners import Partner
from csp_partner_center_simulator.state.subscriptions import Subscription
from csp_partner_center_simulator.state.world import World


def of_new_commerce(
    world: World,
    partner: Partner,
    customer: Customer,
    line: CartLine,
    item: Item,
    availability_id: str,
    order_id: str,
    known_at: datetime,
) -> tuple[Subscription, Decimal]:
    """Make the subscription of a New Commerce line, pending until `known_at`; and the share its promotion takes off."""
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


def of_legacy(
    world: World, partner: Partner, customer: Customer, line: CartLine, item: Item, order_id: str
) -> Subscription:
    """Make the subscription of a legacy line; an add-on follows its base."""
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


def legacy_price(item: Item, cycle: str, quantity: int, currency: str, day: date) -> Decimal:
    """Give today's list price of one seat and charge of a legacy offer."""
    return quote(
        item, term="P1Y", cycle=cycle, quantity=quantity, currency=currency, day=day
    ).discounted_price
