"""Microsoft counts licences per product in the tenant; we fill them into its subscriptions by earliest renewal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from csp_contracts.identity_sync_v1 import SubscriptionSeats

USABLE = frozenset({"active", "expired"})


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedSeats:
    """Seats of one subscription."""

    subscription_id: str
    sku_id: str
    quantity: int
    status: str
    commitment_ends_on: date | None


def fill(consumed: int, owned: Sequence[OwnedSeats]) -> tuple[int, list[SubscriptionSeats]]:
    """Seats available in all, and how the consumed ones fall on the subscriptions.

    Those that renew first are filled first; what no subscription can hold stays on the last one, so that the parts
    always add up to what Microsoft counts. `shared` where several subscriptions hold the SKU.
    """
    usable = [each for each in owned if each.status in USABLE]
    order = sorted(usable, key=lambda each: (each.commitment_ends_on or date.max, each.subscription_id))
    shared = len(order) > 1
    left = consumed
    parts: list[SubscriptionSeats] = []
    for number, each in enumerate(order):
        is_last = number == len(order) - 1
        share = left if is_last else min(left, each.quantity)
        parts.append(SubscriptionSeats(subscription_id=each.subscription_id, consumed=share, shared=shared))
        left -= share
    parts += [
        SubscriptionSeats(subscription_id=each.subscription_id, consumed=0, shared=False)
        for each in owned
        if each.status not in USABLE
    ]
    return sum(each.quantity for each in usable), parts
