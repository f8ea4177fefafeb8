"""Should-be lines minus issued lines, by key and revision (R10.2): what a run posts, and nothing twice."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from csp_billing.domain.lines import Kind, Line, LineKey, Reason


class Posting(NamedTuple):
    """A line that goes into the open report.

    `revision` counts rewrites of its key from 1; `late` lines belong to days of a window that is already issued
    (R9.3). `undoes` names the issued line that a reversal cancels.
    """

    line: Line
    revision: int
    late: bool
    undoes: LineKey | None = None


class Issued(NamedTuple):
    """Newest revision of a key that was ever posted; `line` is None after it was reversed and not replaced."""

    line: Line | None
    revision: int


def delta(desired: Iterable[Line], issued: Mapping[LineKey, Issued], open_from: int) -> list[Posting]:
    """What is to be posted so that the issued lines sum to the desired ones.

    Equal → nothing; only desired → post; only issued → reverse; different → reverse and post the next revision.
    Lines of days before `open_from`, the first day of the open window, are posted on it (D-17). Lines without a price
    are left out: they are `pending` and hold their report (D-6).
    """
    if not issued:
        return [_first(line, open_from) for line in desired if line.amount is not None]
    postings: list[Posting] = []
    wanted: set[LineKey] = set()
    for line in desired:
        wanted.add(line.key)
        known = issued.get(line.key)
        if line.amount is None:
            continue
        if known is None:
            postings.append(_first(line, open_from))
        elif known.line is None:
            postings.append(_posting(line, known.revision + 1, open_from))
        elif not _same(line, known.line):
            reason: Reason | None = "price_correction" if _only_price_differs(line, known.line) else None
            postings.extend(_reversal(known.line, known.revision, open_from, reason))
            again = line if reason is None else line._replace(reason=reason)
            postings.append(_posting(again, known.revision + 1, open_from))
    for key, known in issued.items():
        if key not in wanted and known.line is not None:
            postings.extend(_reversal(known.line, known.revision, open_from, None))
    return postings


def remember(issued: dict[LineKey, Issued], postings: Iterable[Posting]) -> None:
    """Take postings into the issued lines of their subscription."""
    for posting in postings:
        if posting.undoes is not None:
            issued[posting.undoes] = Issued(None, posting.revision)
        else:
            issued[posting.line.key] = Issued(posting.line, posting.revision)


def pending(desired: Iterable[Line]) -> list[Line]:
    """Lines whose price is missing (D-6)."""
    return [line for line in desired if line.amount is None]


def report_order(posting: Posting) -> tuple[int, str, int, bool]:
    """Order inside a report: posting date, subscription, service start, refunds before charges."""
    line = posting.line
    return line.posted, line.subscription, line.start, (line.amount or 0) >= 0


def _first(line: Line, open_from: int) -> Posting:
    """The first revision of a key. A late piece that a price edit cut out of an issued line is a correction (R5.4)."""
    if line.posted >= open_from:
        return Posting(line, 1, late=False)
    if line.rule == "R5.4" or " until " in line.key.cause:
        line = line._replace(reason="price_correction")
    return _posting(line, 1, open_from)


def _posting(line: Line, revision: int, open_from: int) -> Posting:
    late = line.posted < open_from
    return Posting(line._replace(posted=open_from) if late else line, revision, late)


def _reversal(line: Line, revision: int, open_from: int, reason: Reason | None) -> list[Posting]:
    if not line.amount:
        return []
    kind: Kind = line.kind if line.kind == "adjustment" else "refund" if line.amount > 0 else "pro_rata"
    undone = line._replace(
        key=LineKey(line.key.cycle, f"reversal of {line.key}", f"revision:{revision}"),
        kind=kind,
        reason=reason or line.reason,
        posted=max(line.posted, open_from),
        amount=-line.amount,
        discount=-line.discount,
        rule="R4.6",
        reverses=line.key,
    )
    return [Posting(undone, revision, late=line.posted < open_from, undoes=line.key)]


def _same(a: Line, b: Line) -> bool:
    return (
        a.amount == b.amount
        and a.start == b.start
        and a.end == b.end
        and a.quantity == b.quantity
        and a.unit_price == b.unit_price
        and a.product == b.product
    )


def _only_price_differs(a: Line, b: Line) -> bool:
    same_service = a.start == b.start and a.quantity == b.quantity and a.product == b.product
    cut = "R5.4" in {a.rule, b.rule}  # an edit also cuts the days of a line
    priced = a.end == b.end and a.unit_price != b.unit_price
    return same_service and a.kind != "adjustment" and (cut or priced)
