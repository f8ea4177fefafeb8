"""Report cycles of a reseller."""

from datetime import date, datetime

from csp_gateway.models.base import Money, Resource, View
from csp_gateway.models.billing_reports import Period


class CycleProgress(View):
    """How far a close is."""

    shards: int
    shards_done: int
    subscriptions: int
    lines: int


class CycleSummary(View):
    """What a closed cycle comes to; `net` by ledger, `tax` on sales. `sha256` is over the hashes of its reports."""

    reports: int
    held: int
    lines: int
    sha256: str
    net: dict[str, list[Money]]
    tax: list[Money]


class BillingCycle(Resource):
    """A report cycle: `open` until it is over, `ended` until its close begins, `closing` until all is issued or held, `closed`."""

    period: Period
    dated_on: date
    status: str
    started_at: datetime | None
    closed_at: datetime | None
    progress: CycleProgress
    summary: CycleSummary | None


class WaitingReport(View):
    """A report that waits for somebody (`blocked`), or without which its cycle closes (`held`)."""

    report_id: str
    customer_id: str
    ledger: str
    currency: str
    status: str
    reason: str
    held_by: str | None


class BillingCycleDetail(BillingCycle):
    """A cycle with its reports by status, and the first hundred that wait."""

    reports: dict[str, int]
    waiting: list[WaitingReport]
