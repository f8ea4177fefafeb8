"""Calendar arithmetic of terms and charge cycles. Days are UTC; ends are inclusive as Microsoft prints them."""

import calendar
from datetime import UTC, date, datetime, time, timedelta

TERM_MONTHS = {"P1M": 1, "P1Y": 12, "P3Y": 36}
CYCLE_MONTHS = {"monthly": 1, "annual": 12, "triennial": 36}
DAY = timedelta(days=1)
WINDOW = timedelta(days=7)  # PC 6.3: seats and whole subscriptions may leave within 7 days


def add_months(day: date, months: int) -> date:
    """Move by months; a day the month does not have becomes its last one."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def month_length(day: date) -> int:
    """Count the days of the month."""
    return calendar.monthrange(day.year, day.month)[1]


def term_end(start: date, term: str) -> date:
    """Give the last day of a term that starts on `start`."""
    return add_months(start, TERM_MONTHS[term]) - DAY


def cycle_start(anchor: date, number: int, *, cycle: str, term: str, from_month_end: bool) -> date:
    """Give the first day of the n-th charge cycle (0-based) counted from the anchor.

    `from_month_end`: monthly plans of longer terms that began on one of the last two days of a month keep
    their distance from the month's end (PC 10.7, the annual-monthly table); else the day number is clipped.
    """
    start = add_months(anchor, number * CYCLE_MONTHS[cycle])
    left = month_length(anchor) - anchor.day
    if from_month_end and cycle == "monthly" and term != "P1M" and left <= 1:
        return start.replace(day=month_length(start) - left)
    return start


def charges_in_term(term: str, cycle: str) -> int:
    """Count the charges of a full term; a trial has none but counts as one."""
    if cycle == "none":
        return 1
    return max(1, TERM_MONTHS[term] // CYCLE_MONTHS[cycle])


def at_midnight(day: date) -> datetime:
    """Give the first instant of a day."""
    return datetime.combine(day, time(), UTC)


def last_second(day: date) -> datetime:
    """Give 23:59:59 of a day."""
    return datetime.combine(day, time(23, 59, 59), UTC)
