"""Who asks, and what they may see: made once at the edge, passed explicitly from there."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """Named bundles of rights."""

    RESELLER_ADMIN = "reseller-admin"
    RESELLER_SUPPORT = "reseller-support"
    RESELLER_BILLING = "reseller-billing"
    RESELLER_AUDITOR = "reseller-auditor"
    CUSTOMER_ADMIN = "customer-admin"
    CUSTOMER_USER_MANAGER = "customer-user-manager"
    CUSTOMER_VIEWER = "customer-viewer"
    SERVICE = "service"


RESELLER_ROLES = frozenset(role for role in Role if role.startswith("reseller"))
CUSTOMER_ROLES = frozenset(role for role in Role if role.startswith("customer"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """`customer` is None for the reseller's own staff and for services. `actor` is an opaque id, never a name or mail."""

    reseller: str
    actor: str
    roles: frozenset[Role]
    customer: str | None = None
    on_behalf_of: str | None = None

    def may_see_customer(self, customer: str | None) -> bool:
        """Whether a thing of that customer is inside this scope; unknown customers are hidden from customers."""
        return self.customer is None or self.customer == customer

    @property
    def is_customer(self) -> bool:
        """Whether the caller is a customer, who must never see cost or margin."""
        return self.customer is not None


def service_scope(reseller: str, service: str) -> Scope:
    """The scope of background work of one service for one reseller."""
    return Scope(reseller=reseller, actor=f"service:{service}", roles=frozenset({Role.SERVICE}))
