"""Report cycles, reports and their lines. Amounts are minor units of the report's currency.

`BillingLineAdded` of a report come before its `ReportIssued`, in a stream of their own (`<report>/lines`), so that a
receiver can prove that it holds them all: count, totals and hash stand in `ReportIssued`.
"""

from dataclasses import dataclass, field
from datetime import date

from csp_contracts.envelope import Visibility
from csp_contracts.ids import Kind
from csp_contracts.registry import event


@event("csp.billing.billing-cycle-opened.v1", stream=Kind.BILLING_CYCLE, visibility=Visibility.RESELLER)
@dataclass(frozen=True, slots=True, kw_only=True)
class BillingCycleOpened:
    """A reseller's report cycle `[from_on, until_on)`; reports are dated `until_on` (R3.1)."""

    cycle_id: str
    from_on: date
    until_on: date


@event("csp.billing.billing-line-added.v1", stream=Kind.REPORT)
@dataclass(frozen=True, slots=True, kw_only=True)
class BillingLineAdded:
    """One line of an issued report; `kind`, `reason` and `rule` as in the rulebook, service days `[from_on, until_on)`."""

    line_id: str
    report_id: str
    subscription_id: str
    ledger: str
    kind: str
    reason: str
    product: str
    product_title: str
    posted_on: date
    from_on: date
    until_on: date
    quantity: int
    unit_price_micro: int
    currency: str
    amount_minor: int
    rule: str
    price_ref: str | None = None
    reverses: str | None = None
    late: bool = False
    caused_by: list[str] = field(default_factory=list)


@event("csp.billing.report-issued.v1", stream=Kind.REPORT)
@dataclass(frozen=True, slots=True, kw_only=True)
class ReportIssued:
    """A report is final. `sha256` is over its lines' canonical bytes, in order."""

    report_id: str
    cycle_id: str
    customer_id: str
    number: str
    ledger: str
    currency: str
    dated_on: date
    from_on: date
    until_on: date
    net_minor: int
    tax_minor: int
    lines: int
    sha256: str


@event("csp.billing.billing-cycle-closed.v1", stream=Kind.BILLING_CYCLE, visibility=Visibility.RESELLER)
@dataclass(frozen=True, slots=True, kw_only=True)
class BillingCycleClosed:
    """Every report of the cycle is issued or held.

    `sha256` is over the hashes of the issued ones in the order of their numbers, `cost` before `sell`, each ended by a
    line feed. `net_minor` are sales by currency, `cost_minor` what Microsoft charges; `lines` counts both ledgers'.
    `tax_minor` is the tax on sales by currency.
    """

    cycle_id: str
    reports: int
    held: int
    net_minor: dict[str, int]
    sha256: str
    cost_minor: dict[str, int] = field(default_factory=dict)
    lines: int = 0
    tax_minor: dict[str, int] = field(default_factory=dict)


@event("csp.billing.manual-adjustment-granted.v1", stream=Kind.ADJUSTMENT)
@dataclass(frozen=True, slots=True, kw_only=True)
class ManualAdjustmentGranted:
    """A person granted a credit (below zero) or a charge (above it) of a subscription's sales ledger (R11.5).

    With a line it is a credit that counts in the line's cap (R4.5): the line is named by its id, its key
    `cycle/role/cause` and first service day; `line_open_minor` was open of it. `text` is for the customer, without names.
    """

    adjustment_id: str
    subscription_id: str
    currency: str
    amount_minor: int
    text: str
    line_id: str | None = None
    line_key: str | None = None
    line_from_on: date | None = None
    line_open_minor: int | None = None


@event("csp.billing.variance-found.v1", stream=Kind.VARIANCE, visibility=Visibility.RESELLER)
@dataclass(frozen=True, slots=True, kw_only=True)
class VarianceFound:
    """A named difference between our cost and Microsoft's figure (rulebook 14)."""

    variance_id: str
    subscription_id: str | None
    outcome: str
    currency: str
    ours_minor: int
    microsoft_minor: int
    import_id: str | None = None
    customer_id: str | None = None


@event("csp.billing.variance-resolved.v1", stream=Kind.VARIANCE, visibility=Visibility.RESELLER)
@dataclass(frozen=True, slots=True, kw_only=True)
class VarianceResolved:
    """What became of a difference: `accept`, `dispute` or `adjust` by a person, `explained` or `discarded` by itself.

    A later one of the same difference replaces it.
    """

    variance_id: str
    resolution: str
