"""A subscription's history: who, when, what, before and after, why."""

from typing import Any

import msgspec

from csp_contracts.envelope import Recorded
from csp_contracts.ids import Kind
from csp_contracts.registry import type_of
from csp_contracts.subscriptions_v1 import EffectiveTimeCorrected, SubscriptionLabelsChanged
from csp_gateway.projections.writing import CUSTOMER_OF_TENANT, as_text
from csp_runtime.database import Connection

DETAILS = ("previous", "quantity", "end_of_term", "corrected_version", "billing_from")


async def show(tx: Connection, event: Recorded[Any]) -> None:
    """Add the entry of an event of a subscription."""
    if not event.stream.startswith(f"{Kind.SUBSCRIPTION}_"):
        return
    if isinstance(event.data, SubscriptionLabelsChanged):  # the reseller's own; customers read the history
        return
    if isinstance(event.data, EffectiveTimeCorrected):
        await tx.execute(
            "update history set effective_at = %s where reseller_id = %s and subscription_id = %s and version = %s",
            [event.meta.effective_at, event.meta.reseller, event.stream, event.data.corrected_version],
        )
    details = msgspec.to_builtins(event.data)
    await tx.execute(
        "insert into history (reseller_id, customer_id, subscription_id, version, what, effective_at, recorded_at, "
        f"origin, actor, reason, ticket, details, superseded) values (%s, {CUSTOMER_OF_TENANT}, "
        "%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
        [
            event.meta.reseller,
            event.meta.reseller,
            event.data.tenant_id,
            event.stream,
            event.version,
            type_of(type(event.data)).wire_name.split(".")[2],
            event.meta.effective_at,
            event.meta.recorded_at,
            str(event.meta.origin),
            event.meta.actor,
            event.meta.reason,
            event.meta.ticket,
            as_text({name: details[name] for name in DETAILS if name in details}),
            event.meta.superseded,
        ],
    )
