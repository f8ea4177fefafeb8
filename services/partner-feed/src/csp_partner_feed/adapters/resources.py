"""What is known to be there, by what was last read of it."""

from csp_partner_feed.domain.observation import Resource
from csp_runtime.database import Connection, Database


class Resources:
    """Rows of `resources`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def present(self, reseller: str, microsoft_tenant_id: str, resource: Resource) -> set[str]:
        """Microsoft's ids of a customer's resources that were not gone when last read."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                """
                select microsoft_id from resources
                where reseller_id = %s and microsoft_tenant_id = %s and resource = %s and not is_gone
                """,
                [reseller, microsoft_tenant_id, str(resource)],
            )
            return {row["microsoft_id"] for row in await cursor.fetchall()}

    async def known(self, reseller: str, microsoft_tenant_id: str, resource: Resource) -> set[str]:
        """Microsoft's ids of a customer's resources that were ever told, also of those that are gone."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                """
                select microsoft_id from resources
                where reseller_id = %s and microsoft_tenant_id = %s and resource = %s
                """,
                [reseller, microsoft_tenant_id, str(resource)],
            )
            return {row["microsoft_id"] for row in await cursor.fetchall()}

    async def by_id(self, resource: Resource, resource_id: str) -> tuple[str, str, str] | None:
        """(reseller, Microsoft's tenant id, Microsoft's id) behind an id of ours."""
        async with self._database.connection() as connection:
            return await by_id(connection, resource, resource_id)


async def by_id(connection: Connection, resource: Resource, resource_id: str) -> tuple[str, str, str] | None:
    """As `Resources.by_id`, on a connection."""
    cursor = await connection.execute(
        "select reseller_id, microsoft_tenant_id, microsoft_id from resources where resource = %s and resource_id = %s",
        [str(resource), resource_id],
    )
    row = await cursor.fetchone()
    return None if row is None else (row["reseller_id"], row["microsoft_tenant_id"], row["microsoft_id"])
