"""What must be remembered of a subscription to go on billing it: small, plain, and the content of a checkpoint."""

from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, time

from csp_billing.domain.facts import ChangeScheduled
from csp_billing.domain.lines import Line, LineKey
from csp_commerce_rules.charge_cycles import Frequency, Grid, Term
from csp_commerce_rules.prices import PriceRow
from csp_commerce_rules.seat_lots import WINDOW, SeatLot, open_lots


@dataclass(slots=True)
class Charge:
    """A charged line that can still be refunded.

    Its amount stands for the days `basis` to `end`; `start` is the first printed day, which differs for free days
    before a legacy anchor (R2.7) and for a first-month reactivation (W-9). `open` is what is left after refunds and
    linked credits (R4.5). `live` charges still cover the running days.
    """

    key: LineKey
    start: int
    basis: int
    end: int
    charged: int | None
    open: int
    quantity: int
    price: int | None
    rate: int | None
    of_days: int
    product: str
    promotion: int
    price_ref: str
    live: bool = True


@dataclass(slots=True)
class Segment:
    """From this day on, this quantity (reverse_and_segment)."""

    start: int
    quantity: int
    cause: str


@dataclass(frozen=True, slots=True)
class Edit:
    """A historic price edit in force: service days from `start` up to `until` cost `unit_price` (R5.4, R9.9)."""

    start: int
    until: int | None
    unit_price: int
    seq: int
    id: str

    def covers(self, day: int) -> bool:
        """Whether the edit prices this service day."""
        return self.start <= day and (self.until is None or day < self.until)


Plan = tuple[Frequency, str | None, int | None, str]
"""A billing plan that waits for the end of the charge cycle: frequency, product, end of its first cycle, fact."""

_NO_GRID = Grid(0, 1, 1)


@dataclass(slots=True)
class State:
    """One subscription after all facts up to and including `day`.

    `status`: `new`, `active`, `suspended`, `ended`. The running cycle is [`cycle_start`, `cycle_end`), number
    `cycle`; a full one has `cycle_days` days; its paid days begin at `basis`. `cycle_months` = (n, of m) where a plan
    change charges n of the m months of its price (8.6). `price_due`: the next cycle takes the price of its day (R5.3). `window_from` is the instant of purchase or last renewal.
    """

    day: int = 0
    status: str = "new"
    product: str = ""
    quantity: int = 0
    frequency: Frequency = "P1M"
    term: Term | None = None
    term_end: int | None = None
    auto_renew: bool = True
    grid: Grid = _NO_GRID
    cycle: int = 0
    cycle_start: int = 0
    cycle_end: int = 0
    cycle_days: int = 0
    basis: int = 0
    free: bool = False
    cycle_months: tuple[int, int] | None = None
    price: int | None = None
    price_ref: str = ""
    promotion: int = 0
    cause: str = ""
    first_month_until: int = 0
    refunded_whole: bool = False
    carried_until: int = 0
    charges: list[Charge] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    recognise_on: int | None = None
    schedule: ChangeScheduled | None = None
    last_change: int = -1
    lots: tuple[SeatLot, ...] = ()
    window_from: datetime | None = None
    edits: tuple[Edit, ...] = ()
    new_anchor_day: int | None = None
    new_plan: Plan | None = None
    price_due: bool = False
    deferred: list[Line] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Rejection:
    """A command that a gate refused: from which day it would be allowed, if ever (8.1)."""

    fact: str
    seq: int
    code: str
    allowed_from: int | None


def copy_of(state: State) -> State:
    """A copy that can be folded further without touching the original."""
    copied = State()
    for name in _FIELDS:
        setattr(copied, name, getattr(state, name))
    copied.charges = [_copy_charge(charge) for charge in state.charges]
    copied.segments = [Segment(part.start, part.quantity, part.cause) for part in state.segments]
    copied.deferred = list(state.deferred)
    return copied


def settle_down(state: State) -> None:
    """Forget what can matter no more after the state's day, so that equal futures have equal states.

    Windows that are closed at the end of that day, a first month that is over, price edits of past cycles, and where a
    grid was first anchored.
    """
    if state.lots or state.window_from is not None:
        midnight = datetime.combine(date.fromordinal(state.day + 1), time(), UTC)
        state.lots = open_lots(state.lots, midnight)
        if state.window_from is not None and state.window_from + WINDOW <= midnight:
            state.window_from = None
    if state.first_month_until <= state.day + 1:
        state.first_month_until, state.refunded_whole = 0, False
    if state.carried_until <= state.day:
        state.carried_until = 0
    if state.edits:
        state.edits = tuple(e for e in state.edits if e.until is None or e.until > state.cycle_start)
    grid = state.grid
    if grid.month >= grid.step:
        state.grid = Grid(grid.month % grid.step, grid.day, grid.step, grid.from_end)


def _copy_charge(charge: Charge) -> Charge:
    return Charge(
        charge.key,
        charge.start,
        charge.basis,
        charge.end,
        charge.charged,
        charge.open,
        charge.quantity,
        charge.price,
        charge.rate,
        charge.of_days,
        charge.product,
        charge.promotion,
        charge.price_ref,
        charge.live,
    )


_FIELDS = tuple(f.name for f in fields(State))


@dataclass(slots=True)
class Price:
    """A resolved unit price with its provenance."""

    unit_price: int | None
    ref: str

    @staticmethod
    def of(row: PriceRow | None) -> "Price":
        """The row's price, or none: the line will be pending (D-6)."""
        return Price(None, "") if row is None else Price(row.unit_price, row.ref)
