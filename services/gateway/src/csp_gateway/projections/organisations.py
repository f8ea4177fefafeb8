"""Customers and tenants, and whose the rows of a tenant are."""

from typing import Any

from csp_contracts.envelope import Recorded
from csp_contracts.provisioning_v1 import (
    AgreementAccepted,
    CustomerAdded,
    CustomerLabelsChanged,
    CustomerSettingChanged,
    TenantCreated,
    TenantDiscovered,
    TenantLinked,
    TenantOffboarded,
)
from csp_gateway.projections.writing import as_text
from csp_runtime.database import Connection


async def show(tx: Connection, event: Recorded[Any]) -> None:
    """Write what an event means for these screens."""
    match event.data:
        case CustomerAdded() as data:
            await _add_customer(tx, event, data)
        case CustomerSettingChanged():
            await _change_customer(tx, event, {})
        case CustomerLabelsChanged() as data:
            await _change_customer(tx, event, {"labels": as_text(data.labels)})
        case TenantCreated() | TenantDiscovered() as data:
            await _add_tenant(tx, event, data)
            # What came before the tenant was known to belong to anybody becomes visible now.
            await _assign(tx, event.meta.reseller, data.tenant_id, data.customer_id)
        case TenantLinked() as data:
            await _change_tenant(tx, event, data.tenant_id, "customer_id", data.to_customer_id)
            await _assign(tx, event.meta.reseller, data.tenant_id, data.to_customer_id)
        case TenantOffboarded() as data:
            await _change_tenant(tx, event, data.tenant_id, "status", "offboarded")
        case AgreementAccepted() as data:
            await _change_tenant(tx, event, data.tenant_id, "agreement_accepted_on", data.accepted_on)


async def _add_customer(tx: Connection, event: Recorded[Any], data: CustomerAdded) -> None:
    at = event.meta.recorded_at
    await tx.execute(
        "insert into customers (customer_id, reseller_id, name, country, status, external_refs, origin, version, "
        "created_at, updated_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
        [
            data.customer_id,
            event.meta.reseller,
            data.name,
            data.country,
            data.status,
            as_text(data.external_refs),
            str(event.meta.origin),
            event.version,
            at,
            at,
        ],
    )


async def _change_customer(tx: Connection, event: Recorded[Any], changes: dict[str, Any]) -> None:
    assignments = "".join(f", {column} = %s" for column in changes)
    await tx.execute(
        f"update customers set version = %s, updated_at = %s{assignments} "
        "where reseller_id = %s and customer_id = %s and version < %s",
        [
            event.version,
            event.meta.recorded_at,
            *changes.values(),
            event.meta.reseller,
            event.stream,
            event.version,
        ],
    )


async def _add_tenant(tx: Connection, event: Recorded[Any], data: TenantCreated | TenantDiscovered) -> None:
    at = event.meta.recorded_at
    await tx.execute(
        "insert into tenants (tenant_id, reseller_id, customer_id, microsoft_tenant_id, domain, company_name, "
        "country, status, origin, version, created_at, updated_at) "
        "values (%s, %s, %s, %s, %s, %s, %s, 'active', %s, %s, %s, %s) "
        # One that had left has come back: to the organisation that it belongs to by now.
        "on conflict (tenant_id) do update set status = 'active', version = excluded.version, "
        "updated_at = excluded.updated_at where tenants.version < excluded.version",
        [
            data.tenant_id,
            event.meta.reseller,
            data.customer_id,
            data.microsoft_tenant_id,
            data.domain,
            data.company_name,
            data.country,
            str(event.meta.origin),
            event.version,
            at,
            at,
        ],
    )


async def _change_tenant(
    tx: Connection, event: Recorded[Any], tenant_id: str, column: str, value: Any
) -> None:
    await tx.execute(
        f"update tenants set {column} = %s, version = %s, updated_at = %s where reseller_id = %s and tenant_id = %s",
        [value, event.version, event.meta.recorded_at, event.meta.reseller, tenant_id],
    )


async def _assign(tx: Connection, reseller: str, tenant_id: str, customer_id: str) -> None:
    for screen in ("subscriptions", "users"):
        await tx.execute(
            f"update {screen} set customer_id = %s, revision = revision + 1 "
            "where reseller_id = %s and tenant_id = %s and customer_id <> %s",
            [customer_id, reseller, tenant_id, customer_id],
        )
    await tx.execute(
        "update history set customer_id = %s where reseller_id = %s and subscription_id in "
        "(select subscription_id from subscriptions where reseller_id = %s and tenant_id = %s)",
        [customer_id, reseller, reseller, tenant_id],
    )
