"""Tax rates of customers, the tax of issued reports, and credit notes."""

from datetime import date, datetime

from pydantic import Field

from csp_gateway.models.base import Body, Money, View
from csp_gateway.models.billing_reports import BillingLine


class TaxRate(Body):
    """A rate in percent from a UTC day on; `0` where there is no tax."""

    percent: str = Field(pattern=r"^\d{1,3}(\.\d{1,2})?$")
    effective_on: date


class TaxRateSet(View):
    """The rate as it was set."""

    percent: str
    effective_on: date


class TaxRateView(TaxRateSet):
    """A customer's rate from a day on, and who set it."""

    set_at: datetime
    set_by: str


class TaxOfRate(View):
    """The tax of one rate, on the sum of its lines, rounded once."""

    percent: str
    net: Money
    tax: Money


class TaxOfLine(TaxOfRate):
    """A line's part of its rate's tax; the parts sum to it."""

    position: int = Field(description="the line's place in the report, from 1")


class ReportTaxes(View):
    """What an issued report was taxed with, or one that is not issued would be now."""

    report_id: str
    number: str | None = Field(description="null while it is not issued")
    status: str
    net: Money
    tax: Money
    gross: Money
    rates: list[TaxOfRate]
    lines: list[TaxOfLine] | None = Field(None, description="null unless asked for with `lines`")


class GivenBack(View):
    """The issued line that a negative line gives back."""

    line_id: str
    report_id: str
    report_number: str
    amount: Money


class CreditedLine(BillingLine):
    """A negative line with its tax."""

    tax: Money
    reverses: GivenBack | None


class CreditNote(View):
    """The negative lines of an issued report."""

    number: str
    report_id: str
    report_number: str
    customer_id: str
    customer_name: str
    dated_on: date
    net: Money
    tax: Money
    gross: Money
    lines: list[CreditedLine]
