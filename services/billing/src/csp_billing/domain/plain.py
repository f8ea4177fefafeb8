"""The common case, made cheap: a subscription to which nothing happens pays one cycle fee a cycle.

A `Plain` is a checkpoint without refunds, windows, schedules or edits in it; everything that could be refunded follows
from its few fields. A close of a million subscriptions spends its time here, so this file counts microseconds. What it
gives is what `fold` gives, which a property test holds it to.
"""

from typing import NamedTuple

from csp_billing.domain.lines import Line, LineKey
from csp_billing.domain.rules import Rules
from csp_billing.domain.state import Charge, Segment, State
from csp_commerce_rules.charge_cycles import MONTHS, Frequency, Grid, Term
from csp_commerce_rules.days import day_in_month, month_of
from csp_commerce_rules.rounding import line_amount, nce_cost_profile


class Plain(NamedTuple):
    """State of an active subscription whose running cycle is full and has one untouched fee.

    Days are ordinals; `end_month` is the month number of `cycle_end`, `grid_day` the anchor's day of the month.
    """

    day: int
    product: str
    quantity: int
    frequency: Frequency
    term: Term | None
    term_end: int | None
    auto_renew: bool
    grid_day: int
    end_month: int
    cycle: int
    cycle_start: int
    cycle_end: int
    unit_price: int
    price_ref: str
    cause: str
    last_change: int
    fee: int


Checkpoint = Plain | State
"""Where a fold can go on from. Nobody changes it; `fold` works on a copy."""


def advance(subscription: str, plain: Plain, until: int) -> tuple[list[Line], Plain]:
    """Charge the cycles that begin up to and including `until`; stop early where a term ends, which is not plain."""
    lines: list[Line] = []
    end, end_month, cycle, term_end = plain.cycle_end, plain.end_month, plain.cycle, plain.term_end
    if end > until:
        return lines, plain._replace(day=until)
    step, caused_by, start = MONTHS[plain.frequency], (plain.cause,), plain.cycle_start
    while end <= until:
        next_month = end_month + step
        next_end = day_in_month(next_month, plain.grid_day)
        if term_end is not None and next_end > term_end:
            break
        start, end, end_month = end, next_end, next_month
        cycle += 1
        days = end - start
        lines.append(
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
                days,
                days,
                0,
                plain.price_ref,
                "R4.1",
                caused_by,
                None,
            )
        )
    return lines, Plain(
        until if end > until else end - 1,
        plain.product,
        plain.quantity,
        plain.frequency,
        plain.term,
        term_end,
        plain.auto_renew,
        plain.grid_day,
        end_month,
        cycle,
        start,
        end,
        plain.unit_price,
        plain.price_ref,
        plain.cause,
        plain.last_change,
        plain.fee,
    )


def allows_plain(rules: Rules) -> bool:
    """Whether prices can only change by a fact or a renewal under these rules."""
    return rules.price_policy == "immediate_prorated" or (
        rules.price_policy == "at_renewal" and rules.term is not None
    )


def plain_of(state: State, rules: Rules) -> Plain | None:
    """The state as a Plain, if that is all there is to it."""
    if (
        state.status != "active"
        or len(state.charges) != 1
        or state.price is None
        or state.promotion
        or state.free
        or state.cycle_months is not None
        or state.refunded_whole
        or state.first_month_until
        or state.carried_until
        or state.schedule is not None
        or state.lots
        or state.window_from is not None
        or state.edits
        or state.new_anchor_day is not None
        or state.new_plan is not None
        or state.deferred
        or state.grid.from_end
        or state.recognise_on is not None
        or not allows_plain(rules)
        or (rules.billing_from is not None and state.day < rules.billing_from)
    ):
        return None
    fee = state.charges[0]
    plain = Plain(
        state.day,
        state.product,
        state.quantity,
        state.frequency,
        state.term,
        state.term_end,
        state.auto_renew,
        state.grid.day,
        month_of(state.cycle_end),
        state.cycle,
        state.cycle_start,
        state.cycle_end,
        state.price,
        state.price_ref,
        state.cause,
        state.last_change,
        fee.charged or 0,
    )
    return plain if state_of(plain, rules) == state else None


def state_of(plain: Plain, rules: Rules) -> State:
    """The full state that a Plain stands for."""
    grid = _grid(plain)
    fee = line_amount(
        nce_cost_profile("cycle") if rules.microsoft_rounding else rules.rounding,
        *(plain.unit_price, plain.quantity, 1, 1, rules.digits),
    )
    return State(
        day=plain.day,
        status="active",
        product=plain.product,
        quantity=plain.quantity,
        frequency=plain.frequency,
        term=plain.term,
        term_end=plain.term_end,
        auto_renew=plain.auto_renew,
        grid=grid,
        cycle=plain.cycle,
        cycle_start=plain.cycle_start,
        cycle_end=plain.cycle_end,
        cycle_days=plain.cycle_end - plain.cycle_start,
        basis=plain.cycle_start,
        price=plain.unit_price,
        price_ref=plain.price_ref,
        cause=plain.cause,
        last_change=plain.last_change,
        charges=[
            Charge(
                LineKey(plain.cycle, "fee", f"cycle:{plain.cycle}"),
                plain.cycle_start,
                plain.cycle_start,
                plain.cycle_end,
                fee,
                fee,
                plain.quantity,
                plain.unit_price,
                plain.unit_price,
                plain.cycle_end - plain.cycle_start,
                plain.product,
                0,
                plain.price_ref,
            )
        ],
        segments=[Segment(plain.cycle_start, plain.quantity, plain.cause)],
    )


def _grid(plain: Plain) -> Grid:
    step = MONTHS[plain.frequency]
    return Grid(plain.end_month % step, plain.grid_day, step)
