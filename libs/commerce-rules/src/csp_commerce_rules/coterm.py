"""Custom end dates of a term (co-term, rulebook 8.6, PC 6.7): which are allowed, and how the short term is cut."""

from datetime import date

from csp_commerce_rules.charge_cycles import MONTHS, Grid, Term, grid_from
from csp_commerce_rules.days import first_of_month, is_last_of_month, month_of
from csp_commerce_rules.errors import RuleError


class EndDateNotAllowed(RuleError):
    """A custom end date that Microsoft would refuse. `rule` says which condition fails."""

    code = "end-date-not-allowed"


def check_end_date(
    start: int, last_day: int, term: Term, aligned_to: Term | None = None, *, is_trial: bool = False
) -> None:
    """Check the last day of a first term (inclusive) that begins on `start`.

    `aligned_to` is the term of the subscription whose end is taken over, or None for the end of a calendar month.
    Raises EndDateNotAllowed.
    """
    natural_end = grid_from(start, MONTHS[term]).start(1)
    if is_trial:
        raise EndDateNotAllowed("a trial keeps its own end")
    if last_day < start:
        raise EndDateNotAllowed("the end is before the start")
    # The published example goes one day past the natural last day (W-37): 2 March to 2 April for one month.
    if last_day > natural_end:
        raise EndDateNotAllowed("the end is later than that of a full term")
    if aligned_to is None:
        if not is_last_of_month(last_day):
            raise EndDateNotAllowed("an end of its own is the last day of a calendar month")
    elif aligned_to == "P1M" and term != "P1M":
        raise EndDateNotAllowed("an annual or triennial term cannot be aligned to a monthly one")
    if term == "P1M" and date.fromordinal(last_day).day in {28, 29, 30} and not is_last_of_month(last_day):
        raise EndDateNotAllowed(
            "a monthly term ends on the 28th to 30th only where this is the month's last day"
        )


def aligned_last_day(start: int, term: Term, other_end: int) -> int:
    """Latest last day within a full term that falls on another subscription's yearly end (W-37: 27 of 36 months)."""
    natural_last = grid_from(start, MONTHS[term]).start(1) - 1
    grid = grid_from(other_end, 12 if MONTHS[term] >= 12 else 1)
    end = grid.start(grid.index(natural_last))
    return end if end >= start else other_end


def month_end_last_day(start: int, term: Term) -> int:
    """Latest last day of a calendar month within a full term (W-37: 15 July 2022, three years: 30 June 2025)."""
    natural_end = grid_from(start, MONTHS[term]).start(1)
    return first_of_month(month_of(natural_end)) - 1


def coterm_grid(last_day: int, months: int) -> Grid:
    """Charge cycles of a co-termed subscription: anchored on the day after its end, so that the stub comes first (D-15).

    After the end of a calendar month the anchor is the 1st, so that all later cycles are calendar months.
    """
    return grid_from(last_day + 1, months)
