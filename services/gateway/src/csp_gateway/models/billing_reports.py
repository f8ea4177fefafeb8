"""Billing reports and their lines. A report is of one ledger; a customer is shown that of sales alone."""

from datetime import date, datetime
from typing import Generic, TypeVar

from pydantic import Field

from csp_gateway.models.base import Meta, Money, Resource, View


class Period(View):
    """Days `[from, until)`."""

    from_: date = Field(alias="from")
    until: date
    time_zone: str


class BillingReport(Resource):
    """A report without its lines.

    `status`: `open` until its cycle is over, `ended` until it is issued, `issued`; `blocked` and `held` by `hold_reason`.
    `tax` is that of the issue, before it what there would be now. `pending_count` lines wait for a price. `number`, `sha256` and `issued_at` are there once it is issued.
    """

    customer_id: str
    customer_name: str
    dated_on: date
    period: Period
    status: str
    ledger: str
    net: Money
    tax: Money
    gross: Money
    line_count: int
    pending_count: int
    number: str | None
    sha256: str | None
    hold_reason: str | None
    held_by: str | None
    issued_at: datetime | None


class WhyInputs(View):
    """The figures that made an amount; prices and amounts as decimal text."""

    unit_price: str | None
    quantity: int
    days: int
    of_days: int
    discount: str


class Why(View):
    """Why a line is there, as a sentence and as data: events, price row, rule of the rulebook, figures, what it reverses."""

    text: str
    rule: str
    caused_by: list[str]
    price_ref: str
    inputs: WhyInputs
    key: str
    revision: int
    posted_on: date
    late: bool
    reverses: str | None = None


class ThoughtLine(View):
    """A line that a thought would post; `kind` is `cycle_fee`, `pro_rata`, `refund` or `adjustment`, `period` its service days."""

    subscription_id: str
    title: str
    product: str
    kind: str
    reason: str
    posted_on: date
    period: Period
    quantity: int
    unit_price: Money | None
    amount: Money | None
    late: bool
    why: Why


class MatchedTo(View):
    """Rows of an imported invoice that a line stands against, with the outcome of the match."""

    import_id: str
    invoice_id: str | None
    match_id: str
    code: str
    rows: list[int]


class BillingLine(ThoughtLine):
    """A line of a report."""

    id: str


class ResellerBillingLine(BillingLine):
    """As the reseller sees it. `matched_to` is there on cost lines: what of Microsoft's invoices stands against it."""

    matched_to: list[MatchedTo] | None = None


L = TypeVar("L", bound=BillingLine)


class LineTotals(View):
    """Over all lines that the filters leave, on whichever page."""

    count: int
    net: Money


class LinesMeta(Meta):
    """About a page of lines."""

    totals: LineTotals


class BillingLinePage(View, Generic[L]):
    """A page of a report's lines, in report order."""

    data: list[L]
    meta: LinesMeta


class LinesOfSubscription(View, Generic[L]):
    """A subscription's lines of one day."""

    subscription_id: str
    title: str
    net: Money
    lines: list[L]


class LinesOfDay(View, Generic[L]):
    """The lines posted on one day, by subscription."""

    on: date
    net: Money
    subscriptions: list[LinesOfSubscription[L]]


class BillingReportDetail(BillingReport, Generic[L]):
    """A report with its lines: date, subscription, line. `net` is the sum of exactly these lines."""

    dates: list[LinesOfDay[L]]
