"""Subscriptions of both kinds of commerce (PC 6). Every change writes the whole resource back as it was read, changed in
place: what is left out is lost, auto-renewal and scheduled changes first of all (PC 6.3)."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from csp_partner_center.answers import Answer, RequestIds, with_value
from csp_partner_center.calls import Access, Call, etag_header, path
from csp_partner_center.catalogue import BillingCycle, ProductType
from csp_partner_center.customers import Attributes
from csp_partner_center.paging import Page, everything, seek
from csp_partner_center.reading import Guid, OpenEnum, fold
from csp_partner_center.session import Session
from csp_partner_center.writing import changed, encode


class SubscriptionStatus(OpenEnum):
    """PC 6.4."""

    NONE = "none"
    ACTIVE = "active"
    PENDING = "pending"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    DISABLED = "disabled"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundOption:
    """What comes back when the whole subscription is cancelled until then."""

    type: str | None = None
    expires_at: datetime | None = None
    expires_after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundableLot:
    """Seats bought together that may still be given back."""

    quantity: int
    allowed_until_date_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundableQuantity:
    """Seats that may still be removed (New Commerce)."""

    total_quantity: int = 0
    details: list[RefundableLot] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class NextProduct:
    """What the next term, or the next charge, is to be."""

    product_id: str | None = None
    sku_id: str | None = None
    availability_id: str | None = None
    billing_cycle: BillingCycle | None = None
    term_duration: str | None = None
    promotion_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Instructions:
    """A change that waits for its day."""

    product: NextProduct | None = None
    quantity: int | None = None
    custom_term_end_date: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Quantities in seats, times in UTC; `commitment_end_date` is the last day of the term. `raw` is the whole resource."""

    id: Guid
    offer_id: str | None = None
    offer_name: str | None = None
    friendly_name: str | None = None
    product_type: ProductType | None = None
    quantity: int = 0
    unit_type: str | None = None
    parent_subscription_id: Guid | None = None
    is_trial: bool = False
    creation_date: datetime | None = None
    effective_start_date: datetime | None = None
    commitment_end_date: datetime | None = None
    commitment_end_date_time: datetime | None = None
    cancellation_allowed_until_date: datetime | None = None
    billing_cycle_end_date: datetime | None = None
    status: SubscriptionStatus = SubscriptionStatus.NONE
    suspension_reasons: list[str] = field(default_factory=list)
    auto_renew_enabled: bool = False
    billing_type: str | None = None
    billing_cycle: BillingCycle | None = None
    term_duration: str | None = None
    renewal_term_duration: str | None = None
    promotion_id: str | None = None
    refund_options: list[RefundOption] = field(default_factory=list)
    refundable_quantity: RefundableQuantity | None = None
    scheduled_next_term_instructions: Instructions | None = None
    next_charge_instructions: Instructions | None = None
    partner_id: str | None = None
    order_id: str | None = None
    migrated_from_subscription_id: Guid | None = None
    attributes: Attributes = field(default_factory=Attributes)
    raw: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def is_new_commerce(self) -> bool:
        """New Commerce ids are `product:sku:availability`, legacy ones GUIDs (PC 6.1)."""
        return ":" in (self.offer_id or "")

    @property
    def product(self) -> str | None:
        """The item code: `product:sku`, or the legacy offer's GUID in lower case."""
        if self.offer_id is None:
            return None
        return ":".join(self.offer_id.split(":")[:2]) if self.is_new_commerce else self.offer_id.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioning:
    """Whether the directory has caught up; refreshed every 15 minutes (PC 6.11)."""

    sku_id: Guid | None = None
    status: str | None = None
    quantity: int | None = None
    end_date: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedEndDate:
    """A day on which a first term may end (PC 6.7)."""

    allowed_custom_term_end_date: datetime | None = None
    allowed_custom_term_end_date_type: str | None = None
    coterm_subscription_ids: list[Guid] = field(default_factory=list)


