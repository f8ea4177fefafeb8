"""Collapse the pairs of one report (section 19): what a change gives back and charges for the same days is one line, the difference.

Only what is shown changes, never what is posted: totals, keys, revisions and hashes are those of the lines themselves.
"""

from collections.abc import Iterable
from typing import NamedTuple

from csp_billing.domain.delta import Posting
from csp_billing.domain.lines import Line
from csp_commerce_rules.money import divide_half_away

PRICE_DIFFERENCE = "R5.4 as a difference"
"""The rule of a line whose price is what the same seats cost more or less than before."""


class Shown(NamedTuple):
    """A line as it is shown, and the places of the posted ones that it stands for."""

    posting: Posting
    of: tuple[int, ...]


def collapsed(postings: Iterable[Posting]) -> list[Posting]:
    """The lines of one report in their order, collapsed as by `collapse`."""
    return [shown.posting for shown in collapse(postings)]


def collapse(postings: Iterable[Posting]) -> list[Shown]:
    """The lines of one report in their order, each pair as one line in the place of its charge; the sum stays.

    A pair is a refund and a charge of one change for the same days and product, that differ in quantity or in price alone
    (1.1). Where both differ one line could not say why it has its amount, so they stay two. A pair that nets to nothing is left out.
    """
    shown: list[Shown | None] = []
    refunds: dict[tuple[object, ...], list[int]] = {}
    for i, posting in enumerate(postings):
        line = posting.line
        if line.kind == "refund":
            for name in _names(posting):
                refunds.setdefault((*_days(line), name), []).append(i)
        one = Shown(posting, (i,))
        shown.append(one if line.kind in {"refund", "adjustment"} else _paired(one, shown, refunds))
    return [one for one in shown if one is not None]


def _paired(
    charge: Shown, shown: list[Shown | None], refunds: dict[tuple[object, ...], list[int]]
) -> Shown | None:
    """The charge, or its difference to a refund above it, which is taken out."""
    posting = charge.posting
    for name in _names(posting):
        for i in refunds.get((*_days(posting.line), name), ()):
            refund = shown[i]
            if refund is None or (difference := _difference(refund.posting.line, posting.line)) is None:
                continue
            shown[i] = None
            return Shown(posting._replace(line=difference), (i, *charge.of)) if difference.amount else None
    return charge


def _days(line: Line) -> tuple[object, ...]:
    return line.posted, line.subscription, line.product, line.start, line.end


def _names(posting: Posting) -> tuple[object, ...]:
    """By what the two lines of a pair know each other: the change that made both, or the line that is rewritten."""
    return posting.line.caused_by, posting.undoes or posting.line.key


def _difference(refund: Line, charge: Line) -> Line | None:
    """One line for both: more or fewer seats at one price, or the same seats at another one."""
    if None in {refund.unit_price, charge.unit_price, refund.amount, charge.amount}:
        return None
    before, after = refund.unit_price or 0, charge.unit_price or 0
    quantity, price, rule = charge.quantity, after, charge.rule
    if before == after and refund.quantity != charge.quantity:
        quantity = abs(charge.quantity - refund.quantity)
        part, whole = quantity, charge.quantity
    elif before != after and refund.quantity == charge.quantity:
        price, rule = abs(after - before), PRICE_DIFFERENCE
        part, whole = price, after
    else:
        return None
    amount = (refund.amount or 0) + (charge.amount or 0)
    return charge._replace(
        kind=charge.kind if amount > 0 else "refund",
        quantity=quantity,
        unit_price=price,
        amount=amount,
        discount=divide_half_away(charge.discount * part, whole) if whole else 0,
        rule=rule,
        reverses=refund.reverses,
    )
