"""Resellers, organisations and their tenants, as this service needs them, from provisioning's events."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from csp_contracts.envelope import Recorded
from csp_contracts.ids import Kind
from csp_contracts.provisioning_v1 import (
    CustomerAdded,
    CustomerSettingChanged,
    ResellerRegistered,
    ResellerSettingChanged,
    TenantCreated,
    TenantDiscovered,
    TenantLinked,
)
from csp_runtime.database import Connection


class CustomersProjection:
    """Fills `resellers`, `customers`, `tenant_customer` and `price_policies`."""

    name = "pricing.customers"
    contexts = ("provisioning",)
    streams = frozenset({Kind.RESELLER, Kind.CUSTOMER, Kind.TENANT})
    types = frozenset(
        {
            ResellerRegistered,
            ResellerSettingChanged,
            CustomerAdded,
            CustomerSettingChanged,
            TenantCreated,
            TenantDiscovered,
            TenantLinked,
        }
    )

    async def project(self, tx: Connection, events: Sequence[Recorded[Any]]) -> None:
        """One row each; a new reseller wakes the catalogue import."""
        for event in events:
            match event.data:
                case ResellerRegistered() as data:
                    await tx.execute(
                        "insert into resellers (reseller_id, country, currency) values (%s, %s, %s) "
                        "on conflict (reseller_id) do nothing",
                        [data.reseller_id, data.country, data.currency],
                    )
                    await tx.execute("select pg_notify('csp_catalogue', '')")
                case CustomerAdded() as data:
                    await tx.execute(
                        "insert into customers (customer_id, reseller_id, country) values (%s, %s, %s) "
                        "on conflict (customer_id) do nothing",
                        [data.customer_id, event.meta.reseller, data.country],
                    )
                case ResellerSettingChanged(setting="price_change_policy") as data:
                    await _keep_policy(tx, event, "", data.value, data.effective_on)
                case CustomerSettingChanged(setting="price_change_policy") as data:
                    await _keep_policy(tx, event, data.customer_id, data.value, data.effective_on)
                case TenantCreated() | TenantDiscovered() as data:
                    await tx.execute(
                        "insert into tenant_customer (tenant_id, reseller_id, customer_id) values (%s, %s, %s) "
                        "on conflict (tenant_id) do nothing",
                        [data.tenant_id, event.meta.reseller, data.customer_id],
                    )
                    await tx.execute("select pg_notify('csp_prices', %s)", [event.meta.reseller])
                case TenantLinked() as data:
                    await tx.execute(
                        "update tenant_customer set customer_id = %s where tenant_id = %s and reseller_id = %s",
                        [data.to_customer_id, data.tenant_id, event.meta.reseller],
                    )


async def _keep_policy(
    tx: Connection, event: Recorded[Any], customer_id: str, policy: str, effective_on: date
) -> None:
    await tx.execute(
        "insert into price_policies (reseller_id, customer_id, policy, effective_on, stream_version) "
        "values (%s, %s, %s, %s, %s) on conflict do nothing",
        [event.meta.reseller, customer_id, policy, effective_on, event.version],
    )
