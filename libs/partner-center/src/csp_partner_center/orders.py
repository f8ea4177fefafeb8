"""Orders: what was bought, and how legacy add-ons are (PC 5.3-5.6)."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from csp_partner_center.answers import Answer, RequestIds
from csp_partner_center.calls import Call, etag_header, path
from csp_partner_center.catalogue import BillingCycle
from csp_partner_center.customers import Attributes
from csp_partner_center.paging import Page, everything
from csp_partner_center.reading import Guid, OpenEnum
from csp_partner_center.session import Session
from csp_partner_center.writing import changed, encode


class OrderStatus(OpenEnum):
    """Where an order is."""

    UNKNOWN = "unknown"
    PENDING = "pending"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    SUSPENDED = "suspended"
    PENDING_REVIEW = "pending review"
    PARTIAL_SUCCESS = "partial success"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrderLine:
    """One line of a direct order; `offer_id` is a legacy offer, or `product:sku:availability`."""

    line_item_number: int
    offer_id: str
    quantity: int
    friendly_name: str | None = None
    parent_subscription_id: str | None = None
    term_duration: str | None = None
    partner_id_on_record: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLine:
    """`subscription_id` may come later. `transaction_type` tells what kind of change the order was."""

    line_item_number: int = 0
    offer_id: str | None = None
    subscription_id: Guid | None = None
    parent_subscription_id: Guid | None = None
    friendly_name: str | None = None
    quantity: int | None = None
    term_duration: str | None = None
    transaction_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """`raw` is the whole resource as read, for writing a legacy order back (PC 5.6)."""

    id: str
    alternate_id: str | None = None
    reference_customer_id: Guid | None = None
    billing_cycle: BillingCycle | None = None
    currency_code: str | None = None
    line_items: list[OrderLine] = field(default_factory=list)
    creation_date: datetime | None = None
    status: OrderStatus | None = None
    transaction_type: str | None = None
    total_price: Decimal | None = None
    attributes: Attributes = field(default_factory=Attributes)
    raw: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineProvisioning:
    """Whether what an order line bought is there."""

    line_item_number: int = 0
    status: str | None = None


class Orders:
    """App-only."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def create(
        self, customer_id: str, lines: list[NewOrderLine], billing_cycle: str, ids: RequestIds
    ) -> Answer[Order]:
        """A direct order; prefer the cart. Never repeated after an unknown outcome: list orders first (PC 2.7)."""
        return await self._session.ask(
            Order,
            Call(
                operation="customers.orders.create",
                method="POST",
                path=path("customers", customer_id, "orders"),
                body=encode(
                    {
                        "referenceCustomerId": customer_id,
                        "billingCycle": BillingCycle(billing_cycle),
                        "lineItems": lines,
                        "attributes": {"objectType": "Order"},
                    }
                ),
            ),
            ids,
        )

    async def get(self, customer_id: str, order_id: str, *, include_price: bool = False) -> Answer[Order]:
        """At once after buying, unlike the list. Raises `NotFound` (20000)."""
        return await self._session.ask(
            Order,
            Call(
                operation="customers.orders.get",
                method="GET",
                path=path("customers", customer_id, "orders", order_id),
                query=(("include_price", "true"),) if include_price else (),
            ),
        )

    async def of_customer(self, customer_id: str, billing_type: str | None = None) -> Page[Order]:
        """All orders; a new one may take 15 minutes to appear (PC 5.4)."""
        return await everything(
            self._session,
            Order,
            Call(
                operation="customers.orders.list",
                method="GET",
                path=path("customers", customer_id, "orders"),
                query=(("billingType", billing_type),) if billing_type else (),
            ),
        )

    async def provisioning(self, customer_id: str, order_id: str) -> list[LineProvisioning]:
        """Line by line."""
        call = Call(
            operation="customers.orders.provisioningstatus.get",
            method="GET",
            path=path("customers", customer_id, "orders", order_id, "provisioningstatus"),
        )
        return (await everything(self._session, LineProvisioning, call)).items

    def adding(self, customer_id: str, current: Order, addon: NewOrderLine) -> Call:
        """The call that buys a legacy add-on: one line with the base subscription as parent (PC 5.6)."""
        whole = {
            "id": current.id,
            "referenceCustomerId": customer_id,
            "billingCycle": current.billing_cycle or BillingCycle.MONTHLY,
            "lineItems": [addon],
            **(
                {"attributes": {"etag": current.attributes.etag, "objectType": "Order"}}
                if current.attributes.etag
                else {}
            ),
        }
        return self._patch(customer_id, current, encode(whole))

    def changing_cycle(self, customer_id: str, current: Order, billing_cycle: str) -> Call:
        """The call that changes the billing cycle of every subscription in the order (PC 5.6): term and price start anew."""
        return self._patch(
            customer_id, current, encode(changed(current.raw, {"billingCycle": BillingCycle(billing_cycle)}))
        )

    async def send(self, call: Call, ids: RequestIds) -> Answer[Order]:
        """Carry out a prepared change. Raises `Changed` for a stale order."""
        return await self._session.ask(Order, call, ids)

    def _patch(self, customer_id: str, current: Order, body: bytes) -> Call:
        return Call(
            operation="customers.orders.update",
            method="PATCH",
            path=path("customers", customer_id, "orders", current.id),
            body=body,
            headers=etag_header(current.attributes.etag),
        )
