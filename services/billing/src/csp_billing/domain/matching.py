"""Our cost lines against Microsoft's rows, with a named reason for each difference (section 14).

Start dates need not agree, because Microsoft prints refunds with the cycle's start; profiles of rounding are tried until
one explains the figure. Whatever is not explained stays visible: the differences always sum to the whole difference.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from csp_commerce_rules.rounding import ROUNDING_PROFILES, RoundingProfile, line_amount

Code = Literal[
    "equal",
    "explained:rounding",
    "explained:timing",
    "explained:date_shift",
    "explained:shape",
    "explained:promotion",
    "explained:fx",
    "adjustment_only_on_invoice",
    "missing_event",
    "missing_charge",
    "unknown_subscription",
    "unexplained",
]

# Charge types of both formats that give money back without an event of a subscription (1.1, PC 10.6), and what an invoice
# has beside its lines.
WITHOUT_LINE = "adjustment without line"
_ADJUSTMENTS = {"customercredit", "offset a line item", WITHOUT_LINE}


@dataclass(frozen=True, slots=True, kw_only=True)
class OurLine:
    """A line of ledger `cost`: minor units, millionths, service days [start, end). `posted` is its posting date."""

    id: str
    subscription: str
    start: int
    end: int
    quantity: int
    amount: int
    unit_price: int
    days: int
    of_days: int
    posted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TheirRow:
    """A row of Microsoft's file. `reference` ties the rows of one event; `charge_type` is the raw text."""

    id: str
    subscription: str
    charge_type: str
    start: int
    end: int
    quantity: int
    amount: int
    reference: str = ""
    promotion: bool = False
    exchanged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of some of our lines and some of their rows; `difference` is theirs minus ours, in minor units."""

    code: Code
    subscription: str
    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    ours_amount: int
    theirs_amount: int
    profile: RoundingProfile | None = None

    @property
    def difference(self) -> int:
        """Theirs minus ours."""
        return self.theirs_amount - self.ours_amount


def match(
    ours: Iterable[OurLine],
    theirs: Iterable[TheirRow],
    *,
    digits: int,
    known: Collection[str],
    window: tuple[int, int] | None = None,
) -> list[Outcome]:
    """Match by subscription. `known` are our subscriptions; `window` the first and last day that the file covers.

    Without a window a line of ours that has no row is a `missing_charge`; with one, lines posted outside it are
    `explained:timing`, recognised in another file (W-11). Such lines only take rows that no line inside the window fits.
    """
    mine: dict[str, list[OurLine]] = {}
    for line in ours:
        mine.setdefault(line.subscription, []).append(line)
    rows: dict[str, list[TheirRow]] = {}
    for row in _added_up(theirs):
        rows.setdefault(row.subscription, []).append(row)
    outcomes: list[Outcome] = []
    for name in sorted({*mine, *rows}):
        if name not in known and name not in mine:
            outcomes.extend(_alone(_named_alone("unknown_subscription", row), row) for row in rows[name])
        else:
            outcomes.extend(_match_one(mine.get(name, []), rows.get(name, []), digits, window))
    return outcomes


def _added_up(theirs: Iterable[TheirRow]) -> list[TheirRow]:
    """Rows of one event, type and period are one charge: a bundle comes as two rows of the same seats."""
    groups: dict[tuple[object, ...], list[TheirRow]] = {}
    for row in theirs:
        event = row.reference or row.id
        sign = row.amount >= 0
        groups.setdefault(
            (row.subscription, event, row.charge_type.lower(), row.start, row.end, row.quantity, sign), []
        ).append(row)
    return [
        group[0]
        if len(group) == 1
        else TheirRow(
            id="+".join(row.id for row in group),
            subscription=group[0].subscription,
            charge_type=group[0].charge_type,
            start=group[0].start,
            end=group[0].end,
            quantity=group[0].quantity,
            amount=sum(row.amount for row in group),
            reference=group[0].reference,
            promotion=any(row.promotion for row in group),
            exchanged=any(row.exchanged for row in group),
        )
        for group in groups.values()
    ]


def _match_one(
    ours: Sequence[OurLine], theirs: Sequence[TheirRow], digits: int, window: tuple[int, int] | None
) -> list[Outcome]:
    inside: list[OurLine] = []
    outside: list[OurLine] = []
    for line in ours:
        (inside if window is None or window[0] <= line.posted <= window[1] else outside).append(line)
    lines, rows = inside, list(theirs)
    outcomes: list[Outcome] = []

    def take(code: Code, fits: Callable[[OurLine, TheirRow], "RoundingProfile | bool | None"]) -> None:
        for line in list(lines):
            for row in rows:
                if (line.amount >= 0) == (row.amount >= 0) and (why := fits(line, row)):
                    outcomes.append(_pair(code, line, row, why if isinstance(why, str) else None))
                    lines.remove(line)
                    rows.remove(row)
                    break

    def profile(line: OurLine, row: TheirRow) -> RoundingProfile | None:
        return _explaining_profile(line, row, digits)

    take("equal", lambda line, row: _same_service(line, row) and line.amount == row.amount)
    take("explained:rounding", lambda line, row: profile(line, row) if _same_service(line, row) else None)
    take("explained:date_shift", lambda line, row: _overlaps(line, row) and line.amount == row.amount)
    take("explained:date_shift", lambda line, row: profile(line, row) if _overlaps(line, row) else None)
    lines = outside
    take("explained:timing", lambda line, row: _overlaps(line, row) and line.amount == row.amount)
    take("explained:timing", lambda line, row: profile(line, row) if _overlaps(line, row) else None)
    lines = inside
    take("explained:promotion", lambda line, row: _overlaps(line, row) and row.promotion)
    take("explained:fx", lambda line, row: _overlaps(line, row) and row.exchanged)
    if lines and rows and sum(line.amount for line in lines) == sum(row.amount for row in rows):
        outcomes.append(_shape(lines, rows))
        lines, rows = [], []
    take("unexplained", _overlaps)
    outcomes += [_alone(_named_alone("missing_event", row), row) for row in rows]
    outcomes += [_without_row("missing_charge", line) for line in lines]
    outcomes += [_without_row("explained:timing", line) for line in outside]
    return outcomes


def _named_alone(code: Code, row: TheirRow) -> Code:
    """The name of a row that has no line of ours: a credit is an adjustment, a row of nothing leaves nothing to explain."""
    if row.charge_type.lower() in _ADJUSTMENTS:
        return "adjustment_only_on_invoice"
    return "explained:shape" if row.amount == 0 else code


def _same_service(line: OurLine, row: TheirRow) -> bool:
    return (line.start, line.end, line.quantity) == (row.start, row.end, row.quantity)


def _overlaps(line: OurLine, row: TheirRow) -> bool:
    return line.quantity == row.quantity and line.start < row.end and row.start < line.end


def _explaining_profile(line: OurLine, row: TheirRow, digits: int) -> RoundingProfile | None:
    """The profile whose figure for these seats and days is Microsoft's (D-5); never a flat tolerance."""
    for profile in ROUNDING_PROFILES:
        amount = line_amount(profile, line.unit_price, line.quantity, line.days, line.of_days, digits)
        if amount == abs(row.amount):
            return profile
    return None


def _pair(code: Code, line: OurLine, row: TheirRow, profile: RoundingProfile | None) -> Outcome:
    return Outcome(
        code=code,
        subscription=row.subscription,
        ours=(line.id,),
        theirs=(row.id,),
        ours_amount=line.amount,
        theirs_amount=row.amount,
        profile=profile,
    )


def _shape(lines: Sequence[OurLine], rows: Sequence[TheirRow]) -> Outcome:
    """Other lines, the same net (D-9)."""
    return Outcome(
        code="explained:shape",
        subscription=rows[0].subscription,
        ours=tuple(line.id for line in lines),
        theirs=tuple(row.id for row in rows),
        ours_amount=sum(line.amount for line in lines),
        theirs_amount=sum(row.amount for row in rows),
    )


def _alone(code: Code, row: TheirRow) -> Outcome:
    return Outcome(
        code=code,
        subscription=row.subscription,
        ours=(),
        theirs=(row.id,),
        ours_amount=0,
        theirs_amount=row.amount,
    )


def _without_row(code: Code, line: OurLine) -> Outcome:
    return Outcome(
        code=code,
        subscription=line.subscription,
        ours=(line.id,),
        theirs=(),
        ours_amount=line.amount,
        theirs_amount=0,
    )
