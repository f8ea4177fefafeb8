"""Orders and subscriptions."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import Field

from csp_gateway.models.base import Body, CountedListOf, Cycle, Money, Resource, View
from csp_gateway.models.billing_reports import ThoughtLine
from csp_gateway.models.organisations import Customer
from csp_gateway.models.tenants import Tenant


class OrderLine(Body):
    """One wish."""

    product: str = Field(max_length=100)
    quantity: int = Field(ge=1, le=10_000_000)
    term: Cycle
    charge_cycle: Cycle
    quote_id: str | None = None
    friendly_name: str | None = Field(None, max_length=200)


class NewOrder(Body):
    """Several lines are one purchase."""

    tenant_id: str
    lines: list[OrderLine] = Field(min_length=1, max_length=50)


class SeatLot(View):
    """Seats that can be given back until then."""

    quantity: int
    refundable_until: datetime


class Subscription(Resource):
    """A subscription as its customer sees it. `price` is of one seat for one charge cycle."""

    customer_id: str | None
    tenant_id: str
    name: str
    product: str
    product_title: str
    commerce: str
    term: str
    charge_cycle: str
    quantity: int
    consumed: int | None
    consumed_is_shared: bool
    status: str
    end_of_term: str
    renews_on: date | None
    commitment_ends_on: date | None
    seat_lots: list[SeatLot]
    scheduled_quantity: int | None
    price: Money | None
    started_at: datetime


class ResellerSubscription(Subscription):
    """With cost and margin, and from when it is billed where the first synchronisation found it; null: from its start."""

    billing_from: date | None
    cost: Money | None
    margin: Money | None
    labels: dict[str, str] = Field(description="the reseller's own keys and values")


class ChangeQuantity(Body):
    """Seats wanted."""

    quantity: int = Field(ge=1, le=10_000_000)


class EndOfTerm(Body):
    """What happens at the end of the term."""

    end_of_term: Literal["renew", "cancel"]


class ChangeBillingStart(Body):
    """The UTC day from which an imported subscription is billed here."""

    billing_from: date = Field(examples=["2026-02-16"])


class BillingStartChanged(View):
    """From when it is billed now, and from when it was."""

    id: str
    previous: date
    billing_from: date
    version: int


class Preview(View):
    """What a change would do, before anything is done."""

    allowed: bool
    code: str | None
    reason: str | None
    allowed_from: date | None
    allowed_until: datetime | None
    refund: str
    current_quantity: int
    wanted_quantity: int
    current_cycle_amount: Money | None
    new_cycle_amount: Money | None
    lines: list[ThoughtLine]
    approval_needed: bool


class HistoryEntry(View):
    """Who, when, what, before and after, why."""

    version: int
    what: str
    effective_at: datetime
    recorded_at: datetime
    origin: str
    actor: str
    reason: str | None
    ticket: str | None
    details: dict[str, Any]
    superseded: bool


class Tenants(View):
    """Beside a list of subscriptions: the tenants that have them."""

    tenants: list[Tenant]


class TenantsAndOwners(Tenants):
    """With the organisations they belong to."""

    customers: list[Customer]


class Subscriptions(CountedListOf[Subscription]):
    """A page of subscriptions; `included` with `include=tenant`."""

    included: Tenants | None


class ResellerSubscriptions(CountedListOf[ResellerSubscription]):
    """A page of subscriptions; `included` with `include=tenant,customer`."""

    included: TenantsAndOwners | None
