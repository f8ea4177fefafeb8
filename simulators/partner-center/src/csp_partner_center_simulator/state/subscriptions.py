"""Subscriptions of both commerces, with their seat lots (PC 6)."""

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

import msgspec

from csp_partner_center_simulator.state.orders import Commerce
from csp_partner_center_simulator.state.table import Row

Status = Literal["active", "pending", "suspended", "expired", "disabled", "deleted"]


class Lot(msgspec.Struct, frozen=True, kw_only=True):
    """Seats that came together and may leave again until `until` (PC 6.3, refundableQuantity)."""

    quantity: int
    added_at: datetime
    until: datetime


class ProductChoice(msgspec.Struct, frozen=True, kw_only=True):
    """A catalogue item with term and billing cycle."""

    product_id: str
    sku_id: str
    availability_id: str
    billing_cycle: str
    term: str
    promotion_id: str = ""


class NextTerm(msgspec.Struct, frozen=True, kw_only=True):
    """What shall be different from the next term on (PC 6.5)."""

    product: ProductChoice
    quantity: int
    custom_term_end_date: datetime | None = None


class NextCharge(msgspec.Struct, frozen=True, kw_only=True):
    """A change of the billing frequency from the next charge cycle on (PC 6.3)."""

    product: ProductChoice
    quantity: int


class OpenCharge(msgspec.Struct, frozen=True, kw_only=True):
    """What a legacy subscription has paid for and may get back: a period and its amount."""

    start: date
    end: date
    quantity: int
    amount: Decimal


class Subscription(Row, frozen=True, kw_only=True):
    """A subscription. `term_end` and `cycle_end` are the last days (inclusive, UTC); `unit_price` is per seat
    and charge cycle in `currency`, the partner's purchase price locked for the term. `segments` are the
    quantities of a legacy subscription since the open charge began, each with its first day.
    """

    customer_id: str
    partner_id: str
    commerce: Commerce
    offer_id: str
    offer_name: str
    friendly_name: str
    quantity: int
    order_id: str
    created_at: datetime
    term_start: datetime
    term_end: date
    billing_cycle: str
    term: str
    anchor: date
    cycle_start: date
    cycle_end: date
    unit_price: Decimal
    currency: str
    directory_sku_id: str
    list_price: Decimal = Decimal(0)
    segments: tuple[tuple[date, int], ...] = ()
    open_charge: "OpenCharge | None" = None
    product_id: str = ""
    sku_id: str = ""
    availability_id: str = ""
    status: Status = "active"
    suspension_reasons: tuple[str, ...] = ()
    auto_renew: bool = True
    unit_type: str = "Licenses"
    parent_id: str = ""
    promotion_id: str = ""
    discount: Decimal = Decimal(0)
    renewal_term: str = ""
    is_trial: bool = False
    is_addon: bool = False
    reseller_mpn: str = ""
    lots: tuple[Lot, ...] = ()
    cancel_until: datetime | None = None
    cycle_number: int = 0
    first_cycle_partial: bool = False
    next_term: NextTerm | None = None
    next_charge: NextCharge | None = None
    custom_term_end_date: datetime | None = None
    migrated_from: str = ""
    suspended_at: datetime | None = None
    ended_at: datetime | None = None
    version: int = 1
    updates: int = 0
    busy_until: datetime | None = None
    renewing: bool = False

    @property
    def catalog_item_id(self) -> str:
        """`product:sku:availability` of a New Commerce subscription, the offer id of a legacy one."""
        return self.offer_id


class Shadow(Row, frozen=True, kw_only=True):
    """The old value of a subscription that reads still show until `until` (PC 14.3)."""

    before: Subscription
    until: datetime
