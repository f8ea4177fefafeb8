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
    preview: bool = False
    formula: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceListRow:
    """A version of a row; a `preview` row is shown, not charged. `formula` says how a margin rule came to the price."""

    row_id: str
    row_version: int
    product: str
    term: str
    charge_cycle: str
    segment: str
    currency: str
    valid_from: date
    unit_price_micro: int
    valid_until: date | None = None
    preview: bool = False
    formula: str | None = None


@event("csp.pricing.price-list-rows-changed.v1", stream=Kind.PRICE_LIST, visibility=Visibility.RESELLER)
@dataclass(frozen=True, slots=True, kw_only=True)
class PriceListRowsChanged:
    """Rows of a sales list changed together, by an import or by margin rules: part `part` of `parts` of one command.

    `source`: `import` or `margin_rules`.
    """

    price_list_id: str
    source: str
    part: int
    parts: int
    rows: list[PriceListRow]
    customer_id: str | None = None


@event("csp.pricing.price-sheet-imported.v1", stream=Kind.PRICE_LIST, visibility=Visibility.RESELLER)
@dataclass(frozen=True, slots=True, kw_only=True)
class PriceSheetImported:
    """Costs were taken from a price sheet of Microsoft's: `rows` new or changed ones of a market; `digest` is the file's SHA-256."""

    price_list_id: str
    market: str
    currencies: list[str]
    rows: int
    digest: str


@event("csp.pricing.subscription-price-locked.v1", stream=Kind.SUBSCRIPTION_PRICE)
@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionPriceLocked:
    """The sales price of a subscription from a UTC day on (R5.2). `price_ref` names list, row and version (R5.5).

    `policy` null: made for a purchase, renewal or conversion of that day. Else the price changes inside a term (R5.3):
    `at_next_cycle` from the first charge cycle that starts on or after the day, `immediate_prorated` from the day itself.
    `at_takeover`: of the day from which an imported subscription is billed (R9.7); the last one takes the place of those before.
    """

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
    policy: str | None = None
    at_takeover: bool = False


@event(
    "csp.pricing.subscription-cost-locked.v1",
    stream=Kind.SUBSCRIPTION_PRICE,
    visibility=Visibility.RESELLER,
)
@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionCostLocked:
    """What Microsoft charges the reseller for a subscription from a UTC day on; ledger `cost`. `at_takeover` as of the price."""

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
    at_takeover: bool = False


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
