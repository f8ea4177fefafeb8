"""What one close is: whose cycle, frozen where, under which settings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from csp_billing.closing.cycles import close_days
from csp_billing.domain.rules import Ledger
from csp_billing.settling.close_days import CloseDays
from csp_billing.settling.settler import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseJob:
    """A cycle `[from_on, until_on)` of a reseller, frozen at a watermark of the log.

    `open_from` is the first day of the reseller's first cycle that is not closed, `older_than` the watermark of the cycle
    before. Facts up to `calm_since` are in every position of that cycle. `is_begun` says that reports of this cycle, or of
    later ones, were issued by themselves before, so that some of its positions are there already. With `carry_forward` a report below zero is not
    issued: its lines wait for the next one (R11.1).
    """

    cycle_id: str
    reseller: str
    from_on: date
    until_on: date
    open_from: date
    watermark: int
    older_than: int
    calm_since: int
    is_begun: bool
    close_days: CloseDays
    ledgers: Sequence[Ledger]
    carry_forward: bool
    started_at: datetime

    @property
    def span(self) -> Span:
        """The days that are settled."""
        return Span(
            base_on=self.from_on,
            last=self.until_on.toordinal() - 1,
            watermark=self.watermark,
            older_than=self.older_than,
            close_days=self.close_days,
            ledgers=self.ledgers,
        )


def load_job(connection: psycopg.Connection, cycle_id: str) -> CloseJob | None:
    """The close of a cycle that is being closed, or was; None where it never began."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            "select c.*, (select coalesce(max(b.watermark), 0) from cycles b where b.reseller_id = c.reseller_id "
            "and b.until_on <= c.from_on) as older_than, (select min(o.from_on) from cycles o "
            "where o.reseller_id = c.reseller_id and o.state <> 'closed') as open_from, "
            "(select min(r.watermark) from reports r where r.reseller_id = c.reseller_id and r.until_on = c.from_on "
            "and r.state = 'issued') as earliest, exists (select from reports i where i.reseller_id = c.reseller_id "
            "and i.until_on >= c.until_on and i.state = 'issued') as begun from cycles c where c.cycle_id = %s and c.state <> 'open'",
            [cycle_id],
        ).fetchone()
    return None if row is None else _job(row, close_days(connection, row["reseller_id"]))


def _job(row: dict[str, Any], days: CloseDays) -> CloseJob:
    command = row["command"]
    return CloseJob(
        cycle_id=row["cycle_id"],
        reseller=row["reseller_id"],
        from_on=row["from_on"],
        until_on=row["until_on"],
        open_from=row["open_from"] or row["from_on"],
        watermark=row["watermark"],
        older_than=row["older_than"],
        is_begun=row["begun"],
        calm_since=min(row["older_than"], row["earliest"] or 0),
        close_days=days,
        ledgers=tuple(command["ledgers"]),
        carry_forward=command["carry_forward"],
        started_at=row["started_at"],
    )
