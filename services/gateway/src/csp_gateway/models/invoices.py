"""Microsoft's invoices, and their match with our cost lines."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from csp_gateway.models.base import Body, Money, Resource, View
from csp_gateway.models.billing_reports import Period


class SignOff(Body):
    """Who answers for the invoice, and what there is to say."""

    name: str = Field(min_length=1, max_length=200)
    note: str = Field("", max_length=2000)


class NewInvoiceFetch(Body):
    """Which invoice of Microsoft's, and what it has beside its lines."""

    invoice_id: str = Field(min_length=1, max_length=100)
    adjustment: str | None = Field(None, pattern=r"^-?\d{1,15}(\.\d{1,4})?$", max_length=30)


class NewMatchDecision(Body):
    """`accept`: it is as Microsoft says. `dispute`: it is not, and Microsoft was or will be told.

    `adjust`: it is passed on; `adjustment_id` names the adjustment by hand that was granted for it.
    """

    decision: Literal["accept", "dispute", "adjust"]
    adjustment_id: str | None = Field(None, max_length=100)
    note: str | None = Field(None, max_length=2000)


class MatchProgress(View):
    """How far a match is."""

    customers: int
    customers_done: int


class SignedOff(View):
    """Who settled an invoice, and when."""

    name: str
    by: str
    at: datetime
    note: str | None


class InvoiceImport(Resource):
    """An invoice that was taken in. `status`: `matching` until the match is made, `matched`, `signed_off`, `discarded`."""

    name: str
    source: str
    format: str
    invoice_id: str | None
    sha256: str
    status: str
    period: Period
    imported_at: datetime
    imported_by: str
    progress: MatchProgress
    row_count: int
    unmapped_count: int
    microsoft: Money
    microsoft_tax: Money
    declared_total: Money | None
    adjustment_without_line: Money
    ours: Money | None
    difference: Money | None
    matched_at: datetime | None
    undecided: int
    signed_off: SignedOff | None


class ReasonTotals(View):
    """What one reason comes to."""

    reason: str
    matches: int
    undecided: int
    ours: Money
    microsoft: Money
    difference: Money


class InvoiceImportDetail(InvoiceImport):
    """With the whole difference by reason."""

    reasons: list[ReasonTotals]


class InvoiceRow(View):
    """A row of Microsoft's as it came."""

    number: int
    title: str
    charge_type: str
    charge_class: str
    period: Period
    quantity: int
    amount: Money
    reference: str | None
    unmapped: str | None = Field(description="columns that nobody knows, as JSON text")


class MatchDecision(View):
    """What was decided of a difference, by whom."""

    decision: str
    adjustment_id: str | None
    decided_at: datetime
    decided_by: str
    note: str | None


class InvoiceMatch(Resource):
    """Rows of Microsoft's against lines of ours, and why they differ."""

    number: int
    import_id: str
    reason: str
    customer_id: str | None
    subscription_id: str | None
    ours: Money
    microsoft: Money
    difference: Money
    line_ids: list[str]
    rows: list[InvoiceRow]
    needs_decision: bool
    decision: MatchDecision | None


class InvoiceFetch(Resource):
    """How far the fetch of an invoice is: `asked`, `exporting`, `done` with its import, `failed` with the reason."""

    invoice_id: str
    status: str
    import_id: str | None
    fault: str | None
    asked_at: datetime
    ended_at: datetime | None


class InvoiceUploaded(InvoiceImportDetail):
    """An invoice that was taken in; `is_known`: it was there before, and nothing was done."""

    is_known: bool
