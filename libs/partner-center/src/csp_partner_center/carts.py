"""Carts: the way to buy (PC 5.1, 5.2)."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from csp_partner_center.answers import Answer, RequestIds
from csp_partner_center.calls import Call, path
from csp_partner_center.catalogue import BillingCycle
from csp_partner_center.orders import Order
from csp_partner_center.reading import Guid
from csp_partner_center.session import Session
from csp_partner_center.writing import encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """A reseller named on the purchase: `transaction_reseller` or `additional_transaction_reseller`."""

    key: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLine:
    """One wish. `catalog_item_id` is `product:sku:availability`, or the GUID of a legacy offer; `quantity` in seats.

    `term_duration` is left out for legacy offers, `custom_term_end_date` holds for the first term only (PC 6.7).
    """

    id: int
    catalog_item_id: str
    quantity: int
    billing_cycle: str
    term_duration: str | None = None
    friendly_name: str | None = None
    custom_term_end_date: datetime | None = None
    promotion_id: str | None = None
    participants: list[Participant] | None = None
    provisioning_context: dict[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePricing:
    """Before tax, per seat and charge cycle; `extended_price` is for all seats and the whole term (PC 5.1)."""

    list_price: Decimal | None = None
    discounted_price: Decimal | None = None
    prorated_price: Decimal | None = None
    price: Decimal | None = None
    extended_price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineError:
    """A cart with bad lines is created all the same: each tells its own error."""

    error_code: str | None = None
    error_description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CartLine:
    """A line as Microsoft understood it. Lines of one order group become one order."""

    id: int
    catalog_item_id: str
    quantity: int
    friendly_name: str | None = None
    currency_code: str | None = None
    billing_cycle: BillingCycle | None = None
    term_duration: str | None = None
    order_group: str | None = None
    promotion_id: str | None = None
    pricing: LinePricing | None = None
    error: LineError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cart:
    """Good for seven days."""

    id: Guid
    status: str | None = None
    expiration_timestamp: datetime | None = None
    line_items: list[CartLine] = field(default_factory=list)

    @property
    def bad_lines(self) -> list[CartLine]:
        """Lines that will not become an order."""
        return [line for line in self.line_items if line.error is not None and line.error.error_code]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderError:
    """An order group that failed."""

    order_group_id: str | None = None
    code: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutResult:
    """Partial success is normal: some orders, some errors. Subscription ids may come later, on the order."""

    orders: list[Order] = field(default_factory=list)
    order_errors: list[OrderError] = field(default_factory=list)


class Carts:
    """App-only."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def create(self, customer_id: str, lines: list[NewLine], ids: RequestIds) -> Answer[Cart]:
        """A cart buys nothing by itself, so it is repeated freely. Read each line's `error`."""
        return await self._session.ask(
            Cart,
            Call(
                operation="customers.carts.create",
                method="POST",
                path=path("customers", customer_id, "carts"),
                body=encode({"lineItems": lines}),
                is_repeatable=True,
            ),
            ids,
        )

    async def get(self, customer_id: str, cart_id: str) -> Answer[Cart]:
        """Raises `NotFound` (800008) for one that expired."""
        return await self._session.ask(
            Cart,
            Call(
                operation="customers.carts.get",
                method="GET",
                path=path("customers", customer_id, "carts", cart_id),
            ),
        )

    async def replace(
        self, customer_id: str, cart_id: str, lines: list[NewLine], ids: RequestIds
    ) -> Answer[Cart]:
        """Other lines in the same cart."""
        return await self._session.ask(
            Cart,
            Call(
                operation="customers.carts.update",
                method="PUT",
                path=path("customers", customer_id, "carts", cart_id),
                body=encode({"id": cart_id, "lineItems": lines}),
                is_repeatable=True,
            ),
            ids,
        )

    async def checkout(self, customer_id: str, cart_id: str, ids: RequestIds) -> Answer[CheckoutResult]:
        """Buy. Idempotent by cart (PC 5.2), but money: after an unknown outcome the caller decides.

        Raises `AgreementMissing`, `Changed` for a stale availability, `NotFound` for an expired cart, `OutcomeUnknown`.
        """
        return await self._session.ask(
            CheckoutResult,
            Call(
                operation="customers.carts.checkout",
                method="POST",
                path=path("customers", customer_id, "carts", cart_id, "checkout"),
            ),
            ids,
        )
