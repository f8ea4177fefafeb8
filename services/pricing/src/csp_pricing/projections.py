"""Resellers, organisations and their tenants, as this service needs them, from provisioning's events."""

from collections.abc import Sequence
from typing import Any

from csp_contracts.envelope import Recorded
from csp_contracts.ids import Kind
from csp_contracts.provisioning_v1 import (
    CustomerAdded,
    ResellerRegistered,
    TenantCreated,
    TenantDiscovered,
    TenantLinked,
)
from csp_runtime.database import Connection


class CustomersProjection:
    """Fills `resellers`, `customers` and `tenant_customer`."""

    name = "pricing.customers"
    contexts = ("provisioning",)
    streams = frozenset({Kind.RESELLER, Kind.CUSTOMER, Kind.TENANT})
    types = frozenset({ResellerRegistered, CustomerAdded, TenantCreated, TenantDiscovered, TenantLinked})

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
                case TenantCreated() | TenantDiscovered() as data:
                    await tx.execute(
                        "insert into tenant_customer (tenant_id, reseller_id, customer_id) values (%s, %s, %s) "
                        "on conflict (tenant_id) do nothing",
                        [data.tenant_id, event.meta.reseller, data.customer_id],
                    )
                case TenantLinked() as data:
                    await tx.execute(
                        "update tenant_customer set customer_id = %s where tenant_id = %s and reseller_id = %s",
                        [data.to_customer_id, data.tenant_id, event.meta.reseller],
                    )