class Subscriptions:
    """App-only, except provisioning."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get(self, customer_id: str, subscription_id: str) -> Answer[Subscription]:
        """Raises `NotFound` (20003), `RelationshipMissing`."""
        return await self._session.ask(
            Subscription,
            Call(
                operation="customers.subscriptions.get",
                method="GET",
                path=path("customers", customer_id, "subscriptions", subscription_id),
            ),
        )

    async def of_customer(self, customer_id: str, *, order_id: str | None = None) -> Page[Subscription]:
        """All states, both commerces, whole."""
        return await everything(
            self._session,
            Subscription,
            Call(
                operation="customers.subscriptions.list",
                method="GET",
                path=path("customers", customer_id, "subscriptions"),
                query=(("order_id", order_id),) if order_id else (),
            ),
        )

    async def addons(self, customer_id: str, subscription_id: str) -> Page[Subscription]:
        """Of a legacy subscription."""
        return await everything(
            self._session,
            Subscription,
            Call(
                operation="customers.subscriptions.addons.list",
                method="GET",
                path=path("customers", customer_id, "subscriptions", subscription_id, "addons"),
            ),
        )

    async def provisioning(self, customer_id: str, subscription_id: str) -> Answer[Provisioning]:
        """App+user. Poll no faster than every 15 minutes."""
        return await self._session.ask(
            Provisioning,
            Call(
                operation="customers.subscriptions.provisioningstatus.get",
                method="GET",
                path=path("customers", customer_id, "subscriptions", subscription_id, "provisioningstatus"),
                access=Access.APP_USER,
            ),
        )

    def allowed_end_dates(self, customer_id: str, term_duration: str) -> AsyncIterator[Page[AllowedEndDate]]:
        """Where a new subscription's first term may end."""
        return seek(
            self._session,
            AllowedEndDate,
            Call(
                operation="customers.subscriptions.customTermEndDates.list",
                method="GET",
                path=path("customers", customer_id, "subscriptions", "customTermEndDates"),
                query=(("term_duration", term_duration),),
            ),
        )

    async def send(self, call: Call, ids: RequestIds) -> Answer[Subscription | None]:
        """Carry out a change that one of the functions below made. Repeated by itself with the same id and bytes: the
        target is absolute (PC 2.7).

        The value is what the answer shows, None for an empty body; with `is_settled` false, and with published answers that
        merely repeat the request, only a later read confirms it. Raises `Changed` (read again, decide again), `Busy`,
        `WindowClosed`, `Invalid`, `OutcomeUnknown` and the others.
        """
        reply = await self._session.send(call, ids)
        if reply.json is None:
            return with_value(reply.answer, None)
        return with_value(reply.answer, self._session.read(Subscription, call, reply))


def changing_quantity(customer_id: str, current: Subscription, quantity: int) -> Call:
    """Seats owned become `quantity`."""
    return _changing(customer_id, current, {"quantity": quantity})


def suspending(customer_id: str, current: Subscription) -> Call:
    """Users lose access. Legacy stops billing; New Commerce does not, and loses auto-renewal and scheduled changes."""
    return _changing(customer_id, current, {"status": SubscriptionStatus.SUSPENDED})


def reactivating(customer_id: str, current: Subscription) -> Call:
    """Active again; New Commerce stays without auto-renewal until that is set again."""
    return _changing(customer_id, current, {"status": SubscriptionStatus.ACTIVE})


def cancelling(customer_id: str, current: Subscription) -> Call:
    """End it for good inside the window (New Commerce only; raises nothing here, Microsoft refuses with `WindowClosed`)."""
    return _changing(customer_id, current, {"status": SubscriptionStatus.DELETED})


def changing_auto_renew(customer_id: str, current: Subscription, *, enabled: bool) -> Call:
    """What happens at the end of the term; off drops scheduled changes (PC 6.5)."""
    return _changing(customer_id, current, {"autoRenewEnabled": enabled})


def renaming(customer_id: str, current: Subscription, friendly_name: str) -> Call:
    """The nickname."""
    return _changing(customer_id, current, {"friendlyName": friendly_name})


def changing_partner(customer_id: str, current: Subscription, partner_id: str) -> Call:
    """The reseller of record."""
    return _changing(customer_id, current, {"partnerId": partner_id})


def changing_term(
    customer_id: str, current: Subscription, *, billing_cycle: str, term_duration: str | None = None
) -> Call:
    """A longer term at once, or another billing frequency of a three-year term from its next charge (PC 6.3)."""
    changes: dict[str, object] = {"billingCycle": BillingCycle(billing_cycle)}
    if term_duration is not None:
        changes["termDuration"] = term_duration
    return _changing(customer_id, current, changes)


def scheduling(customer_id: str, current: Subscription, instructions: Instructions | None) -> Call:
    """What the next term is to be; None withdraws it. Auto-renewal must be on, therefore is set (PC 6.5)."""
    changes: dict[str, object] = {"scheduledNextTermInstructions": instructions}
    if instructions is not None:
        changes["autoRenewEnabled"] = True
    return _changing(customer_id, current, changes)


def _changing(customer_id: str, current: Subscription, changes: Mapping[str, object]) -> Call:
    if fold("id") not in {fold(name) for name in current.raw}:
        # A resource that was not read as a whole would lose what it does not name.
        raise ValueError("subscription: read it from Microsoft before changing it")
    return Call(
        operation="customers.subscriptions.update",
        method="PATCH",
        path=path("customers", customer_id, "subscriptions", current.id),
        body=encode(changed(current.raw, changes)),
        headers=etag_header(current.attributes.etag),
        is_repeatable=True,
    )
