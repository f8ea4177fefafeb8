"""Importing this module registers every published event type."""

from csp_contracts import (
    billing_v1,
    identity_sync_v1,
    operations_v1,
    partner_feed_v1,
    pricing_v1,
    provisioning_v1,
    subscriptions_v1,
)

__all__ = [
    "billing_v1",
    "identity_sync_v1",
    "operations_v1",
    "partner_feed_v1",
    "pricing_v1",
    "provisioning_v1",
    "subscriptions_v1",
]
