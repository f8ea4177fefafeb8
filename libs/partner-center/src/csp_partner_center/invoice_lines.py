"""The lines of Microsoft's invoices, as they come from v1 and from the Graph export (PC 10.3-10.5). Amounts are decimals.

Charge types stay as they came: unknown ones go to a person, not into the bin (PC 10.6). `raw` is the whole line.
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from csp_partner_center.reading import Guid, wire


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyLicenceLine:
    """`syndication_partner_subscription_number` is Partner Center's subscription id, `durable_offer_id` the price list's offer."""

    customer_id: Guid | None = None
    customer_name: str | None = None
    order_id: str | None = None
    subscription_id: str | None = None
    syndication_partner_subscription_number: Guid | None = None
    offer_id: Guid | None = None
    durable_offer_id: Guid | None = None
    offer_name: str | None = None
    domain_name: str | None = None
    billing_cycle_type: str | None = None
    subscription_name: str | None = None
    subscription_start_date: datetime | None = None
    subscription_end_date: datetime | None = None
    charge_start_date: datetime | None = None
    charge_end_date: datetime | None = None
    charge_type: str
    unit_price: Decimal
    quantity: int
    amount: Decimal
    total_other_discount: Decimal | None = None
    subtotal: Decimal | None = None
    tax: Decimal | None = None
    total_for_customer: Decimal | None = None
    currency: str | None = None
    raw: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCommerceLine:
    """`reference_id` ties the lines of one event together; `charge_end_date` is inclusive."""

    customer_id: Guid | None = None
    customer_name: str | None = None
    customer_domain_name: str | None = None
    customer_country: str | None = None
    invoice_number: str | None = None
    mpn_id: str | None = None
    reseller_mpn_id: str | None = None
    order_id: str | None = None
    order_date: datetime | None = None
    product_id: str | None = None
    sku_id: str | None = None
    availability_id: str | None = None
    sku_name: str | None = None
    product_name: str | None = None
    charge_type: str
    unit_price: Decimal
    effective_unit_price: Decimal | None = None
    quantity: Decimal
    billable_quantity: Decimal | None = None
    subtotal: Decimal
    tax_total: Decimal | None = None
    total: Decimal | None = None
    total_for_customer: Decimal | None = None
    currency: str | None = None
    price_adjustment_description: str | None = None
    publisher_name: str | None = None
    subscription_description: str | None = None
    subscription_id: Guid | None = None
    subscription_start_date: datetime | None = None
    subscription_end_date: datetime | None = None
    charge_start_date: datetime | None = None
    charge_end_date: datetime | None = None
    term_and_billing_cycle: str | None = None
    alternate_id: str | None = None
    billing_frequency: str | None = None
    pricing_currency: str | None = None
    exchange_rate: Decimal | None = field(default=None, metadata=wire("PCToBCExchangeRate"))
    exchange_rate_date: datetime | None = field(default=None, metadata=wire("PCToBCExchangeRateDate"))
    credit_reason_code: str | None = None
    reference_id: str | None = None
    promotion_id: str | None = None
    raw: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def microsoft_tenant_id(self) -> str | None:
        """The customer's tenant; at times it comes with a prefix (PC 16)."""
        return self.customer_id.removeprefix("org:") if self.customer_id else None


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyUsageLine:
    """Legacy Azure usage of a cycle."""

    customer_id: Guid | None = None
    subscription_id: Guid | None = None
    charge_type: str | None = None
    charge_start_date: datetime | None = None
    charge_end_date: datetime | None = None
    service_name: str | None = None
    resource_guid: Guid | None = None
    consumed_quantity: Decimal | None = None
    list_price: Decimal | None = None
    currency: str | None = None
    pretax_charges: Decimal | None = None
    tax_amount: Decimal | None = None
    post_tax_total: Decimal | None = None
    raw: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyRatedUsageLine:
    """Usage of one day."""

    customer_id: Guid | None = None
    invoice_number: str | None = None
    product_id: str | None = None
    sku_id: str | None = None
    subscription_id: Guid | None = None
    usage_date: datetime | None = None
    meter_id: Guid | None = None
    meter_name: str | None = None
    quantity: Decimal | None = None
    unit_price: Decimal | None = None
    effective_unit_price: Decimal | None = None
    billing_pre_tax_total: Decimal | None = None
    billing_currency: str | None = None
    pricing_pre_tax_total: Decimal | None = None
    pricing_currency: str | None = None
    exchange_rate: Decimal | None = field(default=None, metadata=wire("PCToBCExchangeRate"))
    raw: dict[str, Any] = field(default_factory=dict, repr=False)
