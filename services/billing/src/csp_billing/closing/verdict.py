"""Whether what was settled may become final, and who has to act where it may not."""

from typing import NamedTuple

from csp_billing.closing.job import CloseJob
from csp_billing.closing.sheets import Sheet


class Verdict(NamedTuple):
    """What becomes of a sheet: `final`, or a state of its report, and why where it is not closed."""

    state: str
    reason: str | None = None


def verdict_on(sheet: Sheet, status: str, job: CloseJob) -> Verdict:
    """Whether a sheet may become final (D-6, R10.4, R10.5, R11.1), and who has to act where it may not."""
    if sheet.is_empty:
        return Verdict("empty")
    if status == "unallocated":
        return Verdict("held", "unallocated")
    if sheet.first_day < job.from_on.toordinal():
        return Verdict("held", "earlier-report-open")
    if sheet.pending:
        return Verdict("blocked", "price-missing")
    if status == "unknown":
        return Verdict("blocked", "customer-unknown")
    if sheet.broken:
        first = min(sheet.broken, key=lambda bound: (bound.code != "too-many-lines", bound.subscription))
        return Verdict("blocked", f"bounds-exceeded: {first.subscription} {first.code}")
    if job.carry_forward and sheet.net < 0:
        return Verdict("carried")
    return Verdict("final")
