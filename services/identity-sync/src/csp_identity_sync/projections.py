"""What this service needs to know of tenants, from provisioning's events."""

from collections.abc import Sequence
from typing import Any

from csp_contracts.envelope import Recorded
from csp_contracts.ids import Kind
from csp_contracts.provisioning_v1 import TenantCreated, TenantDiscovered, TenantLinked
from csp_runtime.database import Connection


class TenantsProjection:
    """Fills `tenants`, and moves users with a linked tenant."""

    name = "identity-sync.tenants"
    contexts = ("provisioning",)
    streams = frozenset({Kind.TENANT})
    types = frozenset({TenantCreated, TenantDiscovered, TenantLinked})

    async def project(self, tx: Connection, events: Sequence[Recorded[Any]]) -> None:
        """One row per tenant."""
        for event in events:
            match event.data:
                case TenantCreated() | TenantDiscovered() as data:
                    await tx.execute(
                        "insert into tenants (tenant_id, reseller_id, customer_id, microsoft_tenant_id, domain, country) "
                        "values (%s, %s, %s, %s, %s, %s) on conflict (tenant_id) do nothing",
                        [
                            data.tenant_id,
                            event.meta.reseller,
                            data.customer_id,
                            data.microsoft_tenant_id,
                            data.domain,
                            data.country,
                        ],
                    )
                    await self._assign(tx, event.meta.reseller, data.tenant_id, data.customer_id)
                case TenantLinked() as data:
                    await tx.execute(
                        "update tenants set customer_id = %s where tenant_id = %s and reseller_id = %s",
                        [data.to_customer_id, data.tenant_id, event.meta.reseller],
                    )
                    await self._assign(tx, event.meta.reseller, data.tenant_id, data.to_customer_id)

    async def _assign(self, tx: Connection, reseller: str, tenant_id: str, customer_id: str) -> None:
        await tx.execute(
            "update users set customer_id = %s where tenant_id = %s and reseller_id = %s",
            [customer_id, tenant_id, reseller],
        )
