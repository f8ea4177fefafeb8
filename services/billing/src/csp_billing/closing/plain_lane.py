"""The lane of subscriptions to which nothing happened: from the text of a position to those of its lines and the next one."""

from collections.abc import Iterable

from csp_billing.adapters.ledger_reader import Standing
from csp_billing.closing.windows import OpenDays
from csp_billing.domain.rules import Ledger
from csp_billing.plain_positions import MARK, Fees, fees_of
from csp_billing.settler import Draft, Span

Drafts = dict[str, dict[tuple[Ledger, str], Draft]]


def pass_plain(
    standing: Iterable[Standing], drafts: Drafts, span: Span, open_days: OpenDays
) -> list[Standing]:
    """Take plain subscriptions into the drafts of their customers; returns the others."""
    others: list[Standing] = []
    for each in standing:
        is_tied, has_news, sell, cost, name, customer_id, title, currency = each[:8]
        found = None
        if not (is_tied or has_news):
            texts = {"sell": sell, "cost": cost}
            found = _fees([(ledger, texts[ledger]) for ledger in span.ledgers], name, title, span)
        if found is None or any(
            fees.cycles and fees.cycles[0].start < open_days.first(customer_id, ledger, currency)
            for ledger, fees in found
        ):
            others.append(each)
            continue
        of_customer = drafts[customer_id]
        for ledger, fees in found:
            draft = of_customer.get((ledger, currency))
            if draft is None:
                draft = of_customer[ledger, currency] = Draft(customer_id, ledger, currency)
            draft.add_plain(name, fees)
    return others


def _fees(
    packed: list[tuple[Ledger, str | None]], name: str, title: str, span: Span
) -> list[tuple[Ledger, Fees]] | None:
    """What a subscription comes to in each ledger; None where it is not plain in one of them."""
    found: list[tuple[Ledger, Fees]] = []
    for ledger, text in packed:
        if text is None or not text.startswith(MARK):
            return None
        fees = fees_of(text, name, title, span.last, span.watermark)
        if fees is None:
            return None
        found.append((ledger, fees))
    return found
