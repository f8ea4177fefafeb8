"""Which rate each line of a report is taxed at: that of the day the rules post it on; a correction at the older line's (D-20)."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from csp_billing.domain.lines import LineKey
from csp_billing.domain.taxes import Rate, Rated, rate_on

_Name = tuple[str, LineKey]
_LONGEST_CHAIN = 8
"""A refund of a correction of a refund … ; the bounds of R10.5 stop a close long before."""


def rates_of(
    connection: psycopg.Connection, reseller: str, customers: Collection[str], known_by: datetime
) -> dict[str, list[Rate]]:
    """The rates of customers that had any by a moment, in order; of two for one day the later one."""
    found: dict[str, dict[int, int]] = defaultdict(dict)
    for customer, day, basis_points in connection.execute(
        "select customer_id, effective_on, basis_points from tax_rates where reseller_id = %s and customer_id = any(%s) "
        "and set_at <= %s order by effective_on, rate_id",
        [reseller, list(customers), known_by],
    ):
        found[customer][day.toordinal()] = basis_points
    return {customer: [Rate(*each) for each in sorted(days.items())] for customer, days in found.items()}


def rated_lines(
    connection: psycopg.Connection, reseller: str, reports: Sequence[Mapping[str, Any]], known_by: datetime
) -> dict[str, list[Rated]]:
    """By report the lines with the rates that were known by a moment; only sales reports of customers that had one."""
    sales = [report for report in reports if report["ledger"] == "sell"]
    rates = rates_of(connection, reseller, {report["customer_id"] for report in sales}, known_by)
    taxed = {report["report_id"]: report for report in sales if report["customer_id"] in rates}
    if not taxed:
        return {}
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            "select report_id, position, subscription_id, amount_minor, due_on, reverses_cycle, reverses_role, reverses_cause "
            "from report_lines where reseller_id = %s and report_id = any(%s) and dated_on = any(%s) order by position",
            [reseller, list(taxed), sorted({report["until_on"] for report in taxed.values()})],
        ).fetchall()
    wanted = {name for row in rows if (name := _corrects(row)) is not None}
    days = _days_of(connection, reseller, wanted)
    found: dict[str, list[Rated]] = {report_id: [] for report_id in taxed}
    for row in rows:
        name = _corrects(row)
        day: date = row["due_on"]
        if name is not None and name in days:
            day = days[name]
        rate = rate_on(rates[taxed[row["report_id"]]["customer_id"]], day.toordinal())
        found[row["report_id"]].append(Rated(row["position"], row["amount_minor"], rate))
    return found


def _corrects(row: Mapping[str, Any]) -> _Name | None:
    if row["reverses_role"] is None:
        return None
    key = LineKey(row["reverses_cycle"], row["reverses_role"], row["reverses_cause"])
    return row["subscription_id"], key


def _days_of(connection: psycopg.Connection, reseller: str, wanted: Collection[_Name]) -> dict[_Name, date]:
    """The day that each corrected line was due on, or the one behind it where that is a correction, too."""
    points: dict[_Name, _Name] = {name: name for name in wanted}
    days: dict[_Name, date] = {}
    for _ in range(_LONGEST_CHAIN):
        asked = sorted(set(points.values()))
        if not asked:
            break
        known = _first_lines(connection, reseller, asked)
        further: dict[_Name, _Name] = {}
        for name, target in points.items():
            row = known.get(target)
            if row is None:
                continue
            days[name] = row["due_on"]
            behind = _corrects(row)
            if behind is not None:
                further[name] = behind
        points = further
    return days


def _first_lines(
    connection: psycopg.Connection, reseller: str, names: Sequence[_Name]
) -> dict[_Name, Mapping[str, Any]]:
    """The first revision of each key."""
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            "select distinct on (l.subscription_id, l.cycle, l.role, l.cause) l.subscription_id, l.cycle, l.role, l.cause, "
            "l.due_on, l.reverses_cycle, l.reverses_role, l.reverses_cause "
            "from unnest(%s::text[], %s::int[], %s::text[], %s::text[]) as asked (subscription_id, cycle, role, cause) "
            "join report_lines l on l.reseller_id = %s and l.ledger = 'sell' and l.subscription_id = asked.subscription_id "
            "and l.cycle = asked.cycle and l.role = asked.role and l.cause = asked.cause and not l.is_reversal "
            "order by l.subscription_id, l.cycle, l.role, l.cause, l.revision",
            [
                [name[0] for name in names],
                [name[1].cycle for name in names],
                [name[1].role for name in names],
                [name[1].cause for name in names],
                reseller,
            ],
        )
        return {
            (row["subscription_id"], LineKey(row["cycle"], row["role"], row["cause"])): row for row in cursor
        }
