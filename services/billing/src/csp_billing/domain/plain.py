"""The common case, made cheap: a subscription to which nothing happens pays one cycle fee a cycle.

A `Plain` is a checkpoint without refunds, windows, schedules or edits in it; everything that could be refunded follows
from its few fields. A close of a million subscriptions spends its time here, so this file counts microseconds. What it
gives is what `fold` gives, which a property test holds it to.
"""

from typing import NamedTuple

from csp_billing.domain.lines import Line, LineKey
from csp_billing.domain.rules import Rules
from csp_billing.domain.run import explains_zero
from csp_billing.domain.state import Charge, Segment, State
from csp_commerce_rules.charge_cycles import MONTHS, Frequency, Grid, Term
from csp_commerce_rules.days import day_in_month, last_of_month, month_of
from csp_commerce_rules.rounding import discount_of, line_amount, nce_cost_profile
from csp_commerce_rules.seat_lots import WINDOW


class Plain(NamedTuple):
    """State of a subscription that is billed, whose running cycle is full and has one untouched fee.

    Days are ordinals; `end_month` is the month number of `cycle_end`; `grid_day` and `from_end` are those of the grid.
    `fee` is what a full cycle costs after the `discount` of a promotion. One that is `suspended` is billed all the same.
    """

    day: int
    product: str
    quantity: int
    frequency: Frequency
    term: Term | None
    term_end: int | None
    auto_renew: bool
    grid_day: int
    from_end: bool
    end_month: int
    cycle: int
    cycle_start: int
    cycle_end: int
    unit_price: int
    price_ref: str
    cause: str
    last_change: int
    promotion: int
    discount: int
    fee: int
    suspended: bool


class Soon(NamedTuple):
    """What a state that is not plain comes to by itself: `plain`, from the end of its running cycle and of day `since` on.

    Until then the calendar of `plain` is that of the state, and its fee the one that the next cycle will have.
    """

    plain: Plain
    since: int


Checkpoint = Plain | State
"""Where a fold can go on from. Nobody changes it; `fold` works on a copy."""


Step = tuple[int, int, int]
"""A cycle that begins: its number, its first day, and the first day after it."""


def steps(plain: Plain, until: int) -> tuple[list[Step], Plain]:
    """The cycles that begin up to and including `until`; stops early where a term ends, which is not plain."""
    begun: list[Step] = []
    end, end_month, cycle, term_end = plain.cycle_end, plain.end_month, plain.cycle, plain.term_end
    if end > until:
        return begun, Plain(until, *plain[1:])
    step, start = MONTHS[plain.frequency], plain.cycle_start
    while end <= until:
        next_month = end_month + step
        next_end = (
            last_of_month(next_month) - plain.grid_day
            if plain.from_end
            else day_in_month(next_month, plain.grid_day)
        )
        if term_end is not None and next_end > term_end:
            break
        start, end, end_month = end, next_end, next_month
        cycle += 1
        begun.append((cycle, start, end))
    day = until if end > until else end - 1
    return begun, Plain(day, *plain[1:9], end_month, cycle, start, end, *plain[13:])


def shows_fee(fee: int, unit_price: int, discount: int) -> bool:
    """Whether a cycle fee makes lines: a zero one only where it explains something (R4.9)."""
    return fee != 0 or explains_zero(unit_price, discount)


def advance(subscription: str, plain: Plain, until: int) -> tuple[list[Line], Plain]:
    """Charge the cycles that begin up to and including `until`, as `steps` gives them."""
    begun, moved = steps(plain, until)
    if not begun or not shows_fee(plain.fee, plain.unit_price, plain.discount):
        return [], moved
    caused_by = (plain.cause,)
    lines = [
        Line(
            LineKey(cycle, "fee", f"cycle:{cycle}"),
            subscription,
            plain.product,
            "cycle_fee",
            "cycle",
            start,
            start,
            end,
            plain.quantity,
            plain.unit_price,
            plain.fee,
            end - start,
            end - start,
            plain.discount,
            plain.price_ref,
            "R4.1",
            caused_by,
            None,
        )
        for cycle, start, end in begun
    ]
    return lines, moved


def allows_plain(rules: Rules) -> bool:
    """Whether prices can only change by a fact or a renewal under these rules."""
    return rules.price_policy == "immediate_prorated" or (
        rules.price_policy == "at_renewal" and rules.term is not None
    )


def plain_of(state: State, rules: Rules) -> Plain | None:
    """The state as a Plain, if that is all there is to it."""
    if (
        len(state.charges) != 1
        or state.refunded_whole
        or state.first_month_until
        or state.carried_until
        or state.lots
        or state.window_from is not None
    ):
        return None
    plain = _going_on(state, rules)
    return plain if plain is not None and _follows_from(plain, state) else None


