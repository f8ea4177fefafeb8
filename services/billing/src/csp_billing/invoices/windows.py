"""Which days an invoice covers, where nobody says: the month, or the report cycle, in which most of its charges begin."""

from collections import Counter
from datetime import date, timedelta

from csp_billing.invoices.formats import FormatName
from csp_billing.settling.close_days import CloseDays
from csp_commerce_rules.report_cycles import window_of


def window(name: FormatName, days: Counter[date], close_days: CloseDays) -> tuple[date, date]:
    """`[first, end)`. New commerce is billed by calendar month, legacy by the reseller's billing day (R3.6)."""
    found: Counter[tuple[date, date]] = Counter()
    for day, count in days.items():
        found[_month(day) if name != "legacy" else _cycle(day, close_days)] += count
    # Of two with as many rows the later one: refunds are printed with starts in the past.
    return max(found, key=lambda each: (found[each], each))


def _month(day: date) -> tuple[date, date]:
    first = day.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1)


def _cycle(day: date, close_days: CloseDays) -> tuple[date, date]:
    cycle = window_of(day.toordinal(), close_days.on(day))
    return date.fromordinal(cycle.first), date.fromordinal(cycle.report_date)
