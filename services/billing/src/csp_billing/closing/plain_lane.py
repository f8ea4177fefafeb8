"""The lane of subscriptions to which nothing happened: from the text of a position to those of its lines and the next one."""

from collections.abc import Iterable

from csp_billing.adapters.ledger_reader import PACKED, Standing, Unrest
from csp_billing.closing.sheets import Sheets
from csp_billing.closing.windows import OpenDays
from csp_billing.domain.rules import Ledger
from csp_billing.settling.plain_positions import Fees, fees_of
from csp_billing.settling.settler import Span


def pass_plain(
    standing: Iterable[Standing], unrest: Unrest, sheets: Sheets, span: Span, open_days: OpenDays
) -> list[Standing]:
    """Take plain subscriptions into the sheets of their customers; returns the others."""
    others: list[Standing] = []
    columns = [(ledger, PACKED[ledger]) for ledger in span.ledgers]
    last, watermark, (news, tied) = span.last, span.watermark, unrest
    # What a position leads to is behind it, and so in the open window, where all have the usual one.
    is_usual = open_days.all_usual
    for each in standing:
        _, _, name, customer_id, title, currency = each[:6]
        if name in news or name in tied:
            others.append(each)
            continue
        found: list[tuple[Ledger, Fees]] = []
        for ledger, column in columns:
            text = each[column]
            fees = None if text is None else fees_of(text, name, title, last, watermark)
            if fees is None or not (
                is_usual or not fees[0] or fees[0][0][0] >= open_days.first(customer_id, ledger, currency)
            ):
                others.append(each)
                break
            found.append((ledger, fees))
        else:
            for ledger, fees in found:
                sheets[customer_id, ledger, currency].take_fees(name, fees)
    return others
