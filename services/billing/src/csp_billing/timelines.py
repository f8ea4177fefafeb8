"""Contract events as the core's dated facts: one pure translation, the service's counterpart of the timeline file."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

from csp_billing.close_days import CloseDays
from csp_billing.domain import facts as f
from csp_billing.domain.family import Story
from csp_billing.domain.lines import key_of
from csp_billing.domain.overlay import holding
from csp_billing.domain.price_book import PriceBook
from csp_billing.domain.rules import Ledger, Rules, rules_for
from csp_commerce_rules.charge_cycles import Frequency, Term
from csp_commerce_rules.money import minor_digits, parse_decimal
from csp_commerce_rules.prices import PriceChangePolicy, PriceRow
from csp_commerce_rules.seat_lots import RuleSet, SeatLot
from csp_contracts.billing_v1 import ManualAdjustmentGranted
from csp_contracts.envelope import Recorded
from csp_contracts.ids import Kind
from csp_contracts.pricing_v1 import (
    SubscriptionCostLocked,
    SubscriptionPriceEdited,
    SubscriptionPriceLocked,
)
from csp_contracts.subscriptions_v1 import (
    AutoRenewChanged,
    ChangeScheduled,
    EffectiveTimeCorrected,
    QuantityChanged,
    ScheduledChangeDropped,
    SubscriptionCancelled,
    SubscriptionConverted,
    SubscriptionCreated,
    SubscriptionExpired,
    SubscriptionReactivated,
    SubscriptionRenewed,
    SubscriptionSuspended,
)

_OWN_STREAM = f"{Kind.SUBSCRIPTION}_"

FREQUENCIES: dict[str, Frequency] = {"P1M": "P1M", "P1Y": "P1Y", "P3Y": "P3Y"}
TERMS: dict[str, Term] = {"P1M": "P1M", "P1Y": "P1Y", "P3Y": "P3Y"}
POLICIES: dict[str | None, PriceChangePolicy] = {
    "at_next_cycle": "at_next_cycle",
    "immediate_prorated": "immediate_prorated",
}
"""Of a lock: when it takes effect inside a term. Without one, at the purchase or renewal that it was made for (R5.2)."""
RULE_SETS: dict[str, RuleSet] = {
    "nce": "nce",
    "legacy_aligned": "legacy_aligned",
    "legacy_anniversary": "legacy_anniversary",
    "flex": "flex",
}


# A rank is an integer of microseconds, the stream's bit, and the version: room for two thousand million versions.
_VERSIONS = 1 << 31
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """When and as how many-th a fact became known: by (recorded_at, stream, version), never by arrival (R9.1)."""

    event: Recorded[Any]
    seq: int


def rank(event: Recorded[Any]) -> Ranked:
    """The event with its place among all events of its subscription.

    The place is an absolute number that needs no other event, so that a fold that goes on from a checkpoint ranks as
    the fold from the first event does. A subscription has two streams, its own and that of its prices (`spr_`).
    """
    moment = (event.meta.recorded_at - _EPOCH) // _MICROSECOND
    own = event.stream.startswith(_OWN_STREAM)
    return Ranked(event=event, seq=(moment * 2 + own) * _VERSIONS + event.version)


def ranked(events: Sequence[Recorded[Any]]) -> list[Ranked]:
    """The events of one subscription, from all its streams, in the order in which they became known."""
    return sorted((rank(event) for event in events), key=lambda each: each.seq)


def story_of(
    subscription_id: str, known: Sequence[Ranked], ledger: Ledger, *, close_days: CloseDays
) -> Story | None:
    """What bills a subscription in a ledger, from all that is known of it in order; None while its start is not known."""
    created = next((each.event for each in known if isinstance(each.event.data, SubscriptionCreated)), None)
    if created is None:
        return None
    data: SubscriptionCreated = created.data
    facts = [fact for each in known if (fact := fact_of(each, ledger)) is not None]
    rows = [row for each in known if (row := price_row(each, ledger)) is not None]
    rules = rules_of(
        data.rule_set,
        data.charge_cycle,
        data.term,
        data.currency,
        ledger,
        auto_renew=data.auto_renew,
        billing_from=data.billing_from,
        close_day=close_days.on(created.meta.effective_at.date()),
    )
    return Story(subscription_id, tuple(holding(facts)), rules, PriceBook(rows))


@lru_cache(maxsize=4096)
def rules_of(
    rule_set: str,
    charge_cycle: str,
    term: str,
    currency: str,
    ledger: Ledger,
    *,
    auto_renew: bool,
    billing_from: date | None,
    close_day: int,
) -> Rules:
    """Under which rules a subscription is billed in a ledger, by what its first event says."""
    rules = RULE_SETS[rule_set]
    return rules_for(
        rules,
        frequency=FREQUENCIES[charge_cycle],
        term=TERMS[term],
        digits=minor_digits(currency),
        anchor_day=close_day if rules == "legacy_aligned" else None,
        microsoft_rounding=ledger == "cost" and rules == "nce",
        auto_renew=auto_renew,
        billing_from=None if billing_from is None else billing_from.toordinal(),
    )


def fact_of(ranked_event: Ranked, ledger: Ledger) -> f.Fact | None:
    """The core's fact behind an event; None for what never makes a line (section 12) and for prices."""
    event, seq = ranked_event.event, ranked_event.seq
    common: dict[str, Any] = {
        "id": event.event_id,
        "seq": seq,
        "day": event.meta.effective_at.date().toordinal(),
        "recorded": event.meta.recorded_at.date().toordinal(),
        "at": event.meta.effective_at,
    }
    match event.data:
        case SubscriptionCreated() as data:
            return _started(data, common)
        case QuantityChanged() as data:
            return f.QuantityChanged(**common, quantity=data.quantity)
        case SubscriptionSuspended():
            return f.Suspended(**common)
        case SubscriptionReactivated() as data:
            return f.Reactivated(**common, quantity=data.quantity)
        case SubscriptionCancelled():
            return f.Cancelled(**common)
        case SubscriptionExpired():
            return f.Expired(**common)
        case SubscriptionRenewed() as data:
            return f.Renewed(
                **common,
                product=data.product,
                quantity=data.quantity,
                frequency=FREQUENCIES[data.charge_cycle],
                term=TERMS[data.term],
                term_end=data.commitment_ends_on.toordinal() + 1,
            )
        case SubscriptionConverted() as data:
            return f.ProductChanged(
                **common,
                product=data.product,
                quantity=data.quantity,
                frequency=FREQUENCIES[data.charge_cycle],
            )
        case AutoRenewChanged() as data:
            return f.AutoRenewSet(**common, auto_renew=data.end_of_term == "renew")
        case ChangeScheduled() as data:
            return _scheduled(data, common)
        case ScheduledChangeDropped():
            return f.ScheduleDropped(**common)
        case EffectiveTimeCorrected() as data:
            return f.TimeCorrected(**common, ref=f"{event.stream}:{data.corrected_version}")
        case ManualAdjustmentGranted() as data if ledger == "sell":
            return f.Credited(
                **common,
                amount=-data.amount_minor,
                line_of=None if data.line_from_on is None else data.line_from_on.toordinal(),
                line_open=data.line_open_minor,
                line=None if data.line_key is None else key_of(data.line_key),
                text=data.text,
            )
        case SubscriptionPriceLocked() as data if ledger == "sell" and data.policy in POLICIES:
            return f.PriceListed(**common | {"day": data.from_on.toordinal()}, policy=POLICIES[data.policy])
        case SubscriptionPriceEdited() as data if ledger == "sell":
            common["day"] = data.from_on.toordinal()
            return f.PriceEdited(
                **common,
                unit_price=data.unit_price_micro,
                until=None if data.until_on is None else data.until_on.toordinal(),
            )
        case _:
            return None


