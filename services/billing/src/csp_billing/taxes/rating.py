"""Which rate each line of a report is taxed at: that of the day the rules post it on; a correction at the older line's (D-20)."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

import psycopg
from psycopg.rows import dict_row

from csp_billing.domain.lines import LineKey
from csp_billing.domain.taxes import Rate, Rated, rate_on
from csp_billing.ports import ShownLine

_Name = tuple[str, LineKey]
_LONGEST_CHAIN = 8
"""A refund of a correction of a refund … ; the bounds of R10.5 stop a close long before."""


class Taxable(NamedTuple):
    """What a line's rate depends on: the day the rules post it on, or the line of its subscription that it corrects."""

    position: int
    subscription_id: str
    net: int
    due_on: date
    corrects: LineKey | None

    @property
    def corrected(self) -> _Name | None:
        """The name of the line that it corrects."""
        return None if self.corrects is None else (self.subscription_id, self.corrects)


def rates_of(
    connection: psycopg.Connection, reseller: str, customers: Collection[str], known_by: datetime | None
) -> dict[str, list[Rate]]:
    """The rates of customers that had any by a moment (None: now), in order; of two for one day the later one."""
    found: dict[str, dict[int, int]] = defaultdict(dict)
    for customer, day, basis_points in connection.execute(
        "select customer_id, effective_on, basis_points from tax_rates where reseller_id = %s "
        "and customer_id = any(string_to_array(%s, chr(10))) and (%s::timestamptz is null or set_at <= %s) order by effective_on, rate_id",
        [reseller, "\n".join(customers), known_by, known_by],
    ):
        found[customer][day.toordinal()] = basis_points
    return {customer: [Rate(*each) for each in sorted(days.items())] for customer, days in found.items()}


def rated_lines(
    connection: psycopg.Connection,
    reseller: str,
    sales: Sequence[tuple[str, str]],
    dated_on: date,
    known_by: datetime,
) -> dict[str, list[Rated]]:
    """By sales report the lines with the rates known by a moment; only of customers that had one.

    `sales` are ids of reports of one date, whose lines are written, each with its customer.
    """
    rates = rates_of(connection, reseller, {customer for _, customer in sales}, known_by)
    taxed = {report_id: rates[customer] for report_id, customer in sales if customer in rates}
    if not taxed:
        return {}
    lines: dict[str, list[Taxable]] = {report_id: [] for report_id in taxed}
    for report_id, position, subscription_id, net, due_on, cycle, role, cause in connection.execute(
        "select report_id, position, subscription_id, amount_minor, due_on, reverses_cycle, reverses_role, reverses_cause "
        "from report_lines where reseller_id = %s and report_id = any(%s) and dated_on = %s order by position",
        [reseller, list(taxed), dated_on],
    ):
        corrects = None if role is None else LineKey(cycle, role, cause)
        lines[report_id].append(Taxable(position, subscription_id, net, due_on, corrects))
    days = _days_of(connection, reseller, [line for those in lines.values() for line in those], {})
    return {report_id: _rated(those, taxed[report_id], days) for report_id, those in lines.items()}


def rated_previews(
    connection: psycopg.Connection,
    reseller: str,
    rates: Sequence[Rate],
    reports: Sequence[Sequence[ShownLine]],
) -> list[list[Rated]]:
    """The lines of a customer's reports that are not issued yet, of one currency, oldest first; by report."""
    lines = [[_taxable(at, shown) for at, shown in enumerate(those, start=1)] for those in reports]
    own: dict[_Name, Taxable] = {}
    for those, shown_of_report in zip(lines, reports, strict=True):
        for line, shown in zip(those, shown_of_report, strict=True):
            if shown.posting.undoes is None:
                own.setdefault((line.subscription_id, shown.posting.line.key), line)
    days = _days_of(connection, reseller, [line for those in lines for line in those], own)
    return [_rated(those, rates, days) for those in lines]


def _taxable(position: int, shown: ShownLine) -> Taxable:
    line = shown.posting.line
    return Taxable(position, line.subscription, line.amount or 0, date.fromordinal(shown.due), line.reverses)


def _rated(lines: Sequence[Taxable], rates: Sequence[Rate], days: Mapping[_Name, date]) -> list[Rated]:
    found: list[Rated] = []
    for line in lines:
        day = line.due_on if line.corrected is None else days.get(line.corrected, line.due_on)
        found.append(Rated(line.position, line.net, rate_on(rates, day.toordinal())))
    return found


def _days_of(
    connection: psycopg.Connection,
    reseller: str,
    lines: Sequence[Taxable],
    own: Mapping[_Name, Taxable],
) -> dict[_Name, date]:
    """The day that each corrected line was due on, or the one behind it where that is a correction, too.

    `own` are lines beside the stored ones; what is stored under the same name is older.
    """
    points: dict[_Name, _Name] = {
        name: name for line in lines for name in (line.corrected,) if name is not None
    }
    days: dict[_Name, date] = {}
    for _ in range(_LONGEST_CHAIN):
        asked = sorted(set(points.values()))
        if not asked:
            break
        known = {
            **{name: own[name] for name in asked if name in own},
            **_first_lines(connection, reseller, asked),
        }
        further: dict[_Name, _Name] = {}
        for name, target in points.items():
            line = known.get(target)
            if line is None:
                continue
            days[name] = line.due_on
            if line.corrected is not None:
                further[name] = line.corrected
        points = further
    return days


def _first_lines(
    connection: psycopg.Connection, reseller: str, names: Sequence[_Name]
) -> dict[_Name, Taxable]:
    """The first revision of each key that is stored."""
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            "select distinct on (l.subscription_id, l.cycle, l.role, l.cause) l.subscription_id, l.cycle, l.role, l.cause, "
            "l.position, l.amount_minor, l.due_on, l.reverses_cycle, l.reverses_role, l.reverses_cause "
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
            (row["subscription_id"], LineKey(row["cycle"], row["role"], row["cause"])): Taxable(
                row["position"],
                row["subscription_id"],
                row["amount_minor"],
                row["due_on"],
                None
                if row["reverses_role"] is None
                else LineKey(row["reverses_cycle"], row["reverses_role"], row["reverses_cause"]),
            )
            for row in cursor
        }
