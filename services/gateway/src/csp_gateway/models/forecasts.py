"""What the open cycle will come to, what has a deadline, and what another choice would cost."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from csp_gateway.models.base import Body, Cycle, Money, View
from csp_gateway.models.billing_reports import BillingLine, Period, ThoughtLine


class ForecastSums(View):
    """How sure the money is."""

    charged: Money
    unless_cancelled: Money
    depends_on_renewal: Money


class ForecastLedger(View):
    """What one ledger will come to in one currency."""

    ledger: str
    net: Money
    by_certainty: ForecastSums
    line_count: int
    pending_count: int = Field(description="lines that wait for a price and are not in the sums")


class ForecastLine(BillingLine):
    """A line with how sure it is."""

    certainty: Literal["charged", "unless_cancelled", "depends_on_renewal"]


class ForecastLedgerLines(ForecastLedger):
    """With its lines."""

    lines: list[ForecastLine]


class Deadline(View):
    """A day with money attached: a window that closes, a renewal."""

    kind: str
    on: date
    at: datetime | None
    subscription_id: str
    title: str
    quantity: int
    amount: Money | None = Field(description="what depends on it; null where the price is not known")


class ResellerDeadline(Deadline):
    """With the cost."""

    cost: Money | None


class ForecastHead(View):
    """Whose open cycle, as of when."""

    customer_id: str
    customer_name: str
    period: Period
    dated_on: date
    as_of: datetime


class Forecast(ForecastHead):
    """The open cycle of a customer without its lines."""

    ledgers: list[ForecastLedger]
    deadlines: list[Deadline]


class ForecastDetail(ForecastHead):
    """The open cycle of a customer line by line."""

    ledgers: list[ForecastLedgerLines]
    deadlines: list[Deadline]


class ResellerForecast(ForecastHead):
    """As the reseller sees it: deadlines with cost."""

    ledgers: list[ForecastLedger]
    deadlines: list[ResellerDeadline]


class ResellerForecastDetail(ForecastHead):
    """As the reseller sees it, line by line."""

    ledgers: list[ForecastLedgerLines]
    deadlines: list[ResellerDeadline]


class BillingChoice(Body):
    """What somebody thinks of; at least one choice. `unit_price` is of one seat and charge cycle: the new one, if given."""

    subscription_id: str
    quantity: int | None = Field(None, ge=1, le=10_000_000)
    unit_price: str | None = Field(None, pattern=r"^\d{1,9}(\.\d{1,6})?$")
    charge_cycle: Cycle | None = None
    quantity_at_renewal: int | None = Field(None, ge=1, le=10_000_000)
    until: date | None = None


class Side(View):
    """The lines of one course of things."""

    net: Money
    pending_count: int
    lines: list[ThoughtLine]


class WhatIf(View):
    """Sales lines up to a day, as things are and as they would be.

    Without `until`: a year; where another charge cycle or other seats at the renewal are thought of, the end of the
    first term that is paid so, because a fee for days behind it would stand on one side alone. `difference` is null
    while a price is missing on either side (`pending_count`).
    """

    subscription_id: str
    from_: date = Field(alias="from")
    until: date
    as_is: Side
    what_if: Side
    difference: Money | None
