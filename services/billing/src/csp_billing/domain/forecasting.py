"""How certain a line of the open cycle is, and which days ahead have money attached; from where a subscription stands today."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Literal, NamedTuple

from csp_billing.domain.lines import Line
from csp_billing.domain.plain import Checkpoint, Plain, state_of
from csp_billing.domain.rules import Rules
from csp_billing.domain.state import State
from csp_commerce_rules.rounding import line_amount
from csp_commerce_rules.seat_lots import open_lots

Certainty = Literal["charged", "unless_cancelled", "depends_on_renewal"]
DeadlineKind = Literal["seats_returnable", "renewal", "end_of_term"]


class Deadline(NamedTuple):
    """Until `at` somebody can decide; `amount` in minor units is what depends on it.

    `seats_returnable`: what is given back of the running cycle for these seats if they go today. `renewal`: the first
    fee of the next term. `end_of_term`: the fee that is not charged any more.
    """

    kind: DeadlineKind
    on: date
    at: datetime | None
    quantity: int
    amount: int | None


def certainty_of(line: Line, checkpoint: Checkpoint | None, today: int) -> Certainty:
    """Charged up to today; what is posted behind the end of the present term depends on its renewal.

    There is no checkpoint where a correction is posted for a subscription that another customer has now.
    """
    if line.posted <= today:
        return "charged"
    if checkpoint is not None and checkpoint.term_end is not None and line.posted >= checkpoint.term_end:
        return "depends_on_renewal"
    return "unless_cancelled"


def deadlines(checkpoint: Checkpoint, rules: Rules, now: datetime, last: date) -> Iterator[Deadline]:
    """The days up to and including `last` on which something is decided."""
    state = state_of(checkpoint) if isinstance(checkpoint, Plain) else checkpoint
    if state.status in {"new", "ended"}:
        return
    today = now.date()
    for lot in open_lots(state.lots, now) if rules.rule_set == "nce" else ():
        if lot.open_until.date() <= last:
            yield Deadline(
                "seats_returnable",
                lot.open_until.date(),
                lot.open_until,
                lot.quantity,
                _rest(state, rules, lot.quantity, today),
            )
    if state.term_end is None or not today.toordinal() < state.term_end <= last.toordinal():
        return
    ends_on = date.fromordinal(state.term_end)
    renews = state.auto_renew and not (rules.rule_set == "nce" and state.status == "suspended")
    wished = state.schedule.quantity if renews and state.schedule is not None else None
    quantity = state.quantity if wished is None else wished
    fee = (
        None
        if state.price is None
        else line_amount(rules.rounding, state.price, quantity, 1, 1, rules.digits)
    )
    yield Deadline("renewal" if renews else "end_of_term", ends_on, None, quantity, fee)


def _rest(state: State, rules: Rules, quantity: int, today: date) -> int | None:
    """What the days from today to the end of the running cycle cost for these seats."""
    if state.price is None or not state.cycle_days:
        return None
    days = min(max(0, state.cycle_end - max(today.toordinal(), state.cycle_start)), state.cycle_days)
    return line_amount(rules.rounding, state.price, quantity, days, state.cycle_days, rules.digits)
