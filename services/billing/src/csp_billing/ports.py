"""What the use cases know of subscriptions and reports."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple, Protocol, TypeVar

import psycopg

from csp_billing.domain.delta import Posting
from csp_billing.domain.lines import LineKey
from csp_billing.domain.taxes import Rated, TaxGroup
from csp_contracts.ids import Kind, named_id

T = TypeVar("T")


class Books(Protocol):
    """Connections for work that folds or writes much: synchronous, in the worker's role."""

    schema: str

    async def run(self, work: Callable[[psycopg.Connection], T]) -> T:
        """Do something in a thread; raises what it raises."""

    def watermark(self) -> int:
        """The last arrival in the log of record; called from such a thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportKey:
    """Whose report, of which window `[from_on, until_on)`, in which ledger and currency; it is dated `until_on` (R3.1)."""

    report_id: str
    reseller: str
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
        reseller=reseller,
        customer_id=customer_id,
        ledger=ledger,
        currency=currency,
        from_on=from_on,
        until_on=until_on,
    )


class Sold(NamedTuple):
    """What a subscription is billed in, and the title it is sold under."""

    currency: str
    title: str


class ShownLine(NamedTuple):
    """A line of a report with what it is shown under. `due` is the day the rules post it on; a late one is posted later."""

    posting: Posting
    title: str
    due: int


def report_order(shown: ShownLine) -> tuple[int, str, int, bool, LineKey]:
    """Order inside a report: posting date, subscription, service start, refunds before charges, key."""
    line = shown.posting.line
    return line.posted, line.subscription, line.start, (line.amount or 0) >= 0, line.key


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """What makes a report final: its number, the hash over its lines' canonical bytes, and when."""

    number: str
    sha256: str
    issued_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report with its lines in report order. `net` in minor units is the sum of exactly these lines.

    `status`: `open` until its window is over, then `ended`, until it is `issued`; `blocked` and `held` say by
    `hold_reason` what keeps it. `pending` counts lines that wait for a price (D-6); `earlier` counts lines that belong
    to reports before this one that are not issued yet. Both hold the report. `taxes` as they were when it was issued, or as
    they would be now; `rated` are the lines of one that is not issued, where there is tax.
    """

    key: ReportKey
    customer_name: str
    status: str
    net: int
    line_count: int
    lines: Sequence[ShownLine] = ()
    pending: int = 0
    earlier: int = 0
    seal: Seal | None = None
    hold_reason: str | None = None
    held_by: str | None = None
    taxes: Sequence[TaxGroup] = ()
    rated: Sequence[Rated] = ()

    @property
    def tax(self) -> int:
        """The tax in minor units (R11.3)."""
        return sum(group.tax for group in self.taxes)


def line_id_of(key: ReportKey, posting: Posting) -> str:
    """The id of a line: the same whenever and however often it is computed (R10.1)."""
    line = posting.line
    return named_id(
        Kind.LINE, key.reseller, f"{key.ledger}/{line.subscription}/{line.key}/{posting.revision}"
    )


class MatchedTo(NamedTuple):
    """Rows of an imported invoice of Microsoft's that a cost line stands against, and what the match came to (section 14)."""

    import_id: str
    invoice_id: str | None
    match_id: str
    code: str
    rows: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a preview is asked for: reports of customers up to the window that contains `last`, as known at a moment or now."""

    reseller: str
    customer_ids: Sequence[str]
    last: date
    today: date
    sell_only: bool
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceEdit:
    """An edit of the sales price of service days `[from_on, until_on)` that somebody thinks of, in millionths (R5.4)."""

    subscription_id: str
    currency: str
    unit_price_micro: int
    from_on: date
    until_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EditEffect:
    """Lines that an edit adds to reports not issued yet, and those there that they come instead of."""

    key: ReportKey
    lines: Sequence[ShownLine]
    instead_of: Sequence[ShownLine]

    @property
    def net(self) -> int:
        """What the customer pays more, in minor units; less is negative."""
        return _sum(self.lines) - _sum(self.instead_of)


def _sum(lines: Sequence[ShownLine]) -> int:
    return sum(shown.posting.line.amount or 0 for shown in lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesAsked:
    """A page of a report's lines behind a position, those that fit; None fits everything."""

    after: int
    size: int
    kind: str | None = None
    reason: str | None = None
    subscription_id: str | None = None

    def fits(self, shown: ShownLine) -> bool:
        """Whether a line is among those asked for."""
        line = shown.posting.line
        wanted = (
            (self.kind, line.kind),
            (self.reason, line.reason),
            (self.subscription_id, line.subscription),
        )
        return all(value is None or value == has for value, has in wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesPage:
    """Lines with their positions in report order. `count` and `net` (minor units) are over all that fit, not this page alone."""

    lines: Sequence[tuple[int, ShownLine]]
    count: int
    net: int
