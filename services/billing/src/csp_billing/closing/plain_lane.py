"""The lane of subscriptions to which nothing happened: from the text of a position to those of its lines and the next one."""

from collections.abc import Iterable

from csp_billing.adapters.ledger_reader import PACKED, Standing
from csp_billing.closing.windows import OpenDays
from csp_billing.domain.rules import Ledger
from csp_billing.plain_positions import Fees, fees_of
from csp_billing.settler import Draft, Span

Drafts = dict[str, dict[tuple[Ledger, str], Draft]]


def pass_plain(
    standing: Iterable[Standing], drafts: Drafts, span: Span, open_days: OpenDays
) -> list[Standing]:
    """Take plain subscriptions into the drafts of their customers; returns the others."""
    others: list[Standing] = []
    columns = [(ledger, PACKED[ledger]) for ledger in span.ledgers]
    for each in standing:
        is_tied, has_news, _, _, name, customer_id, title, currency = each[:8]
        if is_tied or has_news:
            others.append(each)
            continue
        found: list[tuple[Ledger, Fees]] = []
        for ledger, column in columns:
            text = each[column]
            fees = None if text is None else fees_of(text, name, title, span.last, span.watermark)
            if fees is None or (
                fees.rows and fees.rows[0][0] < open_days.first(customer_id, ledger, currency)
            ):
                break
            found.append((ledger, fees))
        else:
            of_customer = drafts[customer_id]
            for ledger, fees in found:
                draft = of_customer.get((ledger, currency))
                if draft is None:
                    draft = of_customer[ledger, currency] = Draft(customer_id, ledger, currency)
                draft.add_plain(name, fees)
            continue
        others.append(each)
    return others
