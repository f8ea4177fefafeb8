"""Rows of this service as its use cases know them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from csp_pricing.domain.products import Product
from csp_pricing.domain.rows import ListedPrice
from csp_runtime.scope import Scope
from csp_runtime.store import Also


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedSubscription:
    """What a price is locked to; `customer_id` is None while nobody knows whose tenant it is in.

    `market`: the customer's country where it is not the reseller's, nothing where it is; None while it is not known.
    """

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
    market: str | None


class Subscriptions(Protocol):
    """Subscriptions inside a scope."""

    async def one(self, scope: Scope, subscription_id: str) -> PricedSubscription | None:
        """A subscription; None where there is none in scope."""


class Rows(Protocol):
    """What the use cases read; all of it inside the scope."""

    async def currency_of(self, reseller: str) -> str | None:
        """The reseller's currency; None for an unknown one."""

    async def country_of(self, reseller: str) -> str | None:
        """The reseller's country; None for an unknown one."""

    async def market_of(self, scope: Scope, customer_id: str) -> str:
        """A customer's country where it is not the reseller's, else nothing."""

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

    async def quote(self, scope: Scope, quote_id: str) -> dict[str, Any] | None:
        """A quote."""


class Quotes(Protocol):
    """Where quotes are kept."""

    async def keep(
        self, quote_id: str, reseller: str, customer_id: str, body: dict[str, Any], expires_at: datetime
    ) -> None:
        """Store a quote until it expires."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Who made a version of a row, when and why."""

    at: datetime
    by: str
    reason: str | None


class PriceLists(Protocol):
    """Rows of sales price lists inside a scope."""

    async def version(self, scope: Scope, price_list_id: str) -> int:
        """How many events the list's stream has; 0 for a list that nobody wrote to."""

    async def lists(self, scope: Scope, *, after: str | None, limit: int) -> list[tuple[str, int]]:
        """Customer (empty for the global list) and version of the lists that somebody wrote to, by customer."""

    async def newest(
        self, scope: Scope, price_list_id: str, row_ids: Sequence[str]
    ) -> dict[str, ListedPrice]:
        """The newest version of these rows, by id; those that there are."""

    async def page(
        self, scope: Scope, price_list_id: str, filters: dict[str, Any], *, after: str | None, limit: int
    ) -> list[ListedPrice]:
        """A page of a list, newest version of each row, in order of its id. `filters` by column, and `valid_on`."""

    async def versions(self, scope: Scope, price_list_id: str, row_id: str) -> list[tuple[ListedPrice, Made]]:
        """All versions of a row, oldest first."""

    async def titles(self, scope: Scope, products: Sequence[str]) -> dict[str, str]:
        """The titles of products that are in the catalogue."""


class RowStatements(Protocol):
    """Statements for the transaction of the events they belong to."""

    def insert_prices(self, reseller: str, rows: Sequence[ListedPrice], made: Made) -> Also:
        """Versions of rows."""

    def keep_list(
        self, reseller: str, customer_id: str | None, price_list_id: str, version: int, *, before: int
    ) -> Also:
        """The version of a list's stream; `VersionConflict` where it is not `before` any more."""
