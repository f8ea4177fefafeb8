"""The chain of a reseller's report cycles, opened as time reaches them, each beginning where the one before ended."""

from datetime import date, datetime
from typing import NamedTuple

import psycopg

from csp_billing.closing.issuing import alone_with, opened
from csp_billing.settling.close_days import CloseDays
from csp_commerce_rules.report_cycles import window_of
from csp_contracts.envelope import Meta, Recorded
from csp_contracts.ids import Kind, named_id
from csp_runtime.bulk_append import append_in


class Cycle(NamedTuple):
    """One report cycle `[from_on, until_on)`; its reports are dated `until_on` (R3.1)."""

    cycle_id: str
    from_on: date
    until_on: date


def close_days(connection: psycopg.Connection, reseller: str) -> CloseDays:
    """What provisioning has told of a reseller's close day."""
    rows = connection.execute(
        "select effective_on, value from reseller_settings where reseller_id = %s and setting = 'close_day' "
        "order by effective_on, stream_version",
        [reseller],
    )
    return CloseDays([(row[0], int(row[1])) for row in rows])


def cycle_from(reseller: str, from_on: date, days: CloseDays) -> Cycle:
    """The cycle that begins on a day: up to the next close day (R3.1)."""
    until_on = date.fromordinal(window_of(from_on.toordinal(), days.on(from_on)).report_date)
    return Cycle(named_id(Kind.BILLING_CYCLE, reseller, until_on.isoformat()), from_on, until_on)


def known_cycles(connection: psycopg.Connection, reseller: str) -> list[Cycle]:
    """The cycles that were opened, oldest first."""
    rows = connection.execute(
        "select cycle_id, from_on, until_on from cycles where reseller_id = %s order by until_on", [reseller]
    )
    return [Cycle(*row) for row in rows]


def first_day(connection: psycopg.Connection, reseller: str, days: CloseDays) -> date | None:
    """The first day of the window in which the reseller's first subscription is billed; None where there is none."""
    row = connection.execute(
        "select min(bills_from) from subscriptions where reseller_id = %s", [reseller]
    ).fetchone()
    if row is None or row[0] is None:
        return None
    return date.fromordinal(window_of(row[0].toordinal(), days.on(row[0])).first)


def open_cycles(connection: psycopg.Connection, schema: str, reseller: str, now: datetime) -> None:
    """Open every cycle up to the one that today is in."""
    with connection.transaction():
        alone_with(connection, reseller)
        row = connection.execute(
            "select max(until_on) from cycles where reseller_id = %s", [reseller]
        ).fetchone()
        days = close_days(connection, reseller)
        start = row[0] if row is not None and row[0] is not None else first_day(connection, reseller, days)
        if start is None:
            return
        meta = Meta(reseller=reseller, partition_key=reseller, effective_at=now, recorded_at=now)
        events: list[Recorded[object]] = []
        while start <= now.date():
            cycle = cycle_from(reseller, start, days)
            connection.execute(
                "insert into cycles (cycle_id, reseller_id, from_on, until_on) values (%s, %s, %s, %s)",
                [cycle.cycle_id, reseller, cycle.from_on, cycle.until_on],
            )
            connection.execute("select make_month(%s)", [cycle.until_on])  # its close need not wait for that
            events.append(opened(cycle.cycle_id, cycle.from_on, cycle.until_on, meta))
            start = cycle.until_on
        append_in(connection, schema, events)