def _started(data: SubscriptionCreated, common: dict[str, Any]) -> f.Started:
    link: f.Link | None = None
    if data.base_subscription_id is not None:
        link = f.Link(kind="addon", subscription=data.base_subscription_id)
    elif data.predecessor_id is not None:
        link = f.Link(kind="transfer", subscription=data.predecessor_id)
    lots = tuple(SeatLot(lot.quantity, lot.refundable_until) for lot in data.seat_lots)
    # R9.10: from another partner the days paid there are carried, the term stays, and no new window opens.
    transferred = data.paid_until is not None and link is None
    ends_on = data.commitment_ends_on if transferred else None
    return f.Started(
        **common,
        product=data.product,
        quantity=data.quantity,
        promotion=0 if data.promotion_percent is None else parse_decimal(data.promotion_percent, 2),
        transferred=transferred,
        paid_until=None if data.paid_until is None else data.paid_until.toordinal(),
        term_end=None if ends_on is None else ends_on.toordinal() + 1,
        link=link,
        lots=lots if transferred else lots or None,
    )


def _scheduled(data: ChangeScheduled, common: dict[str, Any]) -> f.ChangeScheduled:
    return f.ChangeScheduled(
        **common,
        quantity=data.quantity,
        product=data.product,
        frequency=None if data.charge_cycle is None else FREQUENCIES[data.charge_cycle],
        term=None if data.term is None else TERMS[data.term],
        term_end=None if data.commitment_ends_on is None else data.commitment_ends_on.toordinal() + 1,
    )


def price_row(ranked_event: Ranked, ledger: Ledger) -> PriceRow | None:
    """The lock of a ledger as a row of the subscription's price book; billing multiplies, it never resolves a list."""
    data = ranked_event.event.data
    wanted = SubscriptionPriceLocked if ledger == "sell" else SubscriptionCostLocked
    if not isinstance(data, wanted):
        return None
    return PriceRow(
        product=data.product,
        unit_price=data.unit_price_micro,
        scope="customer",
        frequency=data.charge_cycle,
        valid_from=data.from_on.toordinal(),
        ref=data.price_ref,
        seq=ranked_event.seq,
    )
