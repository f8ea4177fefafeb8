"""Which organisation a tenant belongs to, and its name at Microsoft; filled by provisioning's events alone."""

from csp_runtime.database import Database
from csp_runtime.scope import Scope
from csp_subscriptions.ports import Tenant


class Tenants:
    """Rows of `tenants`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def visible(self, scope: Scope, tenant_id: str) -> Tenant | None:
        """The tenant, if it lies inside the scope."""
        async with self._database.transaction(scope) as tx:
            cursor = await tx.execute(
                "select * from tenants where tenant_id = %s and reseller_id = %s "
                "and (%s::text is null or customer_id = %s)",
                [tenant_id, scope.reseller, scope.customer, scope.customer],
            )
            row = await cursor.fetchone()
        return None if row is None else Tenant(**row)

    async def known(self, reseller_id: str, tenant_id: str) -> Tenant | None:
        """For background work: a tenant of one reseller."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "select * from tenants where reseller_id = %s and tenant_id = %s", [reseller_id, tenant_id]
            )
            row = await cursor.fetchone()
        return None if row is None else Tenant(**row)

    async def currency_of(self, reseller_id: str) -> str:
        """The currency a reseller buys in; USD until the reseller is known here."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "select currency from resellers where reseller_id = %s", [reseller_id]
            )
            row = await cursor.fetchone()
        return "USD" if row is None else str(row["currency"])
