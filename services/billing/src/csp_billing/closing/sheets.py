"""What is to become of each report, as the text of its rows: a small part of what its lines take as objects."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date

from csp_billing.domain.bounds import BoundBroken, broken_bounds
from csp_billing.domain.rules import Ledger
from csp_billing.domain.state import State
from csp_billing.ports import report_order
from csp_billing.settling.line_rows import text_behind_position
from csp_billing.settling.plain_positions import Fees, PlainRow
from csp_billing.settling.positions import Position, pack_position
from csp_billing.settling.settler import Draft

_NEVER = date.max.toordinal()
_MOST_LINES_TO_TRUST = 40
"""Fewer lines than this cannot break the bounds of one subscription and day."""


@dataclass(slots=True)
class Sheet:
    """What is to be posted to a customer in one ledger and currency. Parts of a large customer come one after the other.

    `net` in minor units; `first_day` is the earliest posting day, of lines without a price too, which are `pending`; usual
    fees are never early. `over` are subscriptions of which nothing can be due any more, unless a new fact says so.
    """

    rows: list[PlainRow] = field(default_factory=list)
    positions: list[tuple[str, str]] = field(default_factory=list)
    over: list[str] = field(default_factory=list)
    broken: list[BoundBroken] = field(default_factory=list)
    net: int = 0
    first_day: int = _NEVER
    pending: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to post, nor to wait for."""
        return not self.rows and not self.pending

    def take_fees(self, subscription_id: str, fees: Fees) -> None:
        """Take what a plain subscription comes to."""
        rows, amount, position = fees
        self.rows += rows
        self.net += amount
        self.positions.append((subscription_id, position))

    def take(self, draft: Draft) -> None:
        """Take what was settled of other subscriptions."""
        for name, position in draft.positions:
            self.positions.append((name, pack_position(position)))
            if _is_over(position):
                self.over.append(name)
        if draft.pending:
            self.pending += len(draft.pending)
            self.first_day = min(self.first_day, *draft.pending)
        has_rewrites = False
        for shown in draft.lines:
            row = (*report_order(shown), text_behind_position(*shown))
            self.rows.append(row)
            self.net += shown.posting.line.amount or 0
            self.first_day = min(self.first_day, row[0])
            has_rewrites = has_rewrites or shown.posting.revision > 1
        if has_rewrites or len(draft.lines) > _MOST_LINES_TO_TRUST:
            self.broken += broken_bounds(each.posting for each in draft.lines)


Owner = tuple[str, Ledger, str]
"""Whose sheet: customer, ledger, currency."""
Sheets = defaultdict[Owner, Sheet]


def _is_over(position: Position) -> bool:
    checkpoint = position.checkpoint
    return (
        isinstance(checkpoint, State)
        and checkpoint.status == "ended"
        and not checkpoint.deferred
        and not position.ahead
    )
