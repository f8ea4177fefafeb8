"""Carts and orders (PC 5)."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

import msgspec

from csp_partner_center_simulator.state.table import Row

Commerce = Literal["legacy", "nce"]


class LineError(msgspec.Struct, frozen=True, kw_only=True):
    """Why a cart line cannot be bought (PC 5.1)."""

    code: int
    description: str
    details: dict[str, Any] = {}


class Pricing(msgspec.Struct, frozen=True, kw_only=True):
    """Prices per unit and charge, before tax; `extended_price` covers the whole term (PC 5.1)."""

    list_price: Decimal
    discounted_price: Decimal
    prorated_price: Decimal
    price: Decimal
    extended_price: Decimal


class CartLine(msgspec.Struct, frozen=True, kw_only=True):
    """One wish of a cart. `addons` are legacy add-ons bought together with their base."""

    number: int
    catalog_item_id: str
    quantity: int
    billing_cycle: str
    term: str = ""
    friendly_name: str = ""
    custom_term_end_date: datetime | None = None
    promotion_id: str = ""
    participants: tuple[tuple[str, str], ...] = ()
    provisioning_context: dict[str, Any] | None = None
    renews_to: dict[str, Any] | None = None
    attestation_accepted: bool | None = None
    order_group: str = ""
    currency: str = ""
    pricing: Pricing | None = None
    error: LineError | None = None
    parent_subscription_id: str = ""
    partner_id_on_record: str = ""
    addons: tuple["CartLine", ...] = ()


class OrderError(msgspec.Struct, frozen=True, kw_only=True):
    """An order group of a checkout that failed."""

    group: str
    code: int
    description: str


class Cart(Row, frozen=True, kw_only=True):
    """A cart; after the checkout it remembers the orders it became (checkout is idempotent, PC 2.7)."""

    customer_id: str
    partner_id: str
    user_id: str
    created_at: datetime
    changed_at: datetime
    expires_at: datetime
    lines: tuple[CartLine, ...]
    status: str = "Active"
    order_ids: tuple[tuple[str, str], ...] = ()
    errors: tuple[OrderError, ...] = ()


class OrderLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an order. `known_at`: when its subscription id shows (PC 5.2)."""

    number: int
    offer_id: str
    quantity: int
    friendly_name: str
    subscription_id: str = ""
    known_at: datetime | None = None
    parent_subscription_id: str = ""
    term: str = ""
    transaction_type: str = ""
    partner_id_on_record: str = ""
    additional_partner_ids: tuple[str, ...] = ()
    custom_term_end_date: datetime | None = None
    provisioning_context: dict[str, Any] | None = None
    renews_to: dict[str, Any] | None = None
    pricing: Pricing | None = None


class Order(Row, frozen=True, kw_only=True):
    """An order: legacy ids are GUIDs, NCE ids 12 hex digits. `listed_at`: when lists show it (PC 5.4)."""

    customer_id: str
    partner_id: str
    commerce: Commerce
    billing_cycle: str
    currency: str
    created_at: datetime
    listed_at: datetime
    lines: tuple[OrderLine, ...]
    status: str = "completed"
    transaction_type: str = "UserPurchase"
    version: int = 1
    total_price: Decimal | None = None
