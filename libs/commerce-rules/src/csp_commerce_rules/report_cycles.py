"""The reseller's report cycle: which window a posting date falls in, and how its report is dated (R3.1 to R3.5)."""

from collections.abc import Iterator
from dataclasses import dataclass

from csp_commerce_rules.days import day_in_month, month_of


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """One report cycle: first and last day, both inclusive."""

    first: int
    last: int

    @property
    def report_date(self) -> int:
        """The report is dated the day after the window closes."""
        return self.last + 1

    def __contains__(self, day: int) -> bool:
        return self.first <= day <= self.last


def window_closing_in(month: int, close_day: int) -> Window:
    """The window that closes in a month number, for close day 1 to 31 (R3.1)."""
    if not 1 <= close_day <= 31:
        raise ValueError(f"a close day is 1 to 31, not {close_day}")
    return Window(day_in_month(month - 1, close_day) + 1, day_in_month(month, close_day))


def window_of(day: int, close_day: int) -> Window:
    """The one window that contains a posting date (R3.2)."""
    month = month_of(day)
    window = window_closing_in(month, close_day)
    return window if day <= window.last else window_closing_in(month + 1, close_day)


def windows_dated(first: int, last: int, close_day: int) -> Iterator[Window]:
    """Windows whose report date lies in a range of days, both inclusive (R3.5)."""
    window = window_of(first - 1, close_day)
    while window.report_date <= last:
        yield window
        window = window_of(window.last + 1, close_day)
