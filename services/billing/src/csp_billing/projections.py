"""Contract events into billing's own log of record, and what billing must know of customers and settings."""

from collections.abc import Sequence
from typing import Any

from csp_contracts.codec import encode_event, encode_meta
from csp_contracts.envelope import Recorded
from csp_contracts.ids import Kind
from csp_contracts.pricing_v1 import (
    SubscriptionCostLocked,
    SubscriptionPriceEdited,
    SubscriptionPriceLocked,
)
from csp_contracts.provisioning_v1 import (
    CustomerAdded,
    ResellerSettingChanged,
    TenantCreated,
    TenantDiscovered,
    TenantLinked,
)
from csp_contracts.registry import all_types
from csp_contracts.subscriptions_v1 import SubscriptionCreated
from csp_runtime.database import Connection

# A close takes this lock exclusively while it reads the watermark: a late commit must not be lost below it.
INBOX_LOCK = 7_206_554


class Inbox:
    """Every fact about a subscription and its price, once."""

    name = "billing.inbox"
    contexts = ("provisioning", "subscriptions", "pricing")
    streams = frozenset(
        {Kind.RESELLER, Kind.CUSTOMER, Kind.TENANT, Kind.SUBSCRIPTION, Kind.SUBSCRIPTION_PRICE}
    )

    def __init__(self) -> None:
        facts = {each.cls for each in all_types() if each.stream is Kind.SUBSCRIPTION}
        self._facts = facts | {SubscriptionPriceLocked, SubscriptionCostLocked, SubscriptionPriceEdited}
        self.types = frozenset(
            self._facts
            | {CustomerAdded, ResellerSettingChanged, TenantCreated, TenantDiscovered, TenantLinked}
        )

    async def project(self, tx: Connection, events: Sequence[Recorded[Any]]) -> None:
        """Facts by one statement; customers, tenants and settings as they come."""
        facts = [event for event in events if type(event.data) in self._facts]
        if facts:
            await self._keep(tx, facts)
        for event in events:
            await _know(tx, event)

    async def _keep(self, tx: Connection, facts: Sequence[Recorded[Any]]) -> None:
        await tx.execute("select pg_advisory_xact_lock_shared(%s)", [INBOX_LOCK])
        columns: list[list[Any]] = [[] for _ in range(7)]
        for event in facts:
            wire_name, data = encode_event(event.data)
            row = [
                event.meta.reseller,
                event.data.subscription_id,
                event.stream,
                event.version,
                wire_name,
                data,
                encode_meta(event.meta),
            ]
            for column, value in zip(columns, row, strict=True):
                column.append(value)
        await tx.execute(
            "insert into inbox (reseller_id, subscription_id, stream, version, type, data, meta) "
            "select * from unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::text[], %s::bytea[], %s::bytea[]) "
            "on conflict (stream, version) do nothing",
            columns,
        )


async def _know(tx: Connection, event: Recorded[Any]) -> None:
    match event.data:
        case SubscriptionCreated() as data:
            await tx.execute(
                "insert into subscriptions (subscription_id, reseller_id, tenant_id, product_title, currency) "
                "values (%s, %s, %s, %s, %s) on conflict do nothing",
                [
                    data.subscription_id,
                    event.meta.reseller,
                    data.tenant_id,
                    data.product_title,
                    data.currency,
                ],
            )
        case CustomerAdded() as data:
            await tx.execute(
                "insert into customers (customer_id, reseller_id, name, status) values (%s, %s, %s, %s) "
                "on conflict do nothing",
                [data.customer_id, event.meta.reseller, data.name, data.status],
            )
        case TenantCreated() | TenantDiscovered() as data:
            await tx.execute(
                "insert into tenant_customer (tenant_id, reseller_id, customer_id) values (%s, %s, %s) "
                "on conflict do nothing",
                [data.tenant_id, event.meta.reseller, data.customer_id],
            )
        case TenantLinked() as data:
            await tx.execute(
                "update tenant_customer set customer_id = %s where tenant_id = %s and reseller_id = %s",
                [data.to_customer_id, data.tenant_id, event.meta.reseller],
            )
        case ResellerSettingChanged() as data:
            await tx.execute(
                "insert into reseller_settings (reseller_id, setting, value, effective_on, stream_version) "
                "values (%s, %s, %s, %s, %s) on conflict do nothing",
                [event.meta.reseller, data.setting, data.value, data.effective_on, event.version],
            )
