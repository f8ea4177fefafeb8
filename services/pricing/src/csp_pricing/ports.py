"""Rows of this service as its use cases know them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from csp_pricing.domain.rows import ListedPrice
from csp_runtime.scope import Scope
from csp_runtime.store import Also


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """Something that can be bought, for one term and one charge cycle."""

    product: str
    term: str
    charge_cycle: str
    commerce: str
    category: str
    product_group: str
    title: str
    segment: str
    is_addon: bool
    is_trial: bool
    minimum_quantity: int
    maximum_quantity: int | None
    directory_sku_id: str | None
    prerequisites: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedSubscription:
    """What a price is locked to; `customer_id` is None while nobody knows whose tenant it is in."""

    subscription_id: str
    reseller: str
    customer_id: str | None
    tenant_id: str
    product: str
    product_title: str
    term: str
    charge_cycle: str
    segment: str
    currency: str


class Subscriptions(Protocol):
    """Subscriptions inside a scope."""

    async def one(self, scope: Scope, subscription_id: str) -> PricedSubscription | None:
        """A subscription; None where there is none in scope."""


class Rows(Protocol):
    """What the use cases read; all of it inside the scope."""

    async def currency_of(self, reseller: str) -> str | None:
        """The reseller's currency; None for an unknown one."""

    async def has_customer(self, scope: Scope, customer_id: str) -> bool:
        """Whether the customer lies inside the scope."""

    async def products(
        self, scope: Scope, filters: dict[str, str], *, after: str | None, limit: int
    ) -> list[Product]:
        """A page of products."""

    async def choices(self, scope: Scope, column: str, filters: dict[str, str]) -> list[str]:
        """The distinct values of one step of the guided choice."""

    async def prices(
        self, scope: Scope, products: list[str], *, ledger: str, customer_id: str | None
    ) -> list[ListedPrice]:
        """Rows that may price these products for a customer."""

    async def price_list(
        self, scope: Scope, price_list_id: str, *, after: str | None, limit: int
    ) -> list[ListedPrice]:
        """A page of a list's rows."""

    async def quote(self, scope: Scope, quote_id: str) -> dict[str, Any] | None:
        """A quote."""


class Quotes(Protocol):
    """Where quotes are kept."""

    async def keep(
        self, quote_id: str, reseller: str, customer_id: str, body: dict[str, Any], expires_at: datetime
    ) -> None:
        """Store a quote until it expires."""


class RowStatements(Protocol):
    """Statements for the transaction of the events they belong to."""

    def insert_prices(self, reseller: str, rows: list[ListedPrice]) -> Also:
        """The rows of a list."""
