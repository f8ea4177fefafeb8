"""What falls due on a subscription: the next cycle, the term's end, the end of its life (PC 6.4)."""

from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from msgspec.structs import replace

from csp_partner_center_simulator.billing import new_commerce
from csp_partner_center_simulator.catalogue import prices
from csp_partner_center_simulator.catalogue.catalogue import Item
from csp_partner_center_simulator.commerce import lifecycle, promotions
from csp_partner_center_simulator.commerce.changes import announce
from csp_partner_center_simulator.commerce.legacy_life import legacy_due, service_actor
from csp_partner_center_simulator.commerce.pricing import quote
from csp_partner_center_simulator.commerce.purchasing import add_order
from csp_partner_center_simulator.rules import lots, terms
from csp_partner_center_simulator.state.logs import Task
from csp_partner_center_simulator.state.subscriptions import Subscription
from csp_partner_center_simulator.state.world import World

EXPIRED_FOR = timedelta(days=30)
DISABLED_FOR = timedelta(days=90)
EXTENDED_FROM = date(2026, 5, 4)  # the extended service term (a switch of the profile)


def due(world: World, task: Task) -> None:
    """Do what is due on a subscription (agenda: `subscription.due`)."""
    one = world.subscriptions.get(task.ref)
    if one is None:
        return
    if one.status in {"expired", "disabled"}:
        _end_of_life(world, one)
    elif one.commerce == "legacy":
        legacy_due(world, one)
    elif one.cycle_end >= one.term_end:
        _term_end(world, one)
    else:
        _next_cycle(world, one)
    following = world.subscriptions.get(one.id)
    if following is not None:
        lifecycle.plan(world, following)


def _next_cycle(world: World, one: Subscription) -> None:
    one = _with_next_charge(world, one) if one.next_charge else _stepped(world, one)
    world.subscriptions.put(one)
    new_commerce.cycle(world, one, "cycleCharge")


def _stepped(world: World, one: Subscription) -> Subscription:
    """Move to the next charge cycle of the term."""
    start = one.cycle_end + terms.DAY
    number = one.cycle_number + 1
    if one.first_cycle_partial:
        # A short first term: the following cycles count back from the aligned end.
        end = min(terms.add_months(start, terms.CYCLE_MONTHS[one.billing_cycle]) - terms.DAY, one.term_end)
    else:
        following = terms.cycle_start(
            one.anchor,
            number + 1,
            cycle=one.billing_cycle,
            term=one.term,
            from_month_end=lifecycle.documented(world),
        )
        end = min(following - terms.DAY, one.term_end)
    return replace(one, cycle_number=number, cycle_start=start, cycle_end=end, first_cycle_partial=False)


def _with_next_charge(world: World, one: Subscription) -> Subscription:
    """Change the billing plan at a cycle's end; to annual, the months left of the term's year are charged."""
    wish = one.next_charge
    item = world.catalogue.sku(one.product_id, one.sku_id)
    if wish is None or item is None:
        return _stepped(world, one)
    start = one.cycle_end + terms.DAY
    cycle = wish.product.billing_cycle
    price = quote(
        item,
        term=one.term,
        cycle=cycle,
        quantity=one.quantity,
        currency=one.currency,
        day=one.term_start.date(),
    )
    unit = price.discounted_price
    if cycle == "annual":
        years = 1
        while terms.add_months(one.anchor, 12 * years) <= start:
            years += 1
        end = min(terms.add_months(one.anchor, 12 * years) - terms.DAY, one.term_end)
        months = (
            (end.year - start.year) * 12 + end.month - start.month + (1 if end.day >= start.day - 1 else 0)
        )
        unit = (unit * months / 12).quantize(Decimal("0.01")) if months < 12 else unit
    else:
        end = min(terms.add_months(start, terms.CYCLE_MONTHS[cycle]) - terms.DAY, one.term_end)
    return replace(
        one, billing_cycle=cycle, unit_price=unit, list_price=price.list_price, next_charge=None,
        cycle_start=start, cycle_end=end, anchor=start if cycle == "monthly" else one.anchor, cycle_number=0,
    )  # fmt: skip


def _term_end(world: World, one: Subscription) -> None:
    if one.status == "suspended":
        _ended(world, one, "disabled", EXPIRED_FOR + DISABLED_FOR)
    elif not one.auto_renew:
        if world.profile.extended_service_term and not one.is_trial and one.term_end >= EXTENDED_FROM:
            _extended(world, one)
        else:
            _ended(world, one, "expired", EXPIRED_FOR)
    elif not one.renewing:
        delay = world.delay("renewal", 60, 24 * 3600)
        if delay:
            world.subscriptions.put(replace(one, renewing=True))
            world.later(
                world.now + delay,
                "subscription.renewed",
                ref=one.id,
                customer_id=one.customer_id,
                subscription_id=one.id,
            )
        else:
            renew(world, one)


def renewed(world: World, task: Task) -> None:
    """Complete a renewal that took its time (agenda: `subscription.renewed`)."""
    one = world.subscriptions.get(task.ref)
    if one is not None and one.renewing:
        renew(world, one)
        lifecycle.plan(world, world.subscriptions[one.id])


