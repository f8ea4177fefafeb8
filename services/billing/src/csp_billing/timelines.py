"""Contract events as the core's dated facts: one pure translation, the service's counterpart of the timeline file."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from csp_billing.domain import facts as f
from csp_billing.domain.family import Story
from csp_billing.domain.overlay import holding
from csp_billing.domain.price_book import PriceBook
from csp_billing.domain.rules import Ledger, Rules, rules_for
from csp_commerce_rules.charge_cycles import Frequency, Term
from csp_commerce_rules.money import minor_digits, parse_decimal
from csp_commerce_rules.prices import PriceRow
from csp_commerce_rules.seat_lots import RuleSet, SeatLot
from csp_contracts.envelope import Recorded
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

FREQUENCIES: dict[str, Frequency] = {"P1M": "P1M", "P1Y": "P1Y", "P3Y": "P3Y"}
TERMS: dict[str, Term] = {"P1M": "P1M", "P1Y": "P1Y", "P3Y": "P3Y"}
RULE_SETS: dict[str, RuleSet] = {
    "nce": "nce",
    "legacy_aligned": "legacy_aligned",
    "legacy_anniversary": "legacy_anniversary",
    "flex": "flex",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """When and as how many-th a fact became known: the rank by (recorded_at, stream, version), never by arrival (R9.1)."""

    event: Recorded[Any]
    seq: int


def ranked(events: Sequence[Recorded[Any]]) -> list[Ranked]:
    """The events of one subscription, from all its streams, in the order in which they became known."""
    order = sorted(events, key=lambda event: (event.meta.recorded_at, event.stream, event.version))
    return [Ranked(event=event, seq=number) for number, event in enumerate(order, start=1)]


def story_of(
    subscription_id: str, events: Sequence[Recorded[Any]], ledger: Ledger, *, close_day: int | None
) -> Story | None:
    """What bills a subscription in a ledger; None while its start is not known."""
    known = ranked(events)
    created = next((each.event for each in known if isinstance(each.event.data, SubscriptionCreated)), None)
    if created is None:
        return None
    data: SubscriptionCreated = created.data
    facts = [fact for each in known if (fact := fact_of(each, ledger)) is not None]
    rows = [row for each in known if (row := price_row(each, ledger)) is not None]
    rules = _rules(data, ledger, close_day)
    return Story(subscription_id, tuple(holding(facts)), rules, PriceBook(rows))


def _rules(data: SubscriptionCreated, ledger: Ledger, close_day: int | None) -> Rules:
    rule_set = RULE_SETS[data.rule_set]
    return rules_for(
        rule_set,
        frequency=FREQUENCIES[data.charge_cycle],
        term=TERMS[data.term],
        digits=minor_digits(data.currency),
        anchor_day=close_day if rule_set == "legacy_aligned" else None,
        microsoft_rounding=ledger == "cost" and rule_set == "nce",
        auto_renew=data.auto_renew,
        billing_from=None if data.billing_from is None else data.billing_from.toordinal(),
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
    return f.Started(
        **common,
        product=data.product,
        quantity=data.quantity,
        promotion=0 if data.promotion_percent is None else parse_decimal(data.promotion_percent, 2),
        paid_until=None if data.paid_until is None else data.paid_until.toordinal(),
        link=link,
        lots=tuple(SeatLot(lot.quantity, lot.refundable_until) for lot in data.seat_lots) or None,
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
