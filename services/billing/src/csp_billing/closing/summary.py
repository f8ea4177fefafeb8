"""What a closed cycle comes to: how an ERP system proves that it holds all of it."""

import hashlib
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleSummary:
    """Counts and totals over the issued reports of a cycle; `net_minor` by ledger and currency, `tax_minor` by currency.

    `sha256` is over the hashes of the reports in the order of their numbers (ledger, then number), each ended by a line feed.
    """

    reports: int
    held: int
    lines: int
    net_minor: dict[str, dict[str, int]]
    tax_minor: dict[str, int]
    sha256: str

    def as_json(self) -> dict[str, Any]:
        """As it is stored with the cycle."""
        return {
            "reports": self.reports,
            "held": self.held,
            "lines": self.lines,
            "net_minor": self.net_minor,
            "tax_minor": self.tax_minor,
            "sha256": self.sha256,
        }


def summarised(connection: psycopg.Connection, reseller: str, until_on: date) -> CycleSummary:
    """The summary of a cycle from its reports, as they are in this transaction."""
    hashed = hashlib.sha256()
    net: dict[str, dict[str, int]] = {"sell": {}, "cost": {}}
    reports = lines = 0
    tax: dict[str, int] = {}
    for ledger, currency, net_minor, tax_minor, line_count, sha256 in connection.execute(
        "select ledger, currency, net_minor, coalesce(tax_minor, 0), line_count, sha256 from reports "
        "where reseller_id = %s and until_on = %s and state = 'issued' order by ledger, length(number), number",
        [reseller, until_on],
    ):
        hashed.update(f"{sha256}\n".encode())
        net[ledger][currency] = net[ledger].get(currency, 0) + net_minor
        if ledger == "sell":
            tax[currency] = tax.get(currency, 0) + tax_minor
        reports, lines = reports + 1, lines + line_count
    row = connection.execute(
        "select count(*) from reports where reseller_id = %s and until_on = %s and state = 'held'",
        [reseller, until_on],
    ).fetchone()
    return CycleSummary(
        reports=reports,
        held=0 if row is None else row[0],
        lines=lines,
        net_minor=net,
        tax_minor=tax,
        sha256=hashed.hexdigest(),
    )
