"""Contract events as the core's dated facts: one pure translation, the service's counterpart of the timeline file."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

from csp_billing.domain import facts as f
from csp_billing.domain.family import Story
from csp_billing.domain.lines import key_of
from csp_billing.domain.overlay import holding
from csp_billing.domain.price_book import PriceBook
from csp_billing.domain.rules import Ledger, Rules, rules_for
from csp_billing.settling.close_days import CloseDays
from csp_commerce_rules.charge_cycles import Frequency, Term
from csp_commerce_rules.money import minor_digits, parse_decimal
from csp_commerce_rules.prices import PriceChangePolicy, PriceRow
from csp_commerce_rules.seat_lots import RuleSet, SeatLot
from csp_contracts.billing_v1 import ManualAdjustmentGranted
from csp_contracts.ids import Kind
from csp_contracts.pricing_v1 import (
    SubscriptionCostLocked,
    SubscriptionPriceEdited,
    SubscriptionPriceLocked,
)
from csp_contracts.subscriptions_v1 import (
    AutoRenewChanged,
    BillingStartChanged,
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
_seq = attrgetter("seq")


class Told(NamedTuple):
    """What one event tells billing, with its place among all events of its subscription.

    `seq` ranks by (recorded_at, stream, version), never by arrival (R9.1): an absolute number that needs no other
    event, so that a fold that goes on from a checkpoint ranks as the fold from the first event does. A `fact` moves
    both ledgers unless it is one of `SALES_ONLY`; a `row` is a lock of the price of ledger `prices`. `created` says
    under what the subscription is billed, `billing_from` that it is billed from another day on (R9.7).
    """

    seq: int
    recorded_at: datetime
    fact: f.Fact | None
    row: PriceRow | None = None
    prices: Ledger | None = None
    created: SubscriptionCreated | None = None
    billing_from: date | None = None


SALES_ONLY = (f.PriceEdited, f.PriceListed, f.Credited)
"""Facts that never touch cost (R5.4)."""


def told_by(stream: str, version: int, data: object, effective_at: datetime, recorded_at: datetime) -> Told:
    """What an event tells, once for both ledgers. A subscription has two streams, its own and that of its prices (`spr_`)."""
    moment = (recorded_at - _EPOCH) // _MICROSECOND
    seq = (moment * 2 + stream.startswith(_OWN_STREAM)) * _VERSIONS + version
    if isinstance(data, SubscriptionCostLocked):
        return Told(seq, recorded_at, None, _price_row(data, seq), "cost")
    if isinstance(data, SubscriptionPriceLocked) and data.policy not in POLICIES:
        return Told(seq, recorded_at, None, _price_row(data, seq), "sell")
    if isinstance(data, BillingStartChanged):
        return Told(seq, recorded_at, None, billing_from=data.billing_from)
    common: dict[str, Any] = {
        "id": f"{stream}:{version}",
        "seq": seq,
        "day": effective_at.toordinal(),
        "recorded": recorded_at.toordinal(),
        "at": effective_at,
    }
    if isinstance(data, SubscriptionPriceLocked):  # one that takes effect inside a term is a fact, too
        common["day"] = data.from_on.toordinal()
        fact = f.PriceListed(**common, policy=POLICIES[data.policy])
        return Told(seq, recorded_at, fact, _price_row(data, seq), "sell")
    created = data if isinstance(data, SubscriptionCreated) else None
    return Told(seq, recorded_at, _fact(stream, data, common), created=created)


def story_of(
    subscription_id: str, told: Iterable[Told], ledger: Ledger, *, close_days: CloseDays
) -> Story | None:
    """What bills a subscription in a ledger, from all that is known of it; None while its start is not known."""
    in_order = sorted(told, key=_seq)
    start = next((each for each in in_order if each.created is not None), None)
    if start is None or start.created is None or start.fact is None:
        return None
    created = start.created
    moved = [each.billing_from for each in in_order if each.billing_from is not None]
    rules = rules_of(
        created.rule_set,
        created.charge_cycle,
        created.term,
        created.currency,
        ledger,
        auto_renew=created.auto_renew,
        billing_from=moved[-1] if moved else created.billing_from,
        close_day=close_days.on(date.fromordinal(start.fact.day)),
    )
    facts = holding(facts_of(in_order, ledger))
    return Story(subscription_id, tuple(facts), rules, PriceBook(rows_of(in_order, ledger)))


def facts_of(told: Iterable[Told], ledger: Ledger) -> list[f.Fact]:
    """The facts that move a ledger."""
    if ledger == "sell":
        return [each.fact for each in told if each.fact is not None]
    return [each.fact for each in told if each.fact is not None and not isinstance(each.fact, SALES_ONLY)]


def rows_of(told: Iterable[Told], ledger: Ledger) -> list[PriceRow]:
    """The prices of a ledger; billing multiplies, it never resolves a list."""
    return [each.row for each in told if each.row is not None and each.prices == ledger]


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


def _fact(stream: str, data: object, common: dict[str, Any]) -> f.Fact | None:
    """The core's fact behind an event; None for what never makes a line (section 12)."""
    match data:
        case SubscriptionCreated():
            return _started(data, common)
        case QuantityChanged():
            return f.QuantityChanged(**common, quantity=data.quantity)
        case SubscriptionSuspended():
            return f.Suspended(**common)
        case SubscriptionReactivated():
            return f.Reactivated(**common, quantity=data.quantity)
        case SubscriptionCancelled():
            return f.Cancelled(**common)
        case SubscriptionExpired():
            return f.Expired(**common)
        case SubscriptionRenewed():
            return f.Renewed(
                **common,
                product=data.product,
                quantity=data.quantity,
                frequency=FREQUENCIES[data.charge_cycle],
                term=TERMS[data.term],
                term_end=data.commitment_ends_on.toordinal() + 1,
            )
        case SubscriptionConverted():
            return f.ProductChanged(
                **common,
                product=data.product,
                quantity=data.quantity,
                frequency=FREQUENCIES[data.charge_cycle],
            )
        case AutoRenewChanged():
            return f.AutoRenewSet(**common, auto_renew=data.end_of_term == "renew")
        case ChangeScheduled():
            return _scheduled(data, common)
        case ScheduledChangeDropped():
            return f.ScheduleDropped(**common)
        case EffectiveTimeCorrected():
            return f.TimeCorrected(**common, ref=f"{stream}:{data.corrected_version}")
        case ManualAdjustmentGranted():
            return f.Credited(
                **common,
                amount=-data.amount_minor,
                line_of=None if data.line_from_on is None else data.line_from_on.toordinal(),
                line_open=data.line_open_minor,
                line=None if data.line_key is None else key_of(data.line_key),
                text=data.text,
            )
        case SubscriptionPriceEdited():
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


def _price_row(lock: SubscriptionPriceLocked | SubscriptionCostLocked, seq: int) -> PriceRow:
    return PriceRow(
        product=lock.product,
        unit_price=lock.unit_price_micro,
        scope="customer",
        frequency=lock.charge_cycle,
        valid_from=lock.from_on.toordinal(),
        ref=lock.price_ref,
        seq=seq,
    )
