"""A subscription: its state, how events change it, and what its gates say to a command."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, assert_never

from csp_commerce_rules import seat_lots as rules
from csp_contracts.envelope import Recorded
from csp_contracts.subscriptions_v1 import (
    AutoRenewChanged,
    BillingStartChanged,
    ChangeScheduled,
    EffectiveTimeCorrected,
    QuantityChanged,
    ScheduledChangeDropped,
    SeatLot,
    SubscriptionCancelled,
    SubscriptionConverted,
    SubscriptionCreated,
    SubscriptionExpired,
    SubscriptionLabelsChanged,
    SubscriptionReactivated,
    SubscriptionRenamed,
    SubscriptionRenewed,
    SubscriptionSuspended,
)
from csp_subscriptions.domain.errors import (
    BillingStartOutOfRange,
    CommitmentLocked,
    NotActive,
    NotImported,
    NotSuspended,
    QuantityOutOfRange,
    WindowClosed,
)

TWO_WINDOWS = timedelta(days=62)
"""The open report window and the next one are never longer (R3.1)."""


class Status(StrEnum):
    """Rulebook 8.9."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """As its facts say. `last_effective_at` is that of the fact that decides the present value."""

    id: str
    reseller_id: str
    tenant_id: str
    customer_id: str | None
    microsoft_subscription_id: str
    commerce: str
    rule_set: str
    product: str
    product_title: str
    term: str
    charge_cycle: str
    quantity: int
    status: Status
    currency: str
    auto_renew: bool
    friendly_name: str | None
    commitment_ends_on: date | None
    began_at: datetime
    ordered_at: datetime
    seat_lots: tuple[rules.SeatLot, ...]
    scheduled_quantity: int | None
    billing_from: date | None
    partition_key: str
    version: int
    last_effective_at: datetime
    last_recorded_at: datetime
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def renews_on(self) -> date | None:
        """The first day of the next term, None where there will be none."""
        if self.commitment_ends_on is None or not self.auto_renew:
            return None
        return self.commitment_ends_on + timedelta(days=1)


def fold(events: Iterable[Recorded[Any]]) -> Subscription | None:
    """The subscription as its stream tells it; None for an empty stream."""
    state: Subscription | None = None
    for event in events:
        state = evolve(state, event)
    return state


def evolve(state: Subscription | None, event: Recorded[Any]) -> Subscription:
    """The subscription after one more event.

    A superseded fact (an old audit record that came late) touches history and billing, never the present state.
    """
    if isinstance(event.data, SubscriptionCreated):
        return _created(event, event.data)
    if state is None:
        raise ValueError(f"{event.stream} does not begin with SubscriptionCreated")
    state = replace(state, version=event.version, last_recorded_at=event.meta.recorded_at)
    if event.meta.superseded or isinstance(event.data, EffectiveTimeCorrected):
        return state
    if isinstance(
        event.data, BillingStartChanged
    ):  # says nothing of what is true at Microsoft, nor since when
        return replace(state, billing_from=event.data.billing_from)
    if isinstance(event.data, SubscriptionLabelsChanged):  # nor does this
        return replace(state, labels=dict(event.data.labels))
    changed = _changed(state, event.data, event.meta.effective_at)
    return replace(changed, last_effective_at=max(state.last_effective_at, event.meta.effective_at))


def _created(event: Recorded[Any], data: SubscriptionCreated) -> Subscription:
    return Subscription(
        id=data.subscription_id,
        reseller_id=event.meta.reseller,
        tenant_id=data.tenant_id,
        customer_id=data.customer_id,
        microsoft_subscription_id=data.microsoft_subscription_id,
        commerce=data.commerce,
        rule_set=data.rule_set,
        product=data.product,
        product_title=data.product_title,
        term=data.term,
        charge_cycle=data.charge_cycle,
        quantity=data.quantity,
        status=Status(data.status),
        currency=data.currency,
        auto_renew=data.auto_renew,
        friendly_name=data.friendly_name,
        commitment_ends_on=data.commitment_ends_on,
        began_at=event.meta.effective_at,
        ordered_at=event.meta.effective_at,
        seat_lots=lots_from(data.seat_lots),
        scheduled_quantity=None,
        billing_from=data.billing_from,
        partition_key=event.meta.partition_key,
        version=event.version,
        last_effective_at=event.meta.effective_at,
        last_recorded_at=event.meta.recorded_at,
    )


Change = (
    QuantityChanged
    | SubscriptionSuspended
    | SubscriptionReactivated
    | SubscriptionCancelled
    | SubscriptionExpired
    | SubscriptionRenewed
    | SubscriptionConverted
    | AutoRenewChanged
    | ChangeScheduled
    | ScheduledChangeDropped
    | SubscriptionRenamed
)


def _changed(state: Subscription, data: Change, at: datetime) -> Subscription:
    match data:
        case QuantityChanged():
            lots = lots_from(data.seat_lots) or lots_after(state, data.quantity, at)
            # Any immediate change drops what was scheduled (rulebook 8.5).
            return replace(state, quantity=data.quantity, seat_lots=lots, scheduled_quantity=None)
        case SubscriptionSuspended():
            if state.rule_set == "nce":
                return replace(state, status=Status.SUSPENDED, scheduled_quantity=None, auto_renew=False)
            return replace(state, status=Status.SUSPENDED)
        case SubscriptionReactivated():
            return replace(state, status=Status.ACTIVE, quantity=data.quantity)
        case SubscriptionCancelled():
            return replace(state, status=Status.CANCELLED, auto_renew=False)
        case SubscriptionExpired():
            return replace(state, status=Status.EXPIRED)
        case SubscriptionRenewed():
            return replace(
                state,
                product=data.product,
                product_title=data.product_title,
                term=data.term,
                charge_cycle=data.charge_cycle,
                quantity=data.quantity,
                commitment_ends_on=data.commitment_ends_on,
                ordered_at=at,
                seat_lots=lots_from(data.seat_lots) or (rules.open_window(data.quantity, at),),
                scheduled_quantity=None,
            )
        case SubscriptionConverted():
            return replace(
                state,
                product=data.product,
                product_title=data.product_title,
                charge_cycle=data.charge_cycle,
                quantity=data.quantity,
                commitment_ends_on=data.commitment_ends_on or state.commitment_ends_on,
            )
        case AutoRenewChanged():
            return replace(state, auto_renew=data.end_of_term == "renew")
        case ChangeScheduled():
            return replace(state, scheduled_quantity=data.quantity)
        case ScheduledChangeDropped():
            return replace(state, scheduled_quantity=None)
        case SubscriptionRenamed():
            return replace(state, friendly_name=data.friendly_name)
        case _:
            assert_never(data)


def check_change_quantity(state: Subscription, quantity: int, at: datetime) -> rules.Permission:
    """Whether seats may become `quantity` now.

    Raises `NotActive`, `QuantityOutOfRange`, or `CommitmentLocked` with the day from which it is allowed (8.1, 8.2).
    """
    if state.status is not Status.ACTIVE:
        raise NotActive(status=str(state.status))
    if quantity < 1:
        raise QuantityOutOfRange(minimum=1)
    answer = rules.may_change_quantity(
        _rule_set(state),
        current=state.quantity,
        wanted=quantity,
        lots=state.seat_lots,
        at=at,
        renews_on=state.renews_on,
    )
    if isinstance(answer, rules.Refusal):
        raise CommitmentLocked(allowed_from=answer.allowed_from, reducible=answer.reducible)
    return answer


def check_suspend(state: Subscription) -> None:
    """Raises `NotActive` unless it is active."""
    if state.status is not Status.ACTIVE:
        raise NotActive(status=str(state.status))


def check_reactivate(state: Subscription) -> None:
    """Raises `NotSuspended` unless it is suspended."""
    if state.status is not Status.SUSPENDED:
        raise NotSuspended(status=str(state.status))


def check_cancel(state: Subscription, at: datetime) -> rules.Permission:
    """Whether it may be cancelled now; raises `NotActive` or `WindowClosed` (8.1, 8.2)."""
    if state.status not in (Status.ACTIVE, Status.SUSPENDED):
        raise NotActive(status=str(state.status))
    answer = rules.may_cancel(_rule_set(state), ordered_at=state.ordered_at, at=at, renews_on=state.renews_on)
    if isinstance(answer, rules.Refusal):
        raise WindowClosed(allowed_from=answer.allowed_from)
    return answer


def check_billing_start(state: Subscription, billing_from: date, today: date) -> None:
    """Whether an imported subscription may be billed from this UTC day on (R9.7).

    Raises `NotImported`, or `BillingStartOutOfRange` for a day before it began, one beyond the next report window, or the
    day from which it is billed already.
    """
    if state.billing_from is None:
        raise NotImported
    began_on, last = state.began_at.date(), today + TWO_WINDOWS
    if billing_from < began_on:
        raise BillingStartOutOfRange("not_before_start", f"must not be before {began_on}, when it began")
    if billing_from > last:
        raise BillingStartOutOfRange("not_beyond_next_window", f"must not be after {last}")
    if billing_from == state.billing_from:
        raise BillingStartOutOfRange("differs", "it is billed from this day on already")


def lots_after(state: Subscription, quantity: int, at: datetime) -> tuple[rules.SeatLot, ...]:
    """Seat lots when the quantity becomes this at an instant: an increase opens one, a decrease takes the newest."""
    if state.rule_set != "nce":
        return ()
    open_now = rules.open_lots(state.seat_lots, at)
    if quantity >= state.quantity:
        added = quantity - state.quantity
        return (*open_now, rules.open_window(added, at)) if added else open_now
    kept, _ = rules.take(open_now, state.quantity - quantity, at)
    return kept


def lots_from(lots: Iterable[SeatLot]) -> tuple[rules.SeatLot, ...]:
    """The contract's lots as the rules know them."""
    return tuple(rules.SeatLot(lot.quantity, lot.refundable_until.astimezone(UTC)) for lot in lots)


def lots_to(lots: Iterable[rules.SeatLot]) -> list[SeatLot]:
    """The rules' lots as the contract knows them."""
    return [SeatLot(quantity=lot.quantity, refundable_until=lot.open_until) for lot in lots]


def _rule_set(state: Subscription) -> rules.RuleSet:
    match state.rule_set:
        case "nce" | "legacy_aligned" | "legacy_anniversary" | "flex" as known:
            return known
        case unknown:
            raise ValueError(f"rule set {unknown!r} is not known")
