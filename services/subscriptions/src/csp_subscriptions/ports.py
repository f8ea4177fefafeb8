"""What the use cases need from outside: tenants and quotes."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from csp_contracts.subscriptions_v1 import AcceptedQuote
from csp_runtime.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """A tenant as this service needs it."""

    tenant_id: str
    reseller_id: str
    customer_id: str
    microsoft_tenant_id: str
    country: str


class Tenants(Protocol):
    """Which tenants there are."""

    async def visible(self, scope: Scope, tenant_id: str) -> Tenant | None:
        """The tenant, if it lies inside the scope."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What pricing says of a product for a customer. The price is null where no list has one."""

    quote_id: str
    customer_id: str
    product: str
    product_title: str
    commerce: str
    segment: str
    term: str
    charge_cycle: str
    currency: str
    unit_price_micro: int | None
    price_ref: str | None
    minimum_quantity: int
    maximum_quantity: int | None
    is_addon: bool
    is_trial: bool
    expires_at: datetime
    directory_sku_id: str | None = None
    prerequisites: list[str] = field(default_factory=list)

    @property
    def accepted(self) -> AcceptedQuote | None:
        """The price as the subscription carries it; None where there is no price yet."""
        if self.unit_price_micro is None or self.price_ref is None:
            return None
        return AcceptedQuote(
            quote_id=self.quote_id,
            currency=self.currency,
            unit_price_micro=self.unit_price_micro,
            price_ref=self.price_ref,
        )


class Quotes(Protocol):
    """Where prices come from."""

    async def fresh(
        self, reseller: str, *, customer: str, product: str, term: str, charge_cycle: str, quantity: int
    ) -> Quote:
        """A quote as of now."""

    async def accepted(self, reseller: str, quote_id: str) -> Quote:
        """The quote somebody accepted."""
