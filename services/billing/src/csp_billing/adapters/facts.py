"""Reads the log of record and what belongs to it, inside the caller's scope."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

from csp_billing.ports import Billed, ReportKey
from csp_contracts.codec import decode_event, decode_meta
from csp_contracts.envelope import Recorded
from csp_runtime.database import Connection, Database
from csp_runtime.scope import Scope

DEFAULT_CLOSE_DAY = 15


class Facts:
    """The log of record."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def customers(self, scope: Scope, customer_id: str | None) -> list[dict[str, Any]]:
        """Customers inside the scope, all or one."""
        async with self._database.transaction(scope) as tx:
            cursor = await tx.execute(
                "select customer_id, name, status from customers where reseller_id = %s "
                "and (%s::text is null or customer_id = %s) and (%s::text is null or customer_id = %s) order by name, customer_id",
                [scope.reseller, scope.customer, scope.customer, customer_id, customer_id],
            )
            return await cursor.fetchall()

    async def subscriptions(self, scope: Scope, customer_ids: Sequence[str]) -> list[Billed]:
        """What these customers are billed for."""
        async with self._database.transaction(scope) as tx:
            cursor = await tx.execute(
                "select s.subscription_id, t.customer_id, s.product_title, s.currency from subscriptions s "
                "join tenant_customer t on t.tenant_id = s.tenant_id and t.reseller_id = s.reseller_id "
                "where s.reseller_id = %s and t.customer_id = any(%s) and (%s::text is null or t.customer_id = %s) "
                "order by s.subscription_id",
                [scope.reseller, list(customer_ids), scope.customer, scope.customer],
            )
            return [Billed(**row) for row in await cursor.fetchall()]

    async def events(
        self, scope: Scope, subscription_ids: Sequence[str], *, known_at: int | None = None
    ) -> dict[str, list[Recorded[Any]]]:
        """The facts of subscriptions, as they are known now, or were at a watermark. The caller has checked the scope."""
        found: dict[str, list[Recorded[Any]]] = defaultdict(list)
        async with self._database.transaction(scope) as tx:
            cursor = await tx.execute(
                "select subscription_id, stream, version, type, data, meta from inbox "
                "where reseller_id = %s and subscription_id = any(%s) and (%s::bigint is null or arrival <= %s)",
                [scope.reseller, list(subscription_ids), known_at, known_at],
            )
            for row in await cursor.fetchall():
                found[row["subscription_id"]].append(
                    Recorded(
                        stream=row["stream"],
                        version=row["version"],
                        data=decode_event(row["type"], bytes(row["data"])),
                        meta=decode_meta(bytes(row["meta"])),
                    )
                )
        return found

    async def close_day(self, scope: Scope, on: date) -> int:
        """The reseller's close day on a UTC day (R3.1)."""
        async with self._database.transaction(scope) as tx:
            cursor = await tx.execute(
                "select value from reseller_settings where reseller_id = %s and setting = 'close_day' "
                "and effective_on <= %s order by effective_on desc, stream_version desc limit 1",
                [scope.reseller, on],
            )
            row = await cursor.fetchone()
        return DEFAULT_CLOSE_DAY if row is None else int(row["value"])

    async def report(self, scope: Scope, report_id: str) -> ReportKey | None:
        """A report by its id; customers have the sales ledger alone."""
        async with self._database.transaction(scope) as tx:
            cursor = await tx.execute(
                "select report_id, customer_id, ledger, currency, from_on, until_on from reports "
                "where report_id = %s and reseller_id = %s and (%s::text is null or customer_id = %s) "
                "and (%s::text is null or ledger = 'sell')",
                [report_id, scope.reseller, scope.customer, scope.customer, scope.customer],
            )
            row = await cursor.fetchone()
        return None if row is None else ReportKey(**row)


class ReportKeys:
    """Gives reports their ids: computed, so that the same report has the same id whoever asks first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, reseller: str, keys: Sequence[ReportKey]) -> None:
        """Make the ids known."""
        async with self._database.transaction() as tx:
            await _insert(tx, reseller, keys)


async def _insert(tx: Connection, reseller: str, keys: Sequence[ReportKey]) -> None:
    for key in keys:
        await tx.execute(
            "insert into reports (report_id, reseller_id, customer_id, ledger, currency, from_on, until_on) "
            "values (%s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
            [key.report_id, reseller, key.customer_id, key.ledger, key.currency, key.from_on, key.until_on],
        )
