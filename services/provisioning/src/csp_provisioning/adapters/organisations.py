"""Rows of organisations and tenants; written through the recorder's hook, read under row-level security."""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

from psycopg import Cursor
from psycopg.rows import DictRow

from csp_provisioning.domain.forms import Address, Contact
from csp_provisioning.ports import Organisation, TenantRow
from csp_runtime.database import Database
from csp_runtime.scope import Scope
from csp_runtime.store import Also

_TENANT = (
    "tenant_id, reseller_id, customer_id, microsoft_tenant_id, domain, company_name, country, administrator"
)


class OrganisationRows:
    """As `Organisations`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def organisation(self, scope: Scope, customer_id: str) -> Organisation | None:
        async with self._database.transaction(scope) as tx:
            cursor = await tx.execute(
                "select * from organisations where customer_id = %s and reseller_id = %s "
                "and (%s::text is null or customer_id = %s)",
                [customer_id, scope.reseller, scope.customer, scope.customer],
            )
            row = await cursor.fetchone()
        if row is None:
            return None
        return Organisation(
            customer_id=row["customer_id"],
            reseller_id=row["reseller_id"],
            name=row["name"],
            status=row["status"],
            country=row["country"],
            address=Address(**row["address"]) if row["address"] else None,
            contact=Contact(**row["contact"]) if row["contact"] else None,
            version=row["version"],
        )

    async def tenant(self, scope: Scope, tenant_id: str) -> TenantRow | None:
        async with self._database.transaction(scope) as tx:
            cursor = await tx.execute(
                f"select {_TENANT} from tenants where tenant_id = %s and reseller_id = %s "
                "and (%s::text is null or customer_id = %s)",
                [tenant_id, scope.reseller, scope.customer, scope.customer],
            )
            row = await cursor.fetchone()
        return None if row is None else TenantRow(**row)

    async def tenants_of(self, scope: Scope, customer_id: str) -> list[TenantRow]:
        async with self._database.transaction(scope) as tx:
            cursor = await tx.execute(
                f"select {_TENANT} from tenants where reseller_id = %s and customer_id = %s "
                "and (%s::text is null or customer_id = %s) order by domain",
                [scope.reseller, customer_id, scope.customer, scope.customer],
            )
            rows = await cursor.fetchall()
        return [TenantRow(**row) for row in rows]


class OrganisationStatements:
    """As `OrganisationWriter`."""

    def reseller(
        self, reseller_id: str, name: str, country: str, currency: str, microsoft_tenant_id: str
    ) -> Also:
        """The row of a new reseller."""

        def insert(cursor: Cursor[DictRow]) -> None:
            cursor.execute(
                "insert into resellers (reseller_id, name, country, currency, microsoft_tenant_id) "
                "values (%s, %s, %s, %s, %s) on conflict do nothing",
                [reseller_id, name, country, currency, microsoft_tenant_id],
            )

        return insert

    def organisation(
        self,
        *,
        customer_id: str,
        reseller: str,
        name: str,
        status: str,
        country: str,
        address: Address | None,
        contact: Contact | None,
        at: datetime,
    ) -> Also:
        """The row of a new organisation."""

        def insert(cursor: Cursor[DictRow]) -> None:
            cursor.execute(
                "insert into organisations (customer_id, reseller_id, name, status, country, address, contact, created_at) "
                "values (%s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
                [customer_id, reseller, name, status, country, _json(address), _json(contact), at],
            )

        return insert

    def tenant(self, row: TenantRow, at: datetime) -> Also:
        """The row of a new tenant; one that is known stays as it is, but learns its administrator."""

        def insert(cursor: Cursor[DictRow]) -> None:
            cursor.execute(
                f"insert into tenants ({_TENANT}, created_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s) "
                "on conflict (tenant_id) do update set administrator = coalesce(excluded.administrator, tenants.administrator)",
                [
                    row.tenant_id,
                    row.reseller_id,
                    row.customer_id,
                    row.microsoft_tenant_id,
                    row.domain,
                    row.company_name,
                    row.country,
                    row.administrator,
                    at,
                ],
            )

        return insert

    def move_tenant(self, tenant_id: str, reseller: str, to_customer: str) -> Also:
        """A linked tenant belongs to another organisation."""

        def update(cursor: Cursor[DictRow]) -> None:
            cursor.execute(
                "update tenants set customer_id = %s where tenant_id = %s and reseller_id = %s",
                [to_customer, tenant_id, reseller],
            )

        return update


def _json(value: Address | Contact | None) -> str:
    fields: dict[str, Any] = {} if value is None else asdict(value)
    return json.dumps(fields)
