"""Makes the charges that purchases, changes and the clock cause; each commerce has its own rules."""

from csp_partner_center_simulator.billing import legacy, new_commerce
from csp_partner_center_simulator.state.subscriptions import Subscription
from csp_partner_center_simulator.state.world import World


def bought(world: World, one: Subscription) -> None:
    """Charge the first cycle of a new subscription."""
    if one.commerce == "nce":
        new_commerce.cycle(world, one, "new")
    else:
        world.subscriptions.put(legacy.bought(world, one))


def seats_changed(world: World, before: Subscription, after: Subscription) -> None:
    """Bill a change of the quantity: at once, or (legacy) on the next anniversary."""
    if after.commerce == "nce":
        new_commerce.seats_changed(world, before, after)
    else:
        world.subscriptions.put(legacy.quantity_noted(world.subscriptions[after.id], world.now.date()))


def status_changed(world: World, before: Subscription, after: Subscription) -> None:
    """Bill a suspension, reactivation or cancellation; New Commerce bills a suspended one as before."""
    if after.commerce == "nce":
        if after.status == "deleted" and before.status in {"active", "pending", "suspended"}:
            new_commerce.cancelled(world, before)
        return
    day = world.now.date()
    if after.status == "suspended":
        world.subscriptions.put(legacy.suspended(world, world.subscriptions[after.id], day))
    elif after.status == "active":
        world.subscriptions.put(legacy.reactivated(world, world.subscriptions[after.id], day))


def cycle_converted(world: World, before: Subscription, after: Subscription) -> None:
    """Bill the change of a legacy billing cycle or offer."""
    world.subscriptions.put(legacy.converted(world, before, after))


def plan_changed(world: World, before: Subscription, after: Subscription) -> None:
    """Bill a change of term or billing plan inside a term."""
    new_commerce.converted(
        world, before, after, "convert" if before.term != after.term else "changeBillingPlan"
    )


def taken_over(world: World, before: Subscription, ended: Subscription) -> None:
    """Give back what is left of a legacy subscription that another one takes over."""
    world.subscriptions.put(legacy.suspended(world, ended, world.now.date()))
    del before


def left(world: World, before: Subscription, gone: Subscription) -> None:
    """Give back the rest of the cycle when a subscription leaves for another partner."""
    if gone.commerce == "nce":
        new_commerce.transferred(world, before, "transferOut", -1)
    else:
        world.subscriptions.put(legacy.suspended(world, gone, world.now.date()))


def joined(world: World, one: Subscription) -> None:
    """Charge the rest of the cycle when a subscription comes from another partner."""
    if one.commerce == "nce":
        new_commerce.transferred(world, one, "transferIn", 1)
    else:
        world.subscriptions.put(legacy.reactivated(world, one, world.now.date()))
