"""The lane of subscriptions to which nothing happened: from a packed position to the text of a line and the next position.

Nothing is built on the way but that text. What comes of it is what `Settler` gives; the tests hold it to that.
"""

from collections.abc import Iterable

from csp_billing.adapters.ledger_reader import Standing
from csp_billing.closing.windows import OpenDays
from csp_billing.domain.checkpoint_codec import CheckpointUnreadable
from csp_billing.domain.plain import Plain, shows_fee, steps
from csp_billing.domain.rules import Ledger
from csp_billing.line_rows import plain_text_behind_position
from csp_billing.positions import Position, unpack_position
from csp_billing.settler import Draft, PlainRow, Span

Drafts = dict[str, dict[tuple[Ledger, str], Draft]]

_ID, _CUSTOMER, _TITLE, _CURRENCY = 0, 1, 2, 3  # of a row of `standing`


def pass_plain(
    standing: Iterable[Standing], drafts: Drafts, span: Span, open_days: OpenDays
) -> list[Standing]:
    """Take plain subscriptions into the drafts of their customers; returns the others."""
    others: list[Standing] = []
    for each in standing:
        passed = None if each.is_restless else _passed(each, span, open_days)
        if passed is None:
            others.append(each)
            continue
        customer_id, currency = each.row[_CUSTOMER], each.row[_CURRENCY]
        of_customer = drafts[customer_id]
        for ledger, rows, position in passed:
            draft = of_customer.get((ledger, currency))
            if draft is None:
                draft = of_customer[ledger, currency] = Draft(customer_id, ledger, currency)
            draft.plain += rows
            draft.positions.append((each.row[_ID], position))
    return others


def _passed(
    each: Standing, span: Span, open_days: OpenDays
) -> list[tuple[Ledger, list[PlainRow], Position]] | None:
    """What a subscription comes to in each ledger; None where it is not plain in one of them."""
    name, title = each.row[_ID], each.row[_TITLE]
    found: list[tuple[Ledger, list[PlainRow], Position]] = []
    for ledger in span.ledgers:
        packed = each.sell if ledger == "sell" else each.cost
        if packed is None:
            return None
        try:
            position = unpack_position(packed)
        except CheckpointUnreadable:
            return None
        plain = position.checkpoint
        if not isinstance(plain, Plain) or position.ahead:
            return None
        begun, moved = steps(plain, span.last)
        if moved.day != span.last:
            return None
        rows: list[PlainRow] = []
        if begun and shows_fee(plain):
            if begun[0][1] < open_days.first(each.row[_CUSTOMER], ledger, each.row[_CURRENCY]):
                return None
            rows = [
                (
                    (step[1], name, step[1], True, (step[0], "fee", f"cycle:{step[0]}")),
                    plain_text_behind_position(name, title, plain, step),
                    plain.fee,
                )
                for step in begun
            ]
        found.append((ledger, rows, Position(span.watermark, False, position.prices, moved)))
    return found
