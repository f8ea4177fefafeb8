"""The reseller's close day by date (R3.1)."""

from collections.abc import Sequence
from datetime import date

DEFAULT_CLOSE_DAY = 15


class CloseDays:
    """The reseller's close day by date. It holds for cycles that begin while it is in force: a change never splits one."""

    def __init__(self, changes: Sequence[tuple[date, int]]) -> None:
        """`changes` in the order in which they count, oldest first."""
        self._changes = changes

    def on(self, day: date) -> int:
        """The close day in force on a UTC day (R3.1)."""
        return next((value for since, value in reversed(self._changes) if since <= day), DEFAULT_CLOSE_DAY)
