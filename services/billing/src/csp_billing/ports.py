"""What the use cases know of subscriptions and reports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from csp_contracts.ids import Kind, named_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """A subscription with whom it is billed to."""

    subscription_id: str
    customer_id: str
    product_title: str
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportKey:
    """Whose report, of which window `[from_on, until_on)`, in which ledger and currency; it is dated `until_on` (R3.1)."""

    report_id: str
    customer_id: str
    ledger: str
    currency: str
    from_on: date
    until_on: date


def report_key(
    reseller: str, customer_id: str, ledger: str, currency: str, from_on: date, until_on: date
) -> ReportKey:
    """The key of a report, with its id."""
    name = f"{customer_id}/{until_on.isoformat()}/{ledger}/{currency}"
    return ReportKey(
        report_id=named_id(Kind.REPORT, reseller, name),
        customer_id=customer_id,
        ledger=ledger,
        currency=currency,
        from_on=from_on,
        until_on=until_on,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealing:
    """Everything that is written when a report is issued; `number` is the `count`-th of its reseller and ledger."""

    reseller: str
    key: ReportKey
    customer_name: str
    count: int
    number: str
    rows: Sequence[Mapping[str, Any]]
    sha256: str
    net: int
    watermark: int
    engine: str
    issued_at: datetime