def soon_plain(state: State, rules: Rules) -> Soon | None:
    """What a state comes to if nothing happens, where that is a Plain once its running cycle and open windows are over."""
    plain = _going_on(state, rules)
    if plain is None or plain.quantity <= 0:
        return None
    grid, end = state.grid, state.cycle_end
    if grid.step != MONTHS[plain.frequency] or grid.cycle(end)[0] != end:
        return None
    # A day later than need be, so that no hour of the day has to be looked at.
    windows = [lot.open_until.toordinal() + 1 for lot in state.lots]
    if state.window_from is not None:
        windows.append((state.window_from + WINDOW).toordinal() + 1)
    return Soon(plain, max(state.first_month_until, state.carried_until, *windows))


def _going_on(state: State, rules: Rules) -> Plain | None:
    """A Plain of the state's calendar and next fee, where no more than its running cycle and open windows can differ."""
    if (
        not (state.status == "active" or (state.status == "suspended" and not rules.suspension_stops_billing))
        or state.price is None
        or state.free
        or state.cycle_months is not None
        or state.schedule is not None
        or state.edits
        or state.new_anchor_day is not None
        or state.new_plan is not None
        or state.deferred
        or state.recognise_on is not None
        or state.price_due
        or not allows_plain(rules)
        or (rules.billing_from is not None and state.day < rules.billing_from)
    ):
        return None
    gross = _gross(state.price, state.quantity, rules)
    discount = discount_of(gross, state.promotion)
    return Plain(
        state.day,
        state.product,
        state.quantity,
        state.frequency,
        state.term,
        state.term_end,
        state.auto_renew,
        state.grid.day,
        state.grid.from_end,
        month_of(state.cycle_end),
        state.cycle,
        state.cycle_start,
        state.cycle_end,
        state.price,
        state.price_ref,
        state.cause,
        state.last_change,
        state.promotion,
        discount,
        gross - discount,
        state.status == "suspended",
    )


def _follows_from(plain: Plain, state: State) -> bool:
    """Whether what a Plain does not carry is in the state as `state_of` makes it: told without making it."""
    grid, step = state.grid, MONTHS[plain.frequency]
    start, days = plain.cycle_start, plain.cycle_end - plain.cycle_start
    charge, segments = state.charges[0], state.segments
    return (
        grid.step == step
        and grid.month == plain.end_month % step
        and state.basis == start
        and state.cycle_days == days
        and charge.live
        and charge.start == charge.basis == start
        and charge.end == plain.cycle_end
        and charge.charged == charge.open == plain.fee
        and charge.quantity == plain.quantity
        and charge.price == charge.rate == plain.unit_price
        and charge.of_days == days
        and charge.product == plain.product
        and charge.promotion == plain.promotion
        and charge.price_ref == plain.price_ref
        and charge.key == (plain.cycle, "fee", f"cycle:{plain.cycle}")
        and len(segments) == 1
        and segments[0].start == start
        and segments[0].quantity == plain.quantity
        and segments[0].cause == plain.cause
    )


def state_of(plain: Plain) -> State:
    """The full state that a Plain stands for."""
    step = MONTHS[plain.frequency]
    return State(
        day=plain.day,
        status="suspended" if plain.suspended else "active",
        product=plain.product,
        quantity=plain.quantity,
        frequency=plain.frequency,
        term=plain.term,
        term_end=plain.term_end,
        auto_renew=plain.auto_renew,
        grid=Grid(plain.end_month % step, plain.grid_day, step, plain.from_end),
        cycle=plain.cycle,
        cycle_start=plain.cycle_start,
        cycle_end=plain.cycle_end,
        cycle_days=plain.cycle_end - plain.cycle_start,
        basis=plain.cycle_start,
        price=plain.unit_price,
        price_ref=plain.price_ref,
        promotion=plain.promotion,
        cause=plain.cause,
        last_change=plain.last_change,
        charges=[_charge(plain)],
        segments=[_segment(plain)],
    )


def _charge(plain: Plain) -> Charge:
    """The untouched fee of the running cycle."""
    start, end = plain.cycle_start, plain.cycle_end
    return Charge(
        LineKey(plain.cycle, "fee", f"cycle:{plain.cycle}"),
        start,
        start,
        end,
        plain.fee,
        plain.fee,
        plain.quantity,
        plain.unit_price,
        plain.unit_price,
        end - start,
        plain.product,
        plain.promotion,
        plain.price_ref,
    )


def _segment(plain: Plain) -> Segment:
    return Segment(plain.cycle_start, plain.quantity, plain.cause)


def _gross(unit_price: int, quantity: int, rules: Rules) -> int:
    profile = nce_cost_profile("cycle") if rules.microsoft_rounding else rules.rounding
    return line_amount(profile, unit_price, quantity, 1, 1, rules.digits)
