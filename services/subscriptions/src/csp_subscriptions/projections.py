"""What this service needs to know of tenants and resellers, from provisioning's events."""

from collections.abc import Sequence
from typing import Any

from csp_contracts.envelope import Recorded
from csp_contracts.ids import Kind
from csp_contracts.provisioning_v1 import (
    ResellerRegistered,
    TenantCreated,
    TenantDiscovered,
    TenantLinked,
)
from csp_runtime.database import Connection


class TenantsProjection:
    """Fills `tenants` and `resellers`."""

    name = "subscriptions.tenants"
    contexts = ("provisioning",)
    streams = frozenset({Kind.TENANT, Kind.RESELLER})
    types = frozenset({TenantCreated, TenantDiscovered, TenantLinked, ResellerRegistered})

    async def project(self, tx: Connection, events: Sequence[Recorded[Any]]) -> None:
        """One row per tenant and reseller; a link moves the tenant to another organisation."""
        for event in events:
            match event.data:
                case TenantCreated() | TenantDiscovered() as data:
                    await tx.execute(
                        "insert into tenants (tenant_id, reseller_id, customer_id, microsoft_tenant_id, country) "
                        "values (%s, %s, %s, %s, %s) on conflict (tenant_id) do nothing",
                        [
                            data.tenant_id,
                            event.meta.reseller,
                            data.customer_id,
                            data.microsoft_tenant_id,
                            data.country,
                        ],
                    )
                case TenantLinked() as data:
                    await tx.execute(
                        "update tenants set customer_id = %s where tenant_id = %s and reseller_id = %s",
                        [data.to_customer_id, data.tenant_id, event.meta.reseller],
                    )
                case ResellerRegistered() as data:
                    await tx.execute(
                        "insert into resellers (reseller_id, currency, country) values (%s, %s, %s) "
                        "on conflict (reseller_id) do update set currency = excluded.currency",
                        [data.reseller_id, data.currency, data.country],
                    )
