"""Cells as values: numbers with a point, dates as Microsoft writes them. What is written otherwise is refused, never guessed."""

import re
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from csp_billing.invoices.faults import FileRefused

_NUMBER = re.compile(r"-?\d{1,18}(\.\d{1,24})?([eE][+-]?\d{1,2})?", re.ASCII)
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})([T ].*)?", re.ASCII)
_MONTH_FIRST = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})( .*)?", re.ASCII)
_DAY = timedelta(days=1)
MOST = Decimal(10) ** 12
"""Numbers are below this, far above any invoice, in either direction."""


EARLIEST, LATEST = date(1980, 1, 1), date(2199, 12, 31)
"""An invoice and its charges begin between these days."""


def text_of(value: Any) -> str:
    """A cell as text; lists and objects of JSON as they are written."""
    if value is None:
        return ""
    return storable(value.strip() if isinstance(value, str) else str(value))


def storable(text: str) -> str:
    """The text without what no text of PostgreSQL can hold: NUL, and half a surrogate pair, which only JSON can write."""
    if "\0" in text:
        text = text.replace("\0", "")
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def number(value: Any, row: int, column: str) -> Decimal:
    """A number; an empty cell is zero. Raises `FileRefused` for one that is localised, too large, and for what is none."""
    found = _number(value, row, column)
    if not -MOST < found < MOST:
        raise FileRefused("range", f"must be less than {MOST}, either side of zero", row=row, column=column)
    return found


def _number(value: Any, row: int, column: str) -> Decimal:
    if isinstance(value, Decimal | int) and not isinstance(value, bool):
        return Decimal(value)
    text = text_of(value)
    if not text:
        return Decimal(0)
    if _NUMBER.fullmatch(text):
        return Decimal(text)
    if "," in text or "'" in text or "\u00a0" in text or "\u202f" in text:
        reason = "is written in a local format; numbers must have a decimal point and no thousands separator, as 1234.56"
        raise FileRefused("number-format", reason, row=row, column=column)
    raise FileRefused("number", "must be a decimal number such as 1234.56", row=row, column=column)


def whole_number(value: Decimal) -> int | None:
    """A number without a fraction as an integer; None for others, such as used hours."""
    return int(value) if value == value.to_integral_value() else None


def day(value: Any, row: int, column: str) -> date | None:
    """A UTC day: ISO, or month/day/year as in Microsoft's CSV; None where there is none. Raises `FileRefused`."""
    text = text_of(value)
    if not text:
        return None
    found = _day(text)
    if isinstance(found, str):
        raise FileRefused("date", found, row=row, column=column)
    return found


@lru_cache(maxsize=4096)
def _day(text: str) -> date | str | None:
    if iso := _ISO.fullmatch(text):
        year, month, day_of = int(iso[1]), int(iso[2]), int(iso[3])
    elif american := _MONTH_FIRST.fullmatch(text):
        year, month, day_of = int(american[3]), int(american[1]), int(american[2])
        if month > 12:
            return "is written day first; dates must be 2026-03-31 or 3/31/2026"
    else:
        return "must be a date such as 2026-03-31 or 3/31/2026"
    if year <= 1:  # Microsoft's "no date"
        return None
    try:
        return date(year, month, day_of)
    except ValueError:
        return "is a day that does not exist"


def day_after(last: date) -> date:
    """The first day behind an inclusive end."""
    return last + _DAY if last < date.max else last
