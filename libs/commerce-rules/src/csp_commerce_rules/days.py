"""UTC days as integers (proleptic ordinals) and month arithmetic that always counts from the original anchor (R2.6).

A day is `date.toordinal()`. Tables of months and a memory of answers make a step cheap, because a close makes millions.
"""

import itertools
from datetime import date
from functools import lru_cache

FIRST_YEAR, LAST_YEAR = 1970, 2299
"""Years the tables know; `month_of` and `day_in_month` raise DayOutOfRange beyond them."""

_BASE = FIRST_YEAR * 12
_STARTS = [
    date(year, month, 1).toordinal() for year in range(FIRST_YEAR, LAST_YEAR + 2) for month in range(1, 13)
]
_LENGTHS = [after - start for start, after in itertools.pairwise(_STARTS)]


class DayOutOfRange(ValueError):
    """A calculation left the years that the calendar tables know."""

    code = "day-out-of-range"


@lru_cache(maxsize=1 << 16)
def month_of(day: int) -> int:
    """Number of the month that a day lies in: year × 12 + month - 1."""
    on = date.fromordinal(day)
    return on.year * 12 + on.month - 1


def first_of_month(month: int) -> int:
    """First day of a month number. Raises DayOutOfRange."""
    index = month - _BASE
    if not 0 <= index < len(_LENGTHS):
        raise DayOutOfRange(f"the year {month // 12} is outside {FIRST_YEAR} to {LAST_YEAR}")
    return _STARTS[index]


def month_length(month: int) -> int:
    """Days of a month number, 28 to 31. Raises DayOutOfRange."""
    index = month - _BASE
    if not 0 <= index < len(_LENGTHS):
        raise DayOutOfRange(f"the year {month // 12} is outside {FIRST_YEAR} to {LAST_YEAR}")
    return _LENGTHS[index]


def last_of_month(month: int) -> int:
    """Last day of a month number. Raises DayOutOfRange."""
    return first_of_month(month) + month_length(month) - 1


@lru_cache(maxsize=1 << 16)
def day_in_month(month: int, day_of_month: int) -> int:
    """The day with this number in the month, clamped to its last day (R2.6)."""
    return first_of_month(month) + min(day_of_month, month_length(month)) - 1


def add_months(day: int, months: int) -> int:
    """The same day number `months` later or earlier, clamped to the month's end. Never chain it: count from the anchor."""
    on = date.fromordinal(day)
    return day_in_month(on.year * 12 + on.month - 1 + months, on.day)


def is_last_of_month(day: int) -> bool:
    """Whether the day is the last one of its month."""
    return date.fromordinal(day + 1).day == 1


def months_between(start: int, end: int) -> int | None:
    """Whole months from start to end, or None where the days do not meet on the same (clamped) day number."""
    months = month_of(end) - month_of(start)
    return months if add_months(start, months) == end or add_months(end, -months) == start else None
