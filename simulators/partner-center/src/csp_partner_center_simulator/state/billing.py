"""Charges, invoices and exports (PC 10)."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from csp_partner_center_simulator.state.orders import Commerce
from csp_partner_center_simulator.state.table import Row


class Charge(Row, frozen=True, kw_only=True):
    """One line of a future or past invoice. Periods are inclusive; amounts in the partner's currency, with
    `unit_price` the price of a full charge cycle and `effective_unit_price` the prorated one.
    """

    partner_id: str
    customer_id: str
    subscription_id: str
    commerce: Commerce
    order_id: str
    at: datetime
    charge_type: str
    period_start: date
    period_end: date
    unit_price: Decimal
    effective_unit_price: Decimal
    quantity: int
    amount: Decimal
    tax: Decimal
    currency: str
    reference_id: str
    product_id: str
    sku_id: str
    availability_id: str
    product_name: str
    sku_name: str
    term_text: str
    billing_frequency: str
    promotion_id: str = ""
    qualifiers: tuple[str, ...] = ()
    subscription_start: date
    subscription_end: date
    subscription_name: str = ""
    number: int = 0
    invoice_id: str = ""
    visible_at: datetime
    reseller_mpn: str = ""
    offer_id: str = ""


class Invoice(Row, frozen=True, kw_only=True):
    """An invoice; ids start with D (legacy) or G (NCE). `amends` names the one it replaces."""

    partner_id: str
    kind: Literal["Recurring", "OneTime"]
    at: datetime
    period_start: date
    period_end: date
    total: Decimal
    currency: str
    document_type: str = "invoice"
    amends: str = ""
    paid: Decimal = Decimal(0)
    version: int = 1


class Export(Row, frozen=True, kw_only=True):
    """A Graph billing export: the operation and, when it has succeeded, its manifest (PC 10.9)."""

    partner_id: str
    created_at: datetime
    changed_at: datetime
    status: str
    request: dict[str, Any]
    manifest_id: str = ""
    failure: str = ""
    sas_token: str = ""
