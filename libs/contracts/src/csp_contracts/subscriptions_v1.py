"""Orders and subscriptions. Quantities are seats owned; effective times are in the meta."""

from dataclasses import dataclass, field
from datetime import date

from csp_contracts.envelope import Instant, Visibility
from csp_contracts.ids import Kind
from csp_contracts.registry import event


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedQuote:
    """The price the buyer saw and accepted: of one seat, one full charge cycle, in millionths of the currency unit."""

    quote_id: str
    currency: str
    unit_price_micro: int
    price_ref: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatLot:
    """Seats bought together and the moment until which they can be given back (rulebook 8.2)."""

    quantity: int
    refundable_until: Instant


@event("csp.subscriptions.subscription-created.v1", stream=Kind.SUBSCRIPTION)
@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionCreated:
    """A subscription exists at Microsoft. The meta's `effective_at` is its start.

    `commerce`: `nce` or `legacy`; `rule_set` as in the rulebook. `product` is the item code (NCE `product:sku`, legacy the
    offer's GUID); `term` and `charge_cycle` are `P1M`, `P1Y`, `P3Y`. `commitment_ends_on` is the last UTC day of the
    term. `paid_until` is set for a transfer from another partner (R9.10), `billing_from` by a first synchronisation (R9.7).
    """

    subscription_id: str
    tenant_id: str
    microsoft_subscription_id: str
    commerce: str
    rule_set: str
    product: str
    product_title: str
    term: str
    charge_cycle: str
    quantity: int
    status: str
    currency: str
    segment: str = "commercial"
    customer_id: str | None = None
    order_id: str | None = None
    microsoft_order_id: str | None = None
    friendly_name: str | None = None
    commitment_ends_on: date | None = None
    auto_renew: bool = True
    is_trial: bool = False
    base_subscription_id: str | None = None
    predecessor_id: str | None = None
    paid_until: date | None = None
    billing_from: date | None = None
    promotion_percent: str | None = None
    quote: AcceptedQuote | None = None
    seat_lots: list[SeatLot] = field(default_factory=list)
    directory_sku_id: str | None = None
    external_refs: dict[str, str] = field(default_factory=dict)


@event("csp.subscriptions.quantity-changed.v1", stream=Kind.SUBSCRIPTION)
@dataclass(frozen=True, slots=True, kw_only=True)
class QuantityChanged:
    """Seats owned went from `previous` to `quantity`."""

    subscription_id: str
    tenant_id: str
    previous: int
    quantity: int
    seat_lots: list[SeatLot] = field(default_factory=list)
    quote: AcceptedQuote | None = None


@event("csp.subscriptions.subscription-suspended.v1", stream=Kind.SUBSCRIPTION)
@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionSuspended:
    """Users lose access; legacy stops billing from the effective day, new commerce does not."""

    subscription_id: str
    tenant_id: str
    reasons: list[str] = field(default_factory=list)


@event("csp.subscriptions.subscription-reactivated.v1", stream=Kind.SUBSCRIPTION)
@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionReactivated:
    """A suspended subscription is active again, perhaps with another quantity."""

    subscription_id: str
    tenant_id: str
    quantity: int


@event("csp.subscriptions.subscription-cancelled.v1", stream=Kind.SUBSCRIPTION)
@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionCancelled:
    """Ended before its term; the effective day is the first one that is not charged (R2.4)."""

    subscription_id: str
    tenant_id: str


@event("csp.subscriptions.subscription-expired.v1", stream=Kind.SUBSCRIPTION)
@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionExpired:
    """The term ended without renewal; the effective day is the first one after it."""

    subscription_id: str
    tenant_id: str


@event("csp.subscriptions.subscription-renewed.v1", stream=Kind.SUBSCRIPTION)
@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionRenewed:
    """A new term began on the effective day, with what was scheduled for it."""

    subscription_id: str
    tenant_id: str
    product: str
    product_title: str
    term: str
    charge_cycle: str
    quantity: int
    commitment_ends_on: date
    seat_lots: list[SeatLot] = field(default_factory=list)


@event("csp.subscriptions.subscription-converted.v1", stream=Kind.SUBSCRIPTION)
@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionConverted:
    """The whole subscription moved to another product or billing plan inside its term."""

    subscription_id: str
    tenant_id: str
    from_product: str
    product: str
    product_title: str
    charge_cycle: str
    quantity: int
    commitment_ends_on: date | None = None


@event("csp.subscriptions.auto-renew-changed.v1", stream=Kind.SUBSCRIPTION)
@dataclass(frozen=True, slots=True, kw_only=True)
class AutoRenewChanged:
    """What happens at the end of the term: `renew`, `cancel` or `extend`."""

    subscription_id: str
    tenant_id: str
    end_of_term: str


@event("csp.subscriptions.change-scheduled.v1", stream=Kind.SUBSCRIPTION)
@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeScheduled:
    """Wished for the renewal; absent fields stay as they are."""

    subscription_id: str
    tenant_id: str
    quantity: int | None = None
    product: str | None = None
    term: str | None = None
    charge_cycle: str | None = None
    commitment_ends_on: date | None = None


@event("csp.subscriptions.scheduled-change-dropped.v1", stream=Kind.SUBSCRIPTION)
@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledChangeDropped:
    """The scheduled change is gone: withdrawn by a person, or dropped by Microsoft after an immediate change."""

    subscription_id: str
    tenant_id: str
    because: str


@event("csp.subscriptions.subscription-renamed.v1", stream=Kind.SUBSCRIPTION)
@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionRenamed:
    """The friendly name changed."""

    subscription_id: str
    tenant_id: str
    friendly_name: str


@event("csp.subscriptions.billing-start-changed.v1", stream=Kind.SUBSCRIPTION)
@dataclass(frozen=True, slots=True, kw_only=True)
class BillingStartChanged:
    """An imported subscription is billed from another UTC day on (R9.7), whenever this was said.

    Lines with a posting day before it were billed elsewhere; what was issued for them is given back. The last one said counts.
    """

    subscription_id: str
    tenant_id: str
    billing_from: date


@event(
    "csp.subscriptions.subscription-labels-changed.v1",
    stream=Kind.SUBSCRIPTION,
    visibility=Visibility.RESELLER,
)
@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionLabelsChanged:
    """What the reseller labels a subscription with: all of its labels, by key. Never a person's name."""

    subscription_id: str
    tenant_id: str
    labels: dict[str, str]


@event("csp.subscriptions.effective-time-corrected.v1", stream=Kind.SUBSCRIPTION)
@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveTimeCorrected:
    """An earlier event of this stream, named by its version, was true at another time: the meta's `effective_at` (R9.8)."""

    subscription_id: str
    tenant_id: str
    corrected_version: int
