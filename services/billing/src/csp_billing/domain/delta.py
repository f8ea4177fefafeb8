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
    desired = list(desired)
    repriced = _repriced(desired, issued, open_from)
    told = {key.cause for key in issued} if repriced else set()
    postings: list[Posting] = []
    wanted: set[LineKey] = set()
    for line in desired:
        wanted.add(line.key)
        known = issued.get(line.key)
        if line.amount is None:
            continue
        if line.key in repriced or (line.reverses in repriced and line.key.cause in told):
            line = line._replace(reason="price_correction")  # noqa: PLW2901  # as it is posted
        if known is None:
            postings.append(_first(line, open_from))
        elif known.line is None:
            postings.append(_posting(line, known.revision + 1, open_from))
        elif not _same(line, known.line):
            postings.extend(_reversal(known.line, known.revision, open_from, repriced))
            postings.append(_posting(line, known.revision + 1, open_from))
    for key, known in issued.items():
        if key not in wanted and known.line is not None:
            postings.extend(_reversal(known.line, known.revision, open_from, repriced))
    return postings


def _repriced(desired: list[Line], issued: Mapping[LineKey, Issued], open_from: int) -> set[LineKey]:
    """Charges that only a price corrects. What was given back of them changes with them and has the same reason (R5.4)."""
    found: set[LineKey] = set()
    for line in desired:
        if line.reverses is not None or line.amount is None:
            continue
        known = issued.get(line.key)
        if known is None:
            if line.posted < open_from and _cut_out(line):
                found.add(line.key)
        elif known.line is not None and not _same(line, known.line) and _only_price_differs(line, known.line):
            found.add(line.key)
    return found


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
    return Posting(line, 1, late=False) if line.posted >= open_from else _posting(line, 1, open_from)


def _cut_out(line: Line) -> bool:
    """Whether a price edit cut this piece out of a line (R5.4)."""
    return line.rule == "R5.4" or " until " in line.key.cause


def _posting(line: Line, revision: int, open_from: int) -> Posting:
    late = line.posted < open_from
    return Posting(line._replace(posted=open_from) if late else line, revision, late)


def _reversal(line: Line, revision: int, open_from: int, repriced: set[LineKey]) -> list[Posting]:
    if not line.amount:
        return []
    corrected = line.key in repriced or line.reverses in repriced
    reason: Reason = "price_correction" if corrected else line.reason
    kind: Kind = line.kind if line.kind == "adjustment" else "refund" if line.amount > 0 else "pro_rata"
    undone = line._replace(
        key=LineKey(line.key.cycle, f"reversal of {line.key}", f"revision:{revision}"),
        kind=kind,
        reason=reason,
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
