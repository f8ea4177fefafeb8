"""What an edit of a sales price would post (R5.4): the fold of a preview, once without and once with the edit. Nothing is written."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time

import psycopg

from csp_billing.adapters.books import Books
from csp_billing.adapters.ledger_reader import LedgerReader
from csp_billing.adapters.previews import calendar_until
from csp_billing.closing.cycles import close_days
from csp_billing.closing.windows import open_days
from csp_billing.ports import EditEffect, PriceEdit, ReportKey, ShownLine, report_key, report_order
from csp_billing.settling.posting import Known, Log, Subject, begin_anew, to_post
from csp_billing.settling.timelines import told_by
from csp_contracts.pricing_v1 import SubscriptionPriceEdited


class PriceEditEffects:
    """As its port; folds in a thread."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def of(self, reseller: str, edit: PriceEdit, now: datetime) -> EditEffect:
        """Lines that the edit adds to reports not issued yet, and those they come instead of."""
        return await self._books.run(lambda connection: _effect(connection, reseller, edit, now))


def _effect(connection: psycopg.Connection, reseller: str, edit: PriceEdit, now: datetime) -> EditEffect:
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        reader = LedgerReader(connection, reseller, _ALL)
        subject = reader.subject(edit.subscription_id)
        today = now.date()
        calendar = calendar_until(connection, reseller, max(today, edit.from_on))
        if subject is None or calendar is None:
            return EditEffect(key=_key(reseller, None, edit, today), lines=[], instead_of=[])
        family = reader.families([edit.subscription_id]).get(
            edit.subscription_id, frozenset((edit.subscription_id,))
        )
        log = reader.log(sorted(family))
        was = reader.issued([edit.subscription_id]).get(("sell", edit.subscription_id), {})
        owners = sorted({subject.customer_id, *(each.customer_id for each in was.values())})
        row = connection.execute(
            "select max(until_on) from cycles where reseller_id = %s and state <> 'open'", [reseller]
        ).fetchone()
        usual = (None if row is None else row[0]) or calendar.cycles[0].from_on
        windows = open_days(connection, reseller, usual, owners)
        days = close_days(connection, reseller)
    until = calendar.around(max(today, edit.from_on)).until_on.toordinal() - 1

    def posted(events: Log) -> list[ShownLine]:
        due = begin_anew(
            [edit.subscription_id], "sell", events, until=until, watermark=_ALL, close_days=days
        ).get(edit.subscription_id)
        lines: list[ShownLine] = []
        for owner in owners if due is not None else ():
            assert due is not None  # noqa: S101 - the loop says so
            shown, _ = to_post(subject, due, was, owner, windows.first(owner, "sell", subject.currency))
            lines += shown
        return sorted(lines, key=report_order)

    before, after = posted(log), posted(_with(log, edit, now))
    return EditEffect(
        key=_key(reseller, subject, edit, today),
        lines=_without(after, before),
        instead_of=_without(before, after),
    )


def _with(log: Log, edit: PriceEdit, now: datetime) -> Log:
    """The log with one more event at its end, behind everything that has a position."""
    data = SubscriptionPriceEdited(
        subscription_id=edit.subscription_id,
        tenant_id="",
        currency="",
        unit_price_micro=edit.unit_price_micro,
        price_ref="what-if",
        from_on=edit.from_on,
        until_on=edit.until_on,
    )
    effective_at = datetime.combine(edit.from_on, time(), UTC)
    known = Known(_ALL, told_by("what-if", 1, data, effective_at, now))
    events = {**log.events, edit.subscription_id: [*log.events.get(edit.subscription_id, ()), known]}
    return Log(events, log.positions)


def _without(lines: Sequence[ShownLine], others: Sequence[ShownLine]) -> list[ShownLine]:
    """Those lines that stand in the one list and not in the other, whatever caused them."""
    left = Counter(_same(shown) for shown in others)
    found: list[ShownLine] = []
    for shown in lines:
        if left[_same(shown)]:
            left[_same(shown)] -= 1
        else:
            found.append(shown)
    return found


def _same(shown: ShownLine) -> tuple[object, ...]:
    line = shown.posting.line
    return (line.kind, line.start, line.end, line.quantity, line.unit_price, line.amount, line.product)


def _key(reseller: str, subject: Subject | None, edit: PriceEdit, today: date) -> ReportKey:
    """What the lines are shown under: ids and currency. No report of this window need ever exist."""
    if subject is None:
        return report_key(reseller, "", "sell", edit.currency, today, today)
    return report_key(reseller, subject.customer_id, "sell", subject.currency, today, today)


_ALL = 2**62
"""Behind every arrival in the log."""
