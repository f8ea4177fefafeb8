"""Acts of people outside the product: the Partner Center portal user, and the customer's own admin (PC 14.6)."""

from dataclasses import dataclass
from typing import Any, Literal

from csp_partner_center_simulator.commerce import people
from csp_partner_center_simulator.state.customers import Customer, User
from csp_partner_center_simulator.state.partners import Partner
from csp_partner_center_simulator.state.subscriptions import Subscription
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.call import Actor, related_customer
from csp_partner_center_simulator.wire.errors import ApiError, invalid

PORTAL = "4990cffe-04e8-4e8b-808a-1175604b879f"  # the portal's application id in audit records (PC 1.3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One act: who, for which partner and customer, and its arguments."""

    world: World
    as_: Literal["portal_user", "customer_admin"]
    partner: Partner
    customer_id: str
    arguments: dict[str, Any]

    @property
    def actor(self) -> Actor:
        """The portal's user, as the audit log tells it."""
        return Actor(
            partner_id=self.partner.id,
            application_id=PORTAL,
            user_id=self.partner.user_id,
            user_principal_name=self.partner.user_principal_name,
            correlation_id=self.world.new_id("portal"),
        )

    @property
    def customer(self) -> Customer:
        """The customer acted on."""
        if not self.customer_id:
            raise invalid("customer_id is required for this action.")
        return related_customer(self.world, self.partner, self.customer_id)

    def text(self, name: str, default: str | None = None) -> str:
        """Give an argument as text."""
        value = self.arguments.get(name, default)
        if not isinstance(value, str) or (default is None and not value.strip()):
            raise invalid(f"{name} is required and must be a string.")
        return value

    def whole(self, name: str) -> int:
        """Give an argument as a whole number."""
        value = self.arguments.get(name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise invalid(f"{name} is required and must be a whole number.")
        return value

    def subscription(self) -> Subscription:
        """Find the subscription acted on."""
        one = self.world.subscriptions.get(self.text("subscription_id"))
        if one is None or one.partner_id != self.partner.id:
            raise ApiError(404, 20003, "subscription_id names no subscription of this partner.")
        return one

    def user(self) -> User:
        """Find the user acted on."""
        return people.find(self.world, self.customer, self.text("user_id"))
