"""The charge-cycle calendar of one subscription: on which days its cycles start (rulebook R2.5 to R2.8, 3.2).

A grid is counted from its anchor in both directions, so the virtual cycle around a stub (D-11) is simply the grid
cycle that the stub lies in.
"""

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Literal

from csp_commerce_rules.days import add_months, day_in_month, first_of_month, last_of_month, month_of

Frequency = Literal["P1M", "P1Y", "P3Y"]
Term = Literal["P1M", "P1Y", "P3Y"]
NceMonthEnd = Literal["documented_2022", "clamped"]

MONTHS: dict[str, int] = {"P1M": 1, "P1Y": 12, "P3Y": 36}
"""Months of a frequency or a term."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Starts of charge cycles: every `step` months on `day` of the month, clamped, from month number `month` on.

    `from_end` counts `day` from the end of the month instead: 0 is the last day, 1 the day before it (R2.7n).
    """

    month: int
    day: int
    step: int
    from_end: bool = False

    def start(self, n: int) -> int:
        """First day of cycle n; n may be negative."""
        return self._day_in(self.month + n * self.step)

    def _day_in(self, month: int) -> int:
        return last_of_month(month) - self.day if self.from_end else day_in_month(month, self.day)

    def index(self, day: int) -> int:
        """Number of the cycle that a day lies in: start(n) <= day < start(n + 1)."""
        n = (month_of(day) - self.month) // self.step
        return n if self.start(n) <= day else n - 1

    def cycle(self, day: int) -> tuple[int, int]:
        """First day of the cycle around a day, and first day after it."""
        month = month_of(day)
        month -= (month - self.month) % self.step
        start = self._day_in(month)
        if start <= day:
            return start, self._day_in(month + self.step)
        return self._day_in(month - self.step), start

    def on_or_after(self, day: int) -> int:
        """The first start of a cycle that is not before a day."""
        start, end = self.cycle(day)
        return day if start == day else end


@lru_cache(maxsize=1 << 14)
def grid_from(anchor: int, months: int) -> Grid:
    """Grid on the anchor's day number (R2.6, R2.8)."""
    return Grid(month_of(anchor), date.fromordinal(anchor).day, months)


def grid_on_day(day_of_month: int, on_or_after: int, months: int) -> Grid:
    """Grid on a day of the month, beginning with its first occurrence on or after a day."""
    month = month_of(on_or_after)
    if day_in_month(month, day_of_month) < on_or_after:
        month += 1
    return Grid(month, day_of_month, months)


@lru_cache(maxsize=1 << 14)
def nce_grid(purchased: int, months: int, term_months: int, month_end: NceMonthEnd) -> Grid:
    """Grid of a new-commerce subscription, with Microsoft's month ends of 2022 where they say something (R2.7n, W-35).

    An annual or longer term billed monthly and bought on the last day of a month, or on the day before it, starts
    each cycle on that same distance from the month's end; everything else clamps.
    """
    if month_end == "documented_2022" and months == 1 and term_months >= 12:
        month = month_of(purchased)
        before_last = last_of_month(month) - purchased
        if before_last <= 1:
            return Grid(month, before_last, months, from_end=True)
    return grid_from(purchased, months)


def legacy_anchor(purchased: int) -> int:
    """Anchor of a legacy purchase: bought on the 29th to 31st, it is the 1st of the next month (R2.7)."""
    if date.fromordinal(purchased).day < 29:
        return purchased
    return first_of_month(month_of(purchased) + 1)


def term_end(start: int, term: Term) -> int:
    """First day after a full term that starts on `start`."""
    return add_months(start, MONTHS[term])
