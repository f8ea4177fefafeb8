"""Subscriptions that came from another partner (PC 6.12): new ids, the old term; what was paid there is not charged again."""

from collections.abc import Sequence
from datetime import UTC, timedelta

from csp_partner_center import Refused, Reseller
from csp_partner_center.subscriptions import Subscription
from csp_partner_center.transfers import Transfer, TransferLine, TransferStatus
from csp_partner_feed.domain.observation import State

_DONE = (TransferStatus.COMPLETE, TransferStatus.COMPLETED, TransferStatus.PARTIALLY_COMPLETE)


async def mark_arrivals(
    partner: Reseller, tenant: str, seen: Sequence[tuple[Subscription, State]], *, ours: str
) -> None:
    """Give `paid_until` (R9.10: the first day not paid at the other partner) and `transferred_from` (the id it had there) to each new
    subscription that a finished transfer brought.

    `ours` is the partner's own tenant. One call for any number of new subscriptions; a refusal means that there are no transfers.
    """
    if not seen:
        return
    try:
        transfers = await partner.transfers.of_customer(tenant)
    except Refused:
        return
    lines = [line for transfer in transfers if _came_to_us(transfer, ours) for line in transfer.line_items]
    for subscription, state in seen:
        line = next((each for each in lines if _fits(each, subscription)), None)
        if line is None or subscription.billing_cycle_end_date is None:
            continue
        lines.remove(line)
        last_paid = subscription.billing_cycle_end_date.astimezone(UTC).date()
        state["paid_until"] = (last_paid + timedelta(days=1)).isoformat()
        if line.subscription_id is not None:
            state["transferred_from"] = line.subscription_id.lower()


def _fits(line: TransferLine, subscription: Subscription) -> bool:
    return (_product(line.offer_id), line.quantity) == (subscription.product, subscription.quantity)


def _came_to_us(transfer: Transfer, ours: str) -> bool:
    return transfer.status in _DONE and transfer.source_partner_tenant_id != ours.lower()


def _product(offer_id: str | None) -> str | None:
    if offer_id is None:
        return None
    return ":".join(offer_id.split(":")[:2]) if ":" in offer_id else offer_id.lower()
