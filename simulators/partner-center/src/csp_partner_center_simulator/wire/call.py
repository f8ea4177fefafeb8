"""What a handler gets: the world, the request, who calls, and which fault plays a part."""

import re
from dataclasses import dataclass, field
from datetime import datetime

from csp_partner_center_simulator.state.customers import Customer, Relation
from csp_partner_center_simulator.state.partners import Partner
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.errors import ApiError, invalid
from csp_partner_center_simulator.wire.request import Request

GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who did something, as the audit log tells it."""

    partner_id: str
    application_id: str = ""
    user_id: str = ""
    user_principal_name: str = ""
    correlation_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The holder of a verified token. `tenant_id`: the directory the token is for (Graph in a customer)."""

    partner: Partner
    application_id: str
    tenant_id: str
    user_id: str = ""
    user_principal_name: str = ""
    roles: frozenset[str] = frozenset()
    mfa: bool = False

    @property
    def is_user(self) -> bool:
        """App+user, not app-only (PC 1.2)."""
        return self.user_id != ""


@dataclass(slots=True)
class Call:
    """One call of an operation."""

    world: World
    request: Request
    operation: str
    params: dict[str, str]
    caller: Caller
    base_url: str
    correlation_id: str
    fault: str = ""
    fault_options: dict[str, str] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        """The virtual time."""
        return self.world.now

    @property
    def partner(self) -> Partner:
        """The partner whose token it is."""
        return self.caller.partner

    @property
    def actor(self) -> Actor:
        """The caller as the audit log tells it."""
        return Actor(
            partner_id=self.partner.id,
            application_id=self.caller.application_id,
            user_id=self.caller.user_id,
            user_principal_name=self.caller.user_principal_name,
            correlation_id=self.correlation_id,
        )

    @property
    def customer(self) -> Customer:
        """The customer of the path; only one that the partner has a relation to."""
        return related_customer(self.world, self.partner, self.params["customer"])

    @property
    def relation(self) -> Relation:
        """The partner's relation to the customer of the path."""
        relation = self.customer.relation(self.partner.id)
        if relation is None:
            raise no_relation(self.params["customer"])
        return relation


def no_relation(customer_id: str) -> ApiError:
    """Make the refusal for a customer of somebody else, or of nobody any more (PC 3.5, 14.1)."""
    return ApiError(403, 20002, f"The partner has no relationship with the customer {customer_id[:64]}.")


def related_customer(world: World, partner: Partner, customer_id: str) -> Customer:
    """Find a customer of the partner: another's is 403 20002, none at all 404."""
    if not GUID.fullmatch(customer_id):
        raise invalid(f"Customer id '{customer_id[:64]}' is not a GUID.", code=3000)
    customer = world.customers.get(customer_id)
    if customer is None:
        raise ApiError(404, 60003, f"The customer tenant {customer_id} was not found.")
    if customer.relation(partner.id) is None:
        raise no_relation(customer_id)
    return customer
