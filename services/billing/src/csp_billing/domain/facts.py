"""What happened to one subscription, as plain dated facts: the only input of the core besides prices and rules.

Days are UTC ordinals and mark the first day of the new state (R2.3). `seq` is the rank in which facts became known
(R9.1); together with the day it orders them, so the order of arrival never decides an amount.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Literal

from csp_billing.domain.lines import LineKey
from csp_commerce_rules.charge_cycles import Frequency, Grid, Term
from csp_commerce_rules.prices import PriceChangePolicy
from csp_commerce_rules.seat_lots import SeatLot


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One dated fact. `at` is its UTC instant where the hour is known (windows of 8.2)."""

    id: str
    seq: int
    day: int
    recorded: int
    at: datetime | None = None

    @property
    def instant(self) -> datetime:
        """The known instant, else the beginning of the day."""
        return self.at or datetime.combine(date.fromordinal(self.day), time(), UTC)

    @property
    def late(self) -> bool:
        """Recorded after the day on which it became true (D-18)."""
        return self.recorded > self.day


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """Charge cycle and term taken over from another subscription: its base, its source, or its predecessor.

    `paid_from` is the first day of the cycle that is paid for; days before it are free (R2.7).
    """

    grid: Grid
    paid_from: int
    cycle_end: int
    cycle_days: int
    frequency: Frequency
    term_end: int | None
    free: bool = False
    suspended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The other subscription of ours that a new one hangs on; `family` turns it into an alignment."""

    kind: Literal["addon", "moved", "transfer"]
    subscription: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Started(Fact):
    """The subscription begins: bought, bought as an add-on, split off by moved seats, or transferred in.

    `term_end` is the first day after a custom first term (8.6). `transferred` from another partner, the running cycle is
    carried, not charged, up to `paid_until`, the first day not yet paid there (R9.10). `lots` and `window_from` are inherited windows;
    `lots` None opens a new one.
    """

    product: str
    quantity: int
    promotion: int = 0
    term_end: int | None = None
    link: Link | None = None
    alignment: Alignment | None = None
    transferred: bool = False
    paid_until: int | None = None
    converted: bool = False
    lots: tuple[SeatLot, ...] | None = None
    window_from: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantityChanged(Fact):
    """Seats owned are `quantity` from the day on."""

    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantityRequested(Fact):
    """A command, not a fact: the gates of the rule set decide whether the quantity changes (8.1)."""

    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductChanged(Fact):
    """Conversion of the whole subscription (upgrade, trial to paid)."""

    product: str
    quantity: int | None = None
    frequency: Frequency | None = None
    anchor: int | None = None
    anchor_day: int | None = None
    term_end: int | None = None
    promotion: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatsMovedOut(Fact):
    """Part of the seats went to another subscription by conversion."""

    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferredOut(Fact):
    """The subscription goes on as another one of ours; what is paid and unused is given back (R9.10)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspended(Fact):
    """Users lose access. Legacy stops billing, new commerce does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reactivated(Fact):
    """A suspended subscription is active again, perhaps with another quantity."""

    quantity: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled(Fact):
    """Ended; the day is the first one not charged (R2.4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired(Fact):
    """The term ended without renewal; the day is the first one after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed(Fact):
    """A new term began as observed; fields that are None stay as they are."""

    product: str | None = None
    quantity: int | None = None
    frequency: Frequency | None = None
    term: Term | None = None
    term_end: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoRenewSet(Fact):
    """Whether the subscription renews at the end of its term. Never a line of its own (section 12)."""

    auto_renew: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorMoved(Fact):
    """Charge cycles start on another day of the month, from the end of the paid cycle on (D-11)."""

    anchor_day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingPlanChanged(Fact):
    """Another billing frequency inside the term (8.6). `cycle_end` is the first day after the cycle it names."""

    frequency: Frequency
    product: str | None = None
    cycle_end: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeScheduled(Fact):
    """Wished for the renewal; void if an immediate change is recorded later (8.5)."""

    quantity: int | None = None
    product: str | None = None
    frequency: Frequency | None = None
    term: Term | None = None
    term_end: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleDropped(Fact):
    """The scheduled change is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceListed(Fact):
    """The price lists change for this subscription on the day; whether it matters is the policy's affair (R5.3).

    `policy` None: that of the subscription's rules.
    """

    policy: PriceChangePolicy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceEdited(Fact):
    """Sell price of the service days from `day` up to `until` (not included; None = open), in millionths (R5.4)."""

    unit_price: int
    until: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Credited(Fact):
    """A manual credit in minor units; below zero it is a charge. With `line_of`, the first service day of a line, it is a
    credit and capped (R11.5).

    `line_open` is what of that line is still open, given by the caller where the line is older than the checkpoint;
    `line` names it where several begin on that day. `text` says why, to the customer.
    """

    amount: int
    line_of: int | None = None
    line_open: int | None = None
    line: LineKey | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn(Fact):
    """Earlier facts, named by id, never were (R9.6)."""

    refs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeCorrected(Fact):
    """An earlier fact, named by id, was true on this fact's day instead (R9.8)."""

    ref: str
