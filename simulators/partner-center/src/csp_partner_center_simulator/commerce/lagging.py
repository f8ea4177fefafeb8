"""The directory learns later what was bought or changed (PC 7.8, 14.3)."""

from csp_partner_center_simulator.state.subscriptions import Shadow, Subscription
from csp_partner_center_simulator.state.world import World


def directory_lags(world: World, before: Subscription) -> None:
    """Let the directory see `before` for a while; with the fast profile it sees every change at once."""
    lag = world.delay("directory", 10, 900)
    if not lag:
        return
    until, name = world.now + lag, f"directory/{before.id}"
    world.shadows.put(Shadow(id=name, before=before, until=until))
    world.later(until, "subscription.visible", ref=name, customer_id=before.customer_id)
