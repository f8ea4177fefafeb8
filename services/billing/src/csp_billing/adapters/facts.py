"""Reads the log of record and what belongs to it, inside the caller's scope."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from csp_billing.adapters.ledger_reader import known_of
from csp_billing.ports import ReportKey, Sold
from csp_billing.settling.close_days import CloseDays
from csp_billing.settling.posting import Known
from csp_runtime.database import Connection, Database
from csp_runtime.scope import Scope


class Facts:
    """The log of record."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def customers(
        self, scope: Scope, customer_id: str | None, *, after: str | None = None, limit: int = 1
    ) -> list[dict[str, Any]]:
        """Customers inside the scope, one or some, by name; `after` is the last one of the page before."""
        async with self._database.transaction(scope) as tx:
            cursor = await tx.execute(
                "select customer_id, name, status from customers where reseller_id = %(reseller)s "
                "and (%(own)s::text is null or customer_id = %(own)s) and (%(one)s::text is null or customer_id = %(one)s) "
                "and (%(after)s::text is null or (name, customer_id) > (select b.name, b.customer_id from customers b "
                "where b.reseller_id = %(reseller)s and b.customer_id = %(after)s)) order by name, customer_id limit %(limit)s",
                {
                    "reseller": scope.reseller,
                    "own": scope.customer,
                    "one": customer_id,
                    "after": after,
                    "limit": limit,
                },
            )
            return await cursor.fetchall()

    async def subscription(self, scope: Scope, subscription_id: str) -> Sold | None:
        """What a subscription is sold as; None where there is none in scope."""
        async with self._database.transaction(scope) as tx:
            cursor = await tx.execute(
                "select s.currency, s.product_title from subscriptions s join tenant_customer t "
                "on t.tenant_id = s.tenant_id and t.reseller_id = s.reseller_id "
                "where s.reseller_id = %s and s.subscription_id = %s and (%s::text is null or t.customer_id = %s)",
                [scope.reseller, subscription_id, scope.customer, scope.customer],
            )
            row = await cursor.fetchone()
        return None if row is None else Sold(row["currency"], row["product_title"])

    async def events(self, scope: Scope, subscription_id: str) -> list[Known]:
        """The facts of one subscription. The caller has checked the scope."""
        async with self._database.transaction(scope) as tx:
            cursor = await tx.execute(
                "select subscription_id, arrival, stream, version, type, data, meta from inbox "
                "where reseller_id = %s and subscription_id = %s order by arrival",
                [scope.reseller, subscription_id],
            )
            return [known_of(tuple(row.values())) for row in await cursor.fetchall()]

    async def close_days(self, scope: Scope) -> CloseDays:
        """The reseller's close day by date (R3.1)."""
        async with self._database.transaction(scope) as tx:
            cursor = await tx.execute(
                "select effective_on, value from reseller_settings where reseller_id = %s and setting = 'close_day' "
                "order by effective_on, stream_version",
                [scope.reseller],
            )
            return CloseDays([(row["effective_on"], int(row["value"])) for row in await cursor.fetchall()])

    async def collapses_pairs(self, scope: Scope, dated_on: date) -> bool:
        """Whether customers read each change of a report of that day as one line (section 19)."""
        async with self._database.transaction(scope) as tx:
            cursor = await tx.execute(
                "select value from reseller_settings where reseller_id = %s and setting = 'collapse_pairs' "
                "and effective_on <= %s order by effective_on desc, stream_version desc limit 1",
                [scope.reseller, dated_on],
            )
            row = await cursor.fetchone()
        return row is not None and row["value"] == "on"

    async def report(self, scope: Scope, report_id: str) -> ReportKey | None:
        """A report by its id; customers have the sales ledger alone."""
        async with self._database.transaction(scope) as tx:
            cursor = await tx.execute(
                "select report_id, reseller_id as reseller, customer_id, ledger, currency, from_on, until_on from reports "
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
