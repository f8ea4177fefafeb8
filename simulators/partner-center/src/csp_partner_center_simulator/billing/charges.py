"""Makes the charges that purchases, changes and the clock cause (PC 10.7)."""

from csp_partner_center_simulator.state.subscriptions import Subscription
from csp_partner_center_simulator.state.world import World


def bought(world: World, subscription: Subscription) -> None:
    """Charge the first cycle of a new subscription."""


def seats_changed(world: World, before: Subscription, after: Subscription) -> None:
    """Bill a change of the quantity."""


def status_changed(world: World, before: Subscription, after: Subscription) -> None:
    """Bill a suspension, reactivation or cancellation."""


def cycle_converted(world: World, before: Subscription, after: Subscription) -> None:
    """Bill the change of a legacy billing cycle."""


def plan_changed(world: World, before: Subscription, after: Subscription) -> None:
    """Bill a change of term or billing plan inside a term."""
