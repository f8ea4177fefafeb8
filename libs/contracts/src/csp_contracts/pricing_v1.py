"""Catalogue, price lists, and the prices that subscriptions are locked to.

Prices are of one seat for one full charge cycle, in millionths of the currency unit. Cost never reaches a customer's feed.
"""

from dataclasses import dataclass
from datetime import date

from csp_contracts.envelope import Visibility
from csp_contracts.ids import Kind
from csp_contracts.registry import event


@event("csp.pricing.catalogue-updated.v1", stream=Kind.CATALOGUE, visibility=Visibility.RESELLER)
@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueUpdated:
    """The catalogue of a market was imported anew."""

    country: str
    products: int
    digest: str


@event("csp.pricing.price-list-row-changed.v1", stream=Kind.PRICE_LIST, visibility=Visibility.RESELLER)
@dataclass(frozen=True, slots=True, kw_only=True)
class PriceListRowChanged:
    """A row of a list from a UTC day on; `unit_price_micro` is null where the row ends.

    `ledger`: `sell` or `cost`; `customer_id` is null in the global list.
    """

    price_list_id: str
    row_id: str
    row_version: int
    ledger: str
    product: str
    term: str
    charge_cycle: str
    segment: str
    currency: str
    valid_from: date
    unit_price_micro: int | None
    customer_id: str | None = None
    valid_until: date | None = None


@event("csp.pricing.subscription-price-locked.v1", stream=Kind.SUBSCRIPTION_PRICE)
@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionPriceLocked:
    """The sales price of a subscription from a UTC day on (R5.2). `price_ref` names list, row and version (R5.5)."""

    subscription_id: str
    tenant_id: str
    currency: str
    unit_price_micro: int
    price_ref: str
    from_on: date
    product: str
    product_title: str
    charge_cycle: str
    promotion_percent: str | None = None


@event(
    "csp.pricing.subscription-cost-locked.v1",
    stream=Kind.SUBSCRIPTION_PRICE,
    visibility=Visibility.RESELLER,
)
@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionCostLocked:
    """What Microsoft charges the reseller for a subscription from a UTC day on; ledger `cost`."""

    subscription_id: str
    tenant_id: str
    currency: str
    unit_price_micro: int
    price_ref: str
    from_on: date
    product: str
    product_title: str
    charge_cycle: str
    promotion_percent: str | None = None


@event("csp.pricing.subscription-price-edited.v1", stream=Kind.SUBSCRIPTION_PRICE)
@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionPriceEdited:
    """The sales price of past or future service days `[from_on, until_on)` was set anew (R5.4)."""

    subscription_id: str
    tenant_id: str
    currency: str
    unit_price_micro: int
    price_ref: str
    from_on: date
    until_on: date | None = None
