"""Rows of tenants, users and seats."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from psycopg import Cursor
from psycopg.rows import DictRow

from csp_identity_sync.domain.seats import OwnedSeats
from csp_identity_sync.ports import Tenant, UserRow
from csp_runtime.database import Database
from csp_runtime.positions import as_position
from csp_runtime.scope import Scope
from csp_runtime.store import Also

_SHOWN = (
    "user_id, tenant_id, user_principal_name, display_name, usage_location, status, is_administrator, sku_ids, "
    "microsoft_user_id, version, created_at"
)
_SCOPED = "reseller_id = %s and (%s::text is null or customer_id = %s)"


class DirectoryRows:
    """As `Directory`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def tenant(self, scope: Scope, tenant_id: str) -> Tenant | None:
        row = await self._one(scope, f"select * from tenants where {_SCOPED} and tenant_id = %s", tenant_id)
        return None if row is None else Tenant(**row)

    async def user(self, scope: Scope, user_id: str) -> UserRow | None:
        row = await self._one(
            scope,
            "select user_id, tenant_id, microsoft_user_id, usage_location, status, sku_ids, version from users "
            f"where {_SCOPED} and user_id = %s",
            user_id,
        )
        return None if row is None else UserRow(**row)

    async def sku_of(self, scope: Scope, tenant_id: str, subscription_id: str) -> str | None:
        async with self._database.transaction(scope) as tx:
            cursor = await tx.execute(
                "select sku_id from subscriptions where reseller_id = %s and tenant_id = %s and subscription_id = %s",
                [scope.reseller, tenant_id, subscription_id],
            )
            row = await cursor.fetchone()
        return None if row is None else row["sku_id"]

    async def users(
        self, scope: Scope, tenant_id: str, status: str | None, *, after: list[str] | None, limit: int
    ) -> list[dict[str, Any]]:
        beyond = "" if after is None else "and (coalesce(display_name, ''), user_id) > (%s, %s) "
        async with self._database.transaction(scope) as tx:
            cursor = await tx.execute(
                f"select {_SHOWN} from users where {_SCOPED} and tenant_id = %s "
                f"and (%s::text is null or status = %s) {beyond}"
                "order by coalesce(display_name, ''), user_id limit %s",
                [
                    scope.reseller,
                    scope.customer,
                    scope.customer,
                    tenant_id,
                    status,
                    status,
                    *(after or []),
                    limit,
                ],
            )
            rows = await cursor.fetchall()
        return [
            _shown(row) | {"cursor": as_position(row["display_name"] or "", row["user_id"])} for row in rows
        ]

    async def shown_user(self, scope: Scope, user_id: str) -> dict[str, Any] | None:
        row = await self._one(scope, f"select {_SHOWN} from users where {_SCOPED} and user_id = %s", user_id)
        return None if row is None else _shown(row)

    async def _one(self, scope: Scope, statement: str, key: str) -> dict[str, Any] | None:
        async with self._database.transaction(scope) as tx:
            cursor = await tx.execute(statement, [scope.reseller, scope.customer, scope.customer, key])
            return await cursor.fetchone()


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row["user_id"],
        "tenant_id": row["tenant_id"],
        "user_principal_name": row["user_principal_name"],
        "display_name": row["display_name"],
        "usage_location": row["usage_location"],
        "status": row["status"],
        "is_administrator": row["is_administrator"],
        "licences": row["sku_ids"],
        "version": row["version"],
        "microsoft_user_id": row["microsoft_user_id"],
        "created_at": row["created_at"].isoformat(),
    }


class SeatRows:
    """Seats owned and licences held, for counting."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def owned(self, reseller: str, tenant_id: str) -> list[OwnedSeats]:
        """Every subscription of a tenant that has a directory SKU."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "select subscription_id, sku_id, quantity, status, commitment_ends_on from subscriptions "
                "where reseller_id = %s and tenant_id = %s and sku_id is not null",
                [reseller, tenant_id],
            )
            return [OwnedSeats(**row) for row in await cursor.fetchall()]

    async def consumed(self, reseller: str, tenant_id: str) -> dict[str, int]:
        """Licences held by active users, by SKU."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "select sku, count(*) as held from users, unnest(sku_ids) as sku "
                "where reseller_id = %s and tenant_id = %s and status = 'active' group by sku",
                [reseller, tenant_id],
            )
            return {row["sku"]: row["held"] for row in await cursor.fetchall()}


def insert_user(
    *,
    user_id: str,
    reseller: str,
    tenant: Tenant,
    microsoft_user_id: str,
    names: dict[str, Any],
    is_administrator: bool,
    version: int,
    at: datetime,
) -> Also:
    """The row of a new user; one that an observation made learns its names."""

    def insert(cursor: Cursor[DictRow]) -> None:
        cursor.execute(
            "insert into users (user_id, reseller_id, customer_id, tenant_id, microsoft_user_id, user_principal_name, "
            "display_name, first_name, last_name, usage_location, status, is_administrator, version, created_at) "
            "values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'active', %s, %s, %s) on conflict (user_id) do update set "
            "user_principal_name = coalesce(excluded.user_principal_name, users.user_principal_name), "
            "display_name = coalesce(excluded.display_name, users.display_name), "
            "first_name = coalesce(excluded.first_name, users.first_name), "
            "last_name = coalesce(excluded.last_name, users.last_name), "
            "usage_location = coalesce(excluded.usage_location, users.usage_location)",
            [
                user_id,
                reseller,
                tenant.customer_id,
                tenant.tenant_id,
                microsoft_user_id,
                names.get("user_principal_name"),
                names.get("display_name"),
                names.get("first_name"),
                names.get("last_name"),
                names.get("usage_location"),
                is_administrator,
                version,
                at,
            ],
        )

    return insert


def change_user(user_id: str, reseller: str, version: int, **changes: Any) -> Also:
    """Columns of a user's row."""

    def update(cursor: Cursor[DictRow]) -> None:
        assignments = "".join(f", {column} = %s" for column in changes)
        cursor.execute(
            f"update users set version = greatest(version, %s){assignments} where user_id = %s and reseller_id = %s",
            [version, *changes.values(), user_id, reseller],
        )

    return update


def change_skus(user_id: str, reseller: str, version: int, *, add: str | None, remove: str | None) -> Also:
    """A licence more or less."""

    def update(cursor: Cursor[DictRow]) -> None:
        if add is not None:
            cursor.execute(
                "update users set version = greatest(version, %s), "
                "sku_ids = array(select distinct unnest(array_append(sku_ids, %s))) where user_id = %s and reseller_id = %s",
                [version, add, user_id, reseller],
            )
        if remove is not None:
            cursor.execute(
                "update users set version = greatest(version, %s), sku_ids = array_remove(sku_ids, %s) "
                "where user_id = %s and reseller_id = %s",
                [version, remove, user_id, reseller],
            )

    return update


def want_names(user_id: str, reseller: str, observation_id: str) -> Also:
    """Names are fetched from the feed afterwards: a reactor never calls the outside."""

    def insert(cursor: Cursor[DictRow]) -> None:
        cursor.execute(
            "insert into names_wanted (user_id, reseller_id, observation_id) values (%s, %s, %s) "
            "on conflict (user_id) do update set observation_id = excluded.observation_id",
            [user_id, reseller, observation_id],
        )

    return insert
