"""When each channel last worked, for each customer and for the reseller as a whole."""

from datetime import datetime

from csp_runtime.database import Database

WHOLE = ""


class Freshness:
    """Rows of `freshness`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def worked(self, reseller: str, channel: str, at: datetime, tenant: str = WHOLE) -> None:
        """The channel gave what it should; `at` is when the looking began."""
        async with self._database.connection() as connection:
            await connection.execute(
                """
                insert into freshness (reseller_id, microsoft_tenant_id, channel, succeeded_at) values (%s, %s, %s, %s)
                on conflict (reseller_id, microsoft_tenant_id, channel) do update set
                    succeeded_at = greatest(freshness.succeeded_at, excluded.succeeded_at), fault = null
                """,
                [reseller, tenant, channel, at],
            )

    async def failed(
        self, reseller: str, channel: str, at: datetime, fault: str, tenant: str = WHOLE
    ) -> None:
        """The channel failed; `fault` is a code, never a text of Microsoft's."""
        async with self._database.connection() as connection:
            await connection.execute(
                """
                insert into freshness (reseller_id, microsoft_tenant_id, channel, failed_at, fault) values (%s, %s, %s, %s, %s)
                on conflict (reseller_id, microsoft_tenant_id, channel) do update set
                    failed_at = excluded.failed_at, fault = excluded.fault
                """,
                [reseller, tenant, channel, at, fault],
            )