def renew(world: World, one: Subscription) -> Subscription:
    """Start the next term at its boundary: scheduled changes apply, prices are those of the day (PC 6.4, 6.5)."""
    start = one.term_end + terms.DAY
    product_id, sku_id, term, cycle, quantity = (
        one.product_id,
        one.sku_id,
        one.term,
        one.billing_cycle,
        one.quantity,
    )
    wished_end: datetime | None = None
    if one.next_term is not None:
        choice = one.next_term.product
        product_id, sku_id, term, cycle = choice.product_id, choice.sku_id, choice.term, choice.billing_cycle
        quantity, wished_end = one.next_term.quantity, one.next_term.custom_term_end_date
    item = world.catalogue.sku(product_id, sku_id)
    if item is None:
        return one
    same_plan = (term, cycle) == (one.term, one.billing_cycle)
    # A monthly term that was clipped at a month's end returns to its day (billing D-2).
    anchor = one.anchor if same_plan and term == "P1M" and not one.custom_term_end_date else start
    number = one.cycle_number + 1 if anchor == one.anchor and anchor != start else 0
    if anchor != start:
        boundary = terms.cycle_start(anchor, number + 1, cycle=cycle, term=term, from_month_end=False)
        end = boundary - terms.DAY
        cycle_end = end
    else:
        end = wished_end.date() if wished_end else terms.term_end(start, term)
        second = (
            terms.cycle_start(start, 1, cycle=cycle, term=term, from_month_end=lifecycle.documented(world))
            if cycle != "none"
            else end
        )
        cycle_end = min(end, second - terms.DAY)
    # A promotion is gone at renewal unless the scheduled change names one (PC 4.3, 6.5).
    wished = one.next_term.product.promotion_id if one.next_term else ""
    promotion = (
        promotions.applicable(
            world.catalogue, item, term=term, cycle=cycle, quantity=quantity, day=start, wished=wished
        )
        if wished
        else None
    )
    discount = promotion.discount if promotion else Decimal(0)
    price = quote(
        item, term=term, cycle=cycle, quantity=quantity, currency=one.currency, day=start, discount=discount
    )
    availability = world.catalogue.availability(
        item, world.now.date(), rotate=world.profile.rotate_availabilities
    )
    following = replace(
        one,
        offer_id=f"{product_id}:{sku_id}:{availability}",
        offer_name=item.title,
        product_id=product_id,
        sku_id=sku_id,
        availability_id=availability,
        directory_sku_id=item.directory_sku_id,
        quantity=quantity,
        term=term,
        billing_cycle=cycle,
        term_start=terms.at_midnight(start),
        term_end=end,
        anchor=anchor,
        cycle_number=number,
        cycle_start=start,
        cycle_end=cycle_end,
        first_cycle_partial=False,
        unit_price=price.discounted_price,
        list_price=price.list_price,
        discount=discount,
        promotion_id=promotion.id if promotion else "",
        is_trial=item.is_trial,
        is_addon=item.is_addon,
        lots=lots.opened((), quantity, world.now),
        cancel_until=world.now + terms.WINDOW,
        next_term=None,
        custom_term_end_date=wished_end,
        renewing=False,
        version=one.version + 1,
    )
    world.subscriptions.put(following)
    new_commerce.cycle(world, following, "new" if one.is_trial else "renew")
    add_order(world, following, "Renew", quantity=quantity, source="SystemPurchase")
    announce(world, one, following, service_actor(world, one))
    return following


def _extended(world: World, one: Subscription) -> None:
    """Go on month by month at a higher price, ending any day (the extended service term)."""
    item = world.catalogue.sku(one.product_id, one.sku_id)
    if item is None:
        return
    start = one.term_end + terms.DAY
    month = _monthly_price(item, one, start)
    end = terms.add_months(start, 1) - terms.DAY
    following = replace(
        one, term="P1M", billing_cycle="monthly", term_start=terms.at_midnight(start), term_end=end, anchor=start,
        cycle_number=0, cycle_start=start, cycle_end=end, unit_price=month, list_price=month, discount=Decimal(0),
        promotion_id="", lots=lots.opened((), one.quantity, world.now), cancel_until=terms.last_second(end),
        version=one.version + 1,
    )  # fmt: skip
    world.subscriptions.put(following)
    new_commerce.cycle(world, following, "renew")
    announce(world, one, following, service_actor(world, one))


def _monthly_price(item: Item, one: Subscription, day: date) -> Decimal:
    if ("P1M", "monthly") in item.plans:
        base, factor = prices.list_price(item, "P1M", "monthly", one.currency, day), Decimal("1.03")
    else:
        base, factor = prices.list_price(item, "P1Y", "annual", one.currency, day) / 12, Decimal("1.23")
    return (base * factor).quantize(Decimal("0.01"), ROUND_HALF_UP)


def _ended(world: World, one: Subscription, status: str, lasting: timedelta) -> None:
    ended = replace(
        one,
        status="disabled" if status == "disabled" else "expired",
        auto_renew=False,
        next_term=None,
        ended_at=terms.at_midnight(one.term_end + terms.DAY) + lasting,
        version=one.version + 1,
    )
    world.subscriptions.put(ended)
    announce(world, one, ended, service_actor(world, one))


def _end_of_life(world: World, one: Subscription) -> None:
    at = one.ended_at or world.now
    if one.status == "expired":
        following = replace(one, status="disabled", ended_at=at + DISABLED_FOR, version=one.version + 1)
    else:
        following = replace(one, status="deleted", version=one.version + 1)
    world.subscriptions.put(following)
    announce(world, one, following, service_actor(world, one))
