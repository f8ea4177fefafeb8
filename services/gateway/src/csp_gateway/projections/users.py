"""Users by id: status and licences. Names and addresses stay with their owner."""

from typing import Any

from csp_contracts.envelope import Recorded
from csp_contracts.identity_sync_v1 import (
    LicenseAssigned,
    LicenseUnassigned,
    UserCreated,
    UserDeleted,
    UserRestored,
    UserUpdated,
)
from csp_gateway.projections.writing import CUSTOMER_OF_TENANT
from csp_runtime.database import Connection


async def show(tx: Connection, event: Recorded[Any]) -> None:
    """Write what an event means for this screen."""
    match event.data:
        case UserCreated() as data:
            await _created(tx, event, data)
        case UserUpdated():
            await _changed(tx, event, "status", "status", [])
        case UserDeleted():
            await _changed(tx, event, "status", "'deleted'", [])
        case UserRestored():
            await _changed(tx, event, "status", "'active'", [])
        case LicenseAssigned() as data:
            added = "array(select distinct unnest(array_append(sku_ids, %s)))"
            await _changed(tx, event, "sku_ids", added, [data.sku_id])
        case LicenseUnassigned() as data:
            await _changed(tx, event, "sku_ids", "array_remove(sku_ids, %s)", [data.sku_id])


async def _created(tx: Connection, event: Recorded[Any], data: UserCreated) -> None:
    at = event.meta.recorded_at
    await tx.execute(
        "insert into users (user_id, reseller_id, customer_id, tenant_id, microsoft_user_id, status, "
        "is_administrator, sku_ids, version, created_at, updated_at) "
        f"values (%s, %s, {CUSTOMER_OF_TENANT}, %s, %s, 'active', %s, '{{}}', %s, %s, %s) on conflict do nothing",
        [
            data.user_id,
            event.meta.reseller,
            event.meta.reseller,
            data.tenant_id,
            data.tenant_id,
            data.microsoft_user_id,
            data.is_administrator,
            event.version,
            at,
            at,
        ],
    )


async def _changed(
    tx: Connection, event: Recorded[Any], column: str, expression: str, values: list[str]
) -> None:
    await tx.execute(
        f"update users set {column} = {expression}, version = %s, updated_at = %s where reseller_id = %s and user_id = %s",
        [*values, event.version, event.meta.recorded_at, event.meta.reseller, event.stream],
    )
