"""Which fields of a subscription have changed since a version, by the names that callers see."""

from collections.abc import Iterable
from typing import Any

from csp_contracts.envelope import Recorded
from csp_contracts.subscriptions_v1 import (
    AutoRenewChanged,
    BillingStartChanged,
    ChangeScheduled,
    QuantityChanged,
    ScheduledChangeDropped,
    SubscriptionCancelled,
    SubscriptionConverted,
    SubscriptionExpired,
    SubscriptionLabelsChanged,
    SubscriptionReactivated,
    SubscriptionRenamed,
    SubscriptionRenewed,
    SubscriptionSuspended,
)

_SOLD = ("charge_cycle", "product", "product_title", "quantity")
_FIELDS: dict[type[Any], tuple[str, ...]] = {
    QuantityChanged: ("quantity", "seat_lots"),
    SubscriptionSuspended: ("status",),
    SubscriptionReactivated: ("quantity", "status"),
    SubscriptionCancelled: ("end_of_term", "status"),
    SubscriptionExpired: ("status",),
    SubscriptionRenewed: (*_SOLD, "commitment_ends_on", "seat_lots", "term"),
    SubscriptionConverted: _SOLD,
    AutoRenewChanged: ("end_of_term",),
    ChangeScheduled: ("scheduled_quantity",),
    ScheduledChangeDropped: ("scheduled_quantity",),
    SubscriptionRenamed: ("name",),
    BillingStartChanged: ("billing_from",),
    SubscriptionLabelsChanged: ("labels",),
}


def fields_of(change: Any) -> tuple[str, ...]:  # one of the contract's events
    """The fields that an event changes; none for a creation, and for what changes nothing of the present."""
    return _FIELDS.get(type(change), ())


def changed_since(events: Iterable[Recorded[Any]], version: int) -> list[str]:
    """The fields, each once. A superseded fact changes none of them."""
    later = (event for event in events if event.version > version and not event.meta.superseded)
    return sorted({name for event in later for name in fields_of(event.data)})
