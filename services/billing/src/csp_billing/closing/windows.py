"""Which windows a reseller's report cycles are, and from which day a report can still be posted on."""

from collections.abc import Sequence
from datetime import date

import psycopg

from csp_billing.domain.rules import Ledger
from csp_billing.settler import OpenFrom


def first_open_days(
    connection: psycopg.Connection, reseller: str, from_on: date, customers: Sequence[str]
) -> OpenFrom:
    """The first day that can still be posted on: `from_on`, the reseller's first window that is not closed, but

    later where a report was issued by itself, and earlier where one is blocked or held.
    """
    ahead: dict[tuple[str, Ledger, str], int] = {}
    rows = connection.execute(
        "select customer_id, ledger, currency, max(until_on) from reports where reseller_id = %s and until_on > %s "
        "and customer_id = any(%s) and state in ('issued', 'closing', 'carried', 'empty') group by 1, 2, 3",
        [reseller, from_on, list(customers)],
    )
    for customer_id, ledger, currency, until_on in rows:
        ahead[customer_id, ledger, currency] = until_on.toordinal()
    rows = connection.execute(
        "select customer_id, ledger, currency, min(from_on) from reports where reseller_id = %s "
        "and customer_id = any(%s) and state in ('blocked', 'held') group by 1, 2, 3",
        [reseller, list(customers)],
    )
    for customer_id, ledger, currency, held_from in rows:
        ahead[customer_id, ledger, currency] = held_from.toordinal()
    usual = from_on.toordinal()
    return lambda customer_id, ledger, currency: ahead.get((customer_id, ledger, currency), usual)
