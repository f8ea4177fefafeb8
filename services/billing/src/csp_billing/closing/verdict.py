"""Whether what was settled may become final, and who has to act where it may not."""

from typing import NamedTuple

from csp_billing.closing.job import CloseJob
from csp_billing.domain.bounds import broken_bounds
from csp_billing.settler import Draft

_MOST_LINES_TO_TRUST = 40
"""Fewer lines than this in a report cannot break the bounds of one subscription and day."""


class Verdict(NamedTuple):
    """What becomes of a draft: a state of its report, and why where it is not closed."""

    state: str
    reason: str | None = None


def verdict_on(draft: Draft, status: str, job: CloseJob) -> Verdict:
    """Whether a draft may become final (D-6, R10.4, R10.5, R11.1), and who has to act where it may not."""
    if draft.is_empty:
        return Verdict("empty")
    if status == "unallocated":
        return Verdict("held", "unallocated")
    if draft.first_day < job.from_on.toordinal():
        return Verdict("held", "earlier-report-open")
    if draft.pending:
        return Verdict("blocked", "price-missing")
    if status == "unknown":
        return Verdict("blocked", "customer-unknown")
    if len(draft.lines) > _MOST_LINES_TO_TRUST or any(shown.posting.revision > 1 for shown in draft.lines):
        broken = broken_bounds(shown.posting for shown in draft.lines)
        if broken:
            return Verdict("blocked", f"bounds-exceeded: {broken[0].subscription} {broken[0].code}")
    if job.carry_forward and draft.net < 0:
        return Verdict("carried")
    return Verdict("closing")
