"""Custom end dates: equal to another subscription's end, or to the end of a calendar month (PC 6.7)."""

from collections import defaultdict
from datetime import date, datetime, timedelta

from csp_partner_center_simulator.rules.terms import TERM_MONTHS, add_months, month_length, term_end
from csp_partner_center_simulator.state.customers import Customer
from csp_partner_center_simulator.state.subscriptions import Subscription
from csp_partner_center_simulator.state.world import World

DAY = timedelta(days=1)


def allowed_end_dates(
    world: World, customer: Customer, partner_id: str, *, term: str, start: date, target: str = ""
) -> list[tuple[date, str, tuple[str, ...]]]:
    """List the allowed ends of a first term: (day, calendarMonthAligned | subscriptionAligned, subscriptions)."""
    natural = term_end(start, term)
    found: list[tuple[date, str, tuple[str, ...]]] = []
    if not target:
        month = start.replace(day=month_length(start))
        while month <= natural:
            found.append((month, "calendarMonthAligned", ()))
            month = add_months(month.replace(day=1), 1)
            month = month.replace(day=month_length(month))
    by_day: dict[date, list[str]] = defaultdict(list)
    for one in _alignable(world, customer, partner_id):
        if target and one.id != target.lower():
            continue
        for end in _ends(one, natural):
            if (
                end >= start
                and (TERM_MONTHS[one.term] > 1 or TERM_MONTHS[term] == 1)
                and _fits_month_end(end, term)
            ):
                by_day[end].append(one.id)
    found += [(end, "subscriptionAligned", tuple(ids)) for end, ids in by_day.items()]
    return sorted(found)


def end_date_problem(
    world: World, customer: Customer, wished: datetime, *, term: str, start: date, trial: bool
) -> str | None:
    """Give the reason why a first term cannot end on that day, None when it can."""
    if trial:
        return "A trial cannot have a custom term end date."
    if term not in TERM_MONTHS:
        return "A custom term end date needs a termDuration of P1M, P1Y or P3Y."
    end = wished.date()
    if end < start:
        return "The custom term end date is in the past."
    partner_ids = {relation.partner_id for relation in customer.relations}
    for partner_id in partner_ids:
        days = {day for day, _, _ in allowed_end_dates(world, customer, partner_id, term=term, start=start)}
        if end in days:
            return None
    return f"The custom term end date {end} is neither a month's end nor the end of another subscription."


def _alignable(world: World, customer: Customer, partner_id: str) -> list[Subscription]:
    return [
        one
        for one in world.subscriptions.by("customer", customer.id)
        if one.commerce == "nce"
        and one.status == "active"
        and not one.is_trial
        and one.partner_id == partner_id
    ]


def _ends(one: Subscription, natural: date) -> list[date]:
    # A three-year term may also end on an anniversary of a shorter one (billing example: 27 months).
    ends = []
    for years in range(3):
        end = add_months(one.term_end, 12 * years)
        if end <= natural and (years == 0 or one.term == "P1Y"):
            ends.append(end)
    return ends


def _fits_month_end(end: date, term: str) -> bool:
    # A monthly term may not end on the 28th to 30th unless that is the month's last day.
    return term != "P1M" or end.day < 28 or end.day == month_length(end)
