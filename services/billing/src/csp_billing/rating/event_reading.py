"""One entry of the timeline: which event it is, and which fields it needs."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar, get_args

from csp_billing.domain import facts as f
from csp_billing.rating.faults import Reader, shown
from csp_commerce_rules.charge_cycles import Frequency, Term
from csp_commerce_rules.seat_lots import RuleSet

_FREQUENCIES: tuple[Frequency, ...] = get_args(Frequency)
_TERMS: tuple[Term, ...] = get_args(Term)
_RULE_SETS: tuple[RuleSet, ...] = get_args(RuleSet)
_BY_SEQ = re.compile(r"seq:\d+", re.ASCII)
"""What an event without an `event_id` is called."""
MOST_SEATS = 10_000_000
"""What Microsoft's price sheets allow at most for one subscription."""

_F = TypeVar("_F", bound=f.Fact)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceChange:
    """A new row of the price lists from the entry's day on; `per` None is the story's own frequency."""

    product: str
    unit_price: int
    per: Frequency | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A checked entry. `facts` are what it tells, by subscription; `refs` name entries by `seq`.

    `starts` is the subscription that begins with it; `needs` a field and the subscription that it must name.
    """

    index: int
    id: str
    seq: int
    name: str
    day: int
    recorded: int
    at: datetime | None
    subscription: str | None
    after_run: int | None
    rule_set: RuleSet | None
    facts: tuple[tuple[str, f.Fact], ...] = ()
    price: PriceChange | None = None
    refs: tuple[int, ...] = ()
    starts: str | None = None
    needs: tuple[str, str] | None = None

    @property
    def path(self) -> str:
        """JSON path of the entry."""
        return f"timeline[{self.index}]"


def read_event(entry: Reader, index: int, digits: int) -> Event | None:
    """Read one entry; faults are noted in the reader and the result is None."""
    before = len(entry.faults)
    name = entry.choice("event", tuple(_TELL))
    seq = entry.whole("seq", at_least=0)
    recorded = entry.day("recorded_on")
    day = entry.day("effective_on")
    given = entry.content.get("event_id")
    if given is not None and (not isinstance(given, str | int) or isinstance(given, bool) or given == ""):
        entry.fault("event_id", f"must be a text, is {shown(given)}")
    elif isinstance(given, str) and _BY_SEQ.fullmatch(given) and given != f"seq:{seq}":
        entry.fault("event_id", f"must not be the name of another event, is {shown(given)}")
    event = Event(
        index=index,
        id=f"seq:{seq}" if given is None else f"{given}",
        seq=seq or 0,
        name=name or "",
        day=day or 1,
        recorded=recorded or 1,
        at=entry.instant("effective_at", day),
        subscription=entry.text("subscription", required=name != "price_changed"),
        after_run=entry.whole("after_run", at_least=0, required=False),
        rule_set=entry.choice("rule_set", _RULE_SETS, required=False),
    )
    if name is not None:
        event = _TELL[name](entry, event, digits)
    return event if len(entry.faults) == before else None


def _fact(kind: type[_F], event: Event, **fields: Any) -> _F:  # the fields of any kind of fact
    return kind(id=event.id, seq=event.seq, day=event.day, recorded=event.recorded, at=event.at, **fields)


def _told(event: Event, fact: f.Fact) -> Event:
    return replace(event, facts=((event.subscription or "", fact),))


def _quantity(entry: Reader, *, required: bool = True) -> int | None:
    quantity = entry.whole("quantity", at_least=1, required=required)
    if quantity is not None and quantity > MOST_SEATS:
        entry.fault("quantity", f"must be {MOST_SEATS} or less, is {quantity}")
    return quantity


def _after(entry: Reader, name: str, event: Event) -> int | None:
    """First day after an inclusive last day."""
    day = entry.day(name, required=False)
    if day is not None and day < event.day:
        entry.fault(name, "must not be before effective_on")
    return None if day is None else day + 1


def _promotion(entry: Reader) -> int:
    value = entry.content.get("promotion_percent")
    if isinstance(value, int | float) and not isinstance(value, bool):  # a number counts as it is written
        entry = Reader({"promotion_percent": str(value)}, entry.path, entry.faults)
    percent = entry.decimal("promotion_percent", 2, at_least=0, required=False) or 0
    if percent > 100_00:
        entry.fault("promotion_percent", f"must be 100 or less, is {shown(value)}")
    return percent


def _purchased(entry: Reader, event: Event, _digits: int) -> Event:
    fact = _fact(
        f.Started,
        event,
        product=entry.text("product") or "",
        quantity=_quantity(entry) or 1,
        promotion=_promotion(entry),
        term_end=_after(entry, "term_end_on", event),
    )
    return replace(_told(event, fact), starts=event.subscription)


def _addon(entry: Reader, event: Event, _digits: int) -> Event:
    base = entry.text("base") or ""
    fact = _fact(
        f.Started,
        event,
        product=entry.text("product") or "",
        quantity=_quantity(entry) or 1,
        promotion=_promotion(entry),
        link=f.Link(kind="addon", subscription=base),
    )
    return replace(_told(event, fact), starts=event.subscription, needs=("base", base))


def _transferred_in(entry: Reader, event: Event, _digits: int) -> Event:
    predecessor = entry.text("predecessor", required=False)
    fact = _fact(
        f.Started,
        event,
        product=entry.text("product") or "",
        quantity=_quantity(entry) or 1,
        transferred=predecessor is None,
        paid_until=_after(entry, "cycle_end_on", event),
        term_end=_after(entry, "term_end_on", event),
        lots=(),
        link=f.Link(kind="transfer", subscription=predecessor) if predecessor else None,
    )
    needs = ("predecessor", predecessor) if predecessor else None
    return replace(_told(event, fact), starts=event.subscription, needs=needs)


def _seats_moved(entry: Reader, event: Event, _digits: int) -> Event:
    quantity, target = _quantity(entry) or 1, entry.text("to_subscription") or ""
    begun = _fact(
        f.Started,
        event,
        product=entry.text("product") or "",
        quantity=quantity,
        converted=True,
        lots=(),
        link=f.Link(kind="moved", subscription=event.subscription or ""),
    )
    left = _fact(f.SeatsMovedOut, event, quantity=quantity)
    return replace(
        _told(event, left), facts=((event.subscription or "", left), (target, begun)), starts=target
    )


def _quantity_changed(entry: Reader, event: Event, _digits: int) -> Event:
    return _told(event, _fact(f.QuantityChanged, event, quantity=_quantity(entry)))


def _quantity_requested(entry: Reader, event: Event, _digits: int) -> Event:
    return _told(event, _fact(f.QuantityRequested, event, quantity=_quantity(entry)))


def _product_changed(entry: Reader, event: Event, _digits: int) -> Event:
    fact = _fact(
        f.ProductChanged,
        event,
        product=entry.text("product") or "",
        quantity=_quantity(entry, required=False),
        frequency=entry.choice("frequency", _FREQUENCIES, required=False),
        anchor=entry.day("anchor", required=False),
        anchor_day=entry.whole("anchor_day", at_least=1, at_most=31, required=False),
        term_end=_after(entry, "term_end_on", event),
        promotion=_promotion(entry),
    )
    return _told(event, fact)


def _suspended(_entry: Reader, event: Event, _digits: int) -> Event:
    return _told(event, _fact(f.Suspended, event))


def _cancelled(_entry: Reader, event: Event, _digits: int) -> Event:
    return _told(event, _fact(f.Cancelled, event))


def _reactivated(entry: Reader, event: Event, _digits: int) -> Event:
    entry.flag("planned")  # a reactivation told beforehand; it counts from its own day like any other
    return _told(event, _fact(f.Reactivated, event, quantity=_quantity(entry, required=False)))


def _anchor_changed(entry: Reader, event: Event, _digits: int) -> Event:
    return _told(
        event, _fact(f.AnchorMoved, event, anchor_day=entry.whole("anchor_day", at_least=1, at_most=31))
    )


def _price_changed(entry: Reader, event: Event, _digits: int) -> Event:
    change = PriceChange(
        product=entry.text("product") or "",
        unit_price=entry.decimal("unit_price", 6, at_least=0) or 0,
        per=entry.choice("per", _FREQUENCIES, required=False),
    )
    return replace(event, price=change)


def _price_edited(entry: Reader, event: Event, _digits: int) -> Event:
    price = entry.decimal("unit_price", 6, at_least=0)
    until = entry.day("until", required=False)
    if until is not None and until <= event.day:
        entry.fault("until", "must be after effective_on")
    return _told(event, _fact(f.PriceEdited, event, unit_price=price, until=until))


def _credit(entry: Reader, event: Event, digits: int) -> Event:
    amount = entry.decimal("amount", digits)
    if amount == 0:
        entry.fault("amount", "must not be zero")
    line_of = entry.day("line_of", required=False)
    return _told(event, _fact(f.Credited, event, amount=abs(amount or 0), line_of=line_of))


def _plan_changed(entry: Reader, event: Event, _digits: int) -> Event:
    fact = _fact(
        f.BillingPlanChanged,
        event,
        frequency=entry.choice("frequency", _FREQUENCIES),
        product=entry.text("product", required=False),
        cycle_end=_after(entry, "cycle_end_on", event),
    )
    return _told(event, fact)


def _scheduled(entry: Reader, event: Event, _digits: int) -> Event:
    entry.choice("at", ("renewal",))
    fact = _fact(
        f.ChangeScheduled,
        event,
        quantity=_quantity(entry, required=False),
        product=entry.text("product", required=False),
        frequency=entry.choice("frequency", _FREQUENCIES, required=False),
        term=entry.choice("term", _TERMS, required=False),
        term_end=_after(entry, "term_end_on", event),
    )
    return _told(event, fact)


def _refs(entry: Reader, *, required: bool) -> tuple[int, ...]:
    value = entry.content.get("refs")
    if value is None:
        if required:
            entry.fault("refs", "is missing, must be the seq of an earlier event")
        return ()
    refs = value if isinstance(value, list) else [value]
    if not refs or not all(isinstance(ref, int) and not isinstance(ref, bool) for ref in refs):
        entry.fault("refs", f"must be seq numbers, is {shown(value)}")
        return ()
    return tuple(refs)


def _withdrawn(entry: Reader, event: Event, _digits: int) -> Event:
    return replace(event, refs=_refs(entry, required=False))


def _time_corrected(entry: Reader, event: Event, _digits: int) -> Event:
    return replace(event, refs=_refs(entry, required=True))


_TELL: Mapping[str, Callable[[Reader, Event, int], Event]] = {
    "subscription_purchased": _purchased,
    "addon_purchased": _addon,
    "quantity_changed": _quantity_changed,
    "quantity_change_requested": _quantity_requested,
    "product_changed": _product_changed,
    "subscription_suspended": _suspended,
    "subscription_cancelled": _cancelled,
    "subscription_reactivated": _reactivated,
    "anchor_changed": _anchor_changed,
    "price_changed": _price_changed,
    "historic_price_edited": _price_edited,
    "manual_credit": _credit,
    "seats_moved": _seats_moved,
    "billing_plan_changed": _plan_changed,
    "change_scheduled": _scheduled,
    "purchase_withdrawn": _withdrawn,
    "suspension_withdrawn": _withdrawn,
    "effective_time_corrected": _time_corrected,
    "subscription_transferred_in": _transferred_in,
}

_OF_ALL = (
    *("seq", "recorded_on", "effective_on", "effective_at", "event", "event_id", "subscription"),
    *("after_run", "rule_set"),
)
_OWN: Mapping[str, tuple[str, ...]] = {
    "subscription_purchased": ("product", "quantity", "promotion_percent", "term_end_on"),
    "addon_purchased": ("product", "quantity", "promotion_percent", "base"),
    "quantity_changed": ("quantity",),
    "quantity_change_requested": ("quantity",),
    "product_changed": (
        *("product", "quantity", "frequency", "anchor", "anchor_day", "term_end_on", "promotion_percent"),
    ),
    "subscription_reactivated": ("quantity", "planned"),
    "anchor_changed": ("anchor_day",),
    "price_changed": ("product", "unit_price", "per"),
    "historic_price_edited": ("unit_price", "until"),
    "manual_credit": ("amount", "line_of"),
    "seats_moved": ("quantity", "to_subscription", "product"),
    "billing_plan_changed": ("product", "frequency", "cycle_end_on"),
    "change_scheduled": ("at", "quantity", "product", "frequency", "term", "term_end_on"),
    "purchase_withdrawn": ("refs",),
    "suspension_withdrawn": ("refs",),
    "effective_time_corrected": ("refs",),
    "subscription_transferred_in": ("product", "quantity", "predecessor", "cycle_end_on", "term_end_on"),
}


def fields_of(name: object) -> tuple[str, ...]:
    """The fields that an event of a name can have; any field that some event has, where the name is unknown."""
    if isinstance(name, str) and name in _TELL:
        return (*_OF_ALL, *_OWN.get(name, ()))
    return (*_OF_ALL, *(field for fields in _OWN.values() for field in fields))
