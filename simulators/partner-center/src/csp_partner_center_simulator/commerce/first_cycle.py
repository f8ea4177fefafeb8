"""The first charge cycle, short when the end of the term was aligned (PC 6.7, 10.7)."""

from datetime import date

from csp_partner_center_simulator.commerce import lifecycle
from csp_partner_center_simulator.rules import terms
from csp_partner_center_simulator.state.orders import CartLine
from csp_partner_center_simulator.state.world import World


def first_cycle_end(
    world: World, start: date, end: date, term: str, cycle: str, *, aligned: bool
) -> tuple[date, bool]:
    """Give the last day of the first charge cycle, and whether it is a short one (PC 6.7, 10.7)."""
    if cycle == "none":
        return end, False
    if not aligned:
        second = terms.cycle_start(
            start, 1, cycle=cycle, term=term, from_month_end=lifecycle.documented(world)
        )
        return min(end, second - terms.DAY), False
    # Cycles count back from the day after the aligned end; the first is the stub before the earliest of them.
    anchor = end + terms.DAY
    number = 0
    first = anchor
    while (earlier := terms.add_months(anchor, -(number + 1) * terms.CYCLE_MONTHS[cycle])) > start:
        first, number = earlier, number + 1
    return first - terms.DAY, terms.add_months(first, -terms.CYCLE_MONTHS[cycle]) != start


def first_cycle_share(world: World, day: date, line: CartLine) -> tuple[int, int]:
    """Give the days of a short first charge and those of a full one (PC 10.7)."""
    if line.custom_term_end_date is None or line.billing_cycle == "none":
        return 1, 1
    end = line.custom_term_end_date.date()
    if line.term not in terms.TERM_MONTHS or end == terms.term_end(day, line.term) or end < day:
        return 1, 1
    last, partial = first_cycle_end(world, day, end, line.term, line.billing_cycle, aligned=True)
    if not partial:
        return 1, 1
    return (last - day).days + 1, cycle_days(day, line.billing_cycle)


def cycle_days(start: date, cycle: str) -> int:
    """Count the days of a full charge cycle that starts on `start`: of the calendar month, or 365 or 366."""
    if cycle == "monthly":
        return terms.month_length(start)
    return (terms.add_months(start, terms.CYCLE_MONTHS[cycle]) - start).days
