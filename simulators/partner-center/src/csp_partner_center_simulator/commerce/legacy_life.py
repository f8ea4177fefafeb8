"""What falls due on a legacy subscription: cycles, anniversaries, the end of the year (PC 6.4)."""

from datetime import date, timedelta

from msgspec.structs import replace

from csp_partner_center_simulator.billing import legacy
from csp_partner_center_simulator.commerce import activity
from csp_partner_center_simulator.commerce.changes import announce
from csp_partner_center_simulator.commerce.pricing import quote
from csp_partner_center_simulator.rules import terms
from csp_partner_center_simulator.state.subscriptions import Subscription
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.call import Actor

SUSPENDED_KEPT = timedelta(days=90)


SERVICE = "FulfillmentService"


def service_actor(world: World, one: Subscription) -> Actor:
    """Give Partner Center itself as the actor."""
    return Actor(partner_id=one.partner_id, application_id=SERVICE, correlation_id=world.new_id("service"))


def legacy_due(world: World, one: Subscription) -> None:
    if one.status == "suspended":
        deleted = replace(one, status="deleted", version=one.version + 1)
        world.subscriptions.put(deleted)
        announce(world, one, deleted, service_actor(world, one))
        return
    today = world.now.date()
    one, is_renewed = _legacy_term(world, one, today)
    if one.status != "active":
        return
    changed = False
    if _is_anniversary(one, today):
        one, changed = legacy.recognised(world, one, today)
    if today > one.cycle_end:
        end = _legacy_cycle_end(one, today)
        one = replace(
            one,
            cycle_start=today,
            cycle_end=end,
            cycle_number=one.cycle_number + 1,
            first_cycle_partial=False,
        )
        one = legacy.cycle(world, one, changed=changed, renewed=is_renewed)
    world.subscriptions.put(one)


def _is_anniversary(one: Subscription, day: date) -> bool:
    # Terms end on the partner's billing day; corrections wait for the subscription's own monthly day.
    months = (day.year - one.anchor.year) * 12 + day.month - one.anchor.month
    return day > one.cycle_end or (months > 0 and terms.add_months(one.anchor, months) == day)


def _legacy_cycle_end(one: Subscription, start: date) -> date:
    months = terms.CYCLE_MONTHS[one.billing_cycle]
    number = 1
    while terms.add_months(one.anchor, number * months) <= start:
        number += 1
    return terms.add_months(one.anchor, number * months) - terms.DAY


def _legacy_term(world: World, one: Subscription, today: date) -> tuple[Subscription, bool]:
    """Renew the 12-month term by itself, or end it: then it is suspended and later deleted."""
    if today <= one.term_end:
        return one, False
    if one.is_trial or not one.auto_renew:
        after = replace(
            one,
            status="suspended",
            suspension_reasons=("SubscriptionExpired",),
            suspended_at=world.now,
            ended_at=world.now + SUSPENDED_KEPT,
            version=one.version + 1,
        )
        after = legacy.suspended(world, after, today)
        world.subscriptions.put(after)
        announce(world, one, after, service_actor(world, one))
        return after, False
    item = world.catalogue.offer(one.offer_id)
    price = one.unit_price
    if item is not None:
        price = quote(
            item, term="P1Y", cycle=one.billing_cycle, quantity=one.quantity, currency=one.currency, day=today
        ).discounted_price
    after = replace(
        one,
        term_start=terms.at_midnight(one.term_end + terms.DAY),
        term_end=terms.add_months(one.term_end, 12),
        unit_price=price,
        version=one.version + 1,
    )
    audit = activity.record(
        world,
        service_actor(world, one),
        world.customers[one.customer_id],
        "subscription",
        "update_subscription",
        data=(("SubscriptionId", one.id), ("Renewed", "true")),
        partner_id=one.partner_id,
    )
    activity.subscription_changed(world, after, audit)
    return after, True
