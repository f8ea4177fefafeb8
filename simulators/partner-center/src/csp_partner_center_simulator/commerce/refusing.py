"""When no change at all is possible: ended, not ready, being renewed, changed too often (PC 2.9, 6.3, 6.4)."""

from csp_partner_center_simulator.state.subscriptions import Subscription
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.errors import ApiError


def refuse_ended(world: World, subscription: Subscription) -> None:
    """Refuse changes of what has ended or was changed too often (PC 2.9, 6.3)."""
    match subscription.status:
        case "deleted":
            raise ApiError(400, 2011, "The subscription is deleted.")
        case "expired":
            raise ApiError(400, 900277, "The subscription is expired.")
        case "disabled":
            raise ApiError(400, 900279, "Updates of this subscription are no longer allowed.")
        case "pending":
            raise ApiError(
                409, 800082, "The subscription is not ready yet; its order is still being processed."
            )
        case "active" | "suspended":
            pass
    refuse_renewing(subscription)
    if subscription.commerce == "nce" and subscription.updates >= world.profile.update_limit:
        raise ApiError(
            400, 900311, f"The subscription was updated {subscription.updates} times; no more are allowed."
        )


def refuse_renewing(subscription: Subscription) -> None:
    """Refuse changes while a renewal is under way, which can take a day (PC 6.4)."""
    if subscription.renewing:
        raise ApiError(409, 900278, "The subscription is being renewed; try again later.")
