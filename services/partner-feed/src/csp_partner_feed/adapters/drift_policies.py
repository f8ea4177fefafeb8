"""Whose side is taken without asking, per reseller, tenant and field."""

from collections.abc import Sequence
from datetime import datetime

from csp_partner_feed.domain.drift import ASK, Policy
from csp_partner_feed.ports import PolicyRow
from csp_runtime.database import Database
from csp_runtime.scope import Scope


class DriftPolicies:
    """Rows of `drift_policies`."""

    def __init__(self, worker: Database, request: Database) -> None:
        self._worker = worker
        self._request = request

    async def of(self, reseller: str) -> dict[tuple[str, str], Policy]:
        """The reseller's policies by (tenant, field)."""
        async with self._worker.connection() as connection:
            cursor = await connection.execute(
                "select tenant_id, field, side from drift_policies where reseller_id = %s", [reseller]
            )
            return {(row["tenant_id"], row["field"]): Policy(**row) for row in await cursor.fetchall()}

    async def shown(self, scope: Scope) -> Sequence[PolicyRow]:
        """The scope's policies."""
        async with self._request.transaction(scope) as tx:
            cursor = await tx.execute(
                """
                select nullif(tenant_id, '') as tenant_id, nullif(field, '') as field, side, set_by, set_at, reason
                from drift_policies where reseller_id = %s order by tenant_id nulls first, field nulls first limit 1000
                """,
                [scope.reseller],
            )
            return [PolicyRow(**row) for row in await cursor.fetchall()]

    async def put(self, scope: Scope, policy: Policy, reason: str, now: datetime) -> None:
        """Set one; for all tenants and fields `ask` is the default, and removes the row."""
        async with self._worker.connection() as connection:
            if policy.side == ASK and not policy.tenant_id and not policy.field:
                await connection.execute(
                    "delete from drift_policies where reseller_id = %s and tenant_id = '' and field = ''",
                    [scope.reseller],
                )
                return
            await connection.execute(
                """
                insert into drift_policies (reseller_id, tenant_id, field, side, set_by, set_at, reason)
                values (%s, %s, %s, %s, %s, %s, %s)
                on conflict (reseller_id, tenant_id, field) do update set
                    side = excluded.side, set_by = excluded.set_by, set_at = excluded.set_at, reason = excluded.reason
                """,
                [
                    scope.reseller,
                    policy.tenant_id,
                    policy.field,
                    policy.side,
                    scope.actor or "system",
                    now,
                    reason,
                ],
            )
