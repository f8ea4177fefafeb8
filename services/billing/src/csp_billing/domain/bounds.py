"""Safety bounds (R10.5): nonsense parks a customer and asks a person instead of being billed."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from csp_billing.domain.delta import Posting


@dataclass(frozen=True, slots=True)
class BoundBroken:
    """Why a run is stopped for a subscription: `too-many-lines` or `reversal-chain`."""

    code: str
    subscription: str
    found: int
    allowed: int


def broken_bounds(
    postings: Iterable[Posting], *, lines_per_day: int = 50, reversal_chain: int = 3
) -> list[BoundBroken]:
    """Bounds that these postings would break: lines per subscription and day, and rewrites of one key."""
    postings = list(postings)
    per_day = Counter(
        (posting.line.subscription, posting.line.posted, posting.line.start) for posting in postings
    )
    found: dict[tuple[str, str], BoundBroken] = {}
    for (subscription, _, _), count in per_day.items():
        if count > lines_per_day:
            found["too-many-lines", subscription] = BoundBroken(
                "too-many-lines", subscription, count, lines_per_day
            )
    for posting in postings:
        if posting.undoes is not None and posting.revision > reversal_chain:
            subscription = posting.line.subscription
            found["reversal-chain", subscription] = BoundBroken(
                "reversal-chain", subscription, posting.revision, reversal_chain
            )
    return list(found.values())
