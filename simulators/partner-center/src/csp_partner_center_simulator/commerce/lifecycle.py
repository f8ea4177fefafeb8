"""What the clock does to subscriptions: charge cycles, renewal, expiry, disablement, deletion (PC 6.4)."""

from datetime import date, datetime, timedelta

from msgspec.structs import replace

from csp_partner_center_simulator.rules import terms
from csp_partner_center_simulator.state.orders import CartLine
from csp_partner_center_simulator.state.partners import Partner
from csp_partner_center_simulator.state.subscriptions import NextTerm, ProductChoice, Subscription
from csp_partner_center_simulator.state.world import World


def documented(world: World) -> bool:
    """Tell whether month ends follow Microsoft's tables of 2022 (PC 16)."""
    return world.profile.nce_month_end == "documented_2022"


def legacy_anchor(start: date) -> date:
    """Give the day legacy cycles are counted from: bought on the 29th to 31st, it is the next 1st."""
    return terms.add_months(start.replace(day=1), 1) if start.day >= 29 else start


def legacy_term_end(world: World, partner: Partner, start: date, *, trial: bool) -> date:
    """Give the last day of a legacy term: 12 months plus the days to the partner's billing day (PC 6.4)."""
    if trial:
        return start + timedelta(days=29)
    end = terms.add_months(start, 12)
    if world.profile.legacy_term_end == "anniversary":
        return end - terms.DAY
    billing = end.replace(day=min(partner.billing_day, terms.month_length(end)))
    if billing < end:
        following = terms.add_months(end.replace(day=1), 1)
        billing = following.replace(day=min(partner.billing_day, terms.month_length(following)))
    return billing


def with_trial_instructions(world: World, subscription: Subscription, line: CartLine) -> Subscription:
    """Give trials their instructions for the next term: the paid SKU (PC 4.4)."""
    if not subscription.is_trial:
        return subscription
    item = world.catalogue.sku(subscription.product_id, subscription.sku_id)
    paid = world.catalogue.paid_counterpart(item) if item else None
    if paid is None:
        return replace(subscription, auto_renew=False)
    term = str((line.renews_to or {}).get("termDuration", "")) or paid.terms[0]
    plans = [plan for plan in paid.plans if plan[0] == term] or list(paid.plans)
    choice = ProductChoice(
        product_id=paid.product_id,
        sku_id=paid.sku_id,
        availability_id=world.catalogue.availability(
            paid, world.now.date(), rotate=world.profile.rotate_availabilities
        ),
        billing_cycle=plans[0][1],
        term=plans[0][0],
    )
    return replace(subscription, next_term=NextTerm(product=choice, quantity=subscription.quantity))


def plan(world: World, subscription: Subscription) -> None:
    """Put the next thing that happens to a subscription by itself on the agenda."""
    due = next_due(subscription)
    if due is None:
        world.agenda.remove(f"subscription.due/{subscription.id}")
        return
    world.later(
        due,
        "subscription.due",
        ref=subscription.id,
        partner_id=subscription.partner_id,
        customer_id=subscription.customer_id,
        subscription_id=subscription.id,
        at_once=False,
    )


def next_due(subscription: Subscription) -> datetime | None:
    """Give the time of the next charge, term end or end of life; None when nothing is to come."""
    if subscription.renewing:
        return None  # the renewal, which takes its time, plans what follows
    match subscription.status:
        case "deleted":
            return None
        case "expired" | "disabled":
            return subscription.ended_at
        case _:
            if subscription.commerce == "legacy" and subscription.status == "suspended":
                return subscription.ended_at
            if subscription.commerce == "legacy":
                return terms.at_midnight(_legacy_step(subscription))
            return terms.at_midnight(subscription.cycle_end + terms.DAY)


def _legacy_step(one: Subscription) -> date:
    """Give the next anniversary or term end; annual plans recognise changes on the monthly anniversary (R6.1)."""
    following = min(one.cycle_end, one.term_end) + terms.DAY
    if one.billing_cycle != "annual" or len(one.segments) < 2:
        return following
    months = 1
    while (step := terms.add_months(one.anchor, months)) <= one.segments[-1][0]:
        months += 1
    return min(step, following)
