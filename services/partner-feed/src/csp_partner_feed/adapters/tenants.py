"""The customers of each partner, what is due for each, and how fresh each channel is."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg.rows import DictRow

from csp_contracts.ids import Kind, named_id
from csp_partner_feed.adapters.claims import CLAIM_SECONDS
from csp_partner_feed.domain.observation import Channel
from csp_runtime.database import Connection, Database
from csp_runtime.secret_box import SecretBox

WAKEUP = "csp_feed_tenants"


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantDue:
    """A customer that is to be read; `is_first`: it belongs to the first synchronisation."""

    reseller: str
    microsoft_tenant_id: str
    channel: Channel
    is_first: bool
    delta_link: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A customer as the list shows it."""

    microsoft_tenant_id: str
    domain: str | None
    company_name: str | None


class TenantRows:
    """Rows of `tenants`."""

    def __init__(self, database: Database, box: SecretBox) -> None:
        self._database = database
        self._box = box

    async def add(
        self, reseller: str, listed: Sequence[Listed], now: datetime, *, is_first: bool = False
    ) -> list[str]:
        """Take down what the list shows; the Microsoft ids of those that are new. New ones are read at once."""
        async with self._database.transaction() as tx:
            return await add(tx, reseller, listed, now, is_first=is_first)

    async def claim_comparison(self, now: datetime) -> TenantDue | None:
        """The customer whose full reading is due longest; those of the first synchronisation first."""
        return await self._claim(
            "compare",
            "is_first_pending desc, compare_at",
            now,
            lambda row: Channel.FIRST_SYNC if row["is_first_pending"] else Channel(row["compare_channel"]),
        )

    async def claim_delta(self, now: datetime) -> TenantDue | None:
        """The customer whose directory is to be asked for changes."""
        return await self._claim("delta", "delta_at", now, lambda _: Channel.GRAPH_DELTA)

    async def _claim(
        self, what: str, order: str, now: datetime, channel: Callable[[DictRow], Channel]
    ) -> TenantDue | None:
        async with self._database.transaction() as tx:
            cursor = await tx.execute(
                f"""
                update tenants set {what}_claimed_until = now() + make_interval(secs => %s)
                where (reseller_id, microsoft_tenant_id) in (
                    select reseller_id, microsoft_tenant_id from tenants
                    where {what}_at <= %s and not is_gone
                        and ({what}_claimed_until is null or {what}_claimed_until < now())
                    order by {order} limit 1 for update skip locked
                )
                returning *
                """,
                [CLAIM_SECONDS, now],
            )
            row = await cursor.fetchone()
        if row is None:
            return None
        sealed = row["sealed_delta_link"]
        return TenantDue(
            reseller=row["reseller_id"],
            microsoft_tenant_id=row["microsoft_tenant_id"],
            channel=channel(row),
            is_first=row["is_found_by_first"],
            delta_link=self._box.open(sealed, _context(row)).decode() if sealed else None,
        )

    async def renew(self, due: TenantDue) -> None:
        """Hold on to a claim that is being worked on, unless it is over or was taken back meanwhile."""
        what = "delta" if due.channel is Channel.GRAPH_DELTA else "compare"
        async with self._database.connection() as connection:
            await connection.execute(
                f"""
                update tenants set {what}_claimed_until = now() + make_interval(secs => %s)
                where reseller_id = %s and microsoft_tenant_id = %s and {what}_claimed_until > now()
                """,
                [CLAIM_SECONDS, due.reseller, due.microsoft_tenant_id],
            )

    async def compared(self, due: TenantDue, now: datetime, every: timedelta) -> None:
        """The full reading is done; the next one comes after the interval, at the customer's own time of it."""
        at = next_turn(due.microsoft_tenant_id, now, every)
        async with self._database.connection() as connection:
            await connection.execute(
                """
                update tenants set compare_at = %s, compare_channel = 'comparison', is_first_pending = false, compare_claimed_until = null
                where reseller_id = %s and microsoft_tenant_id = %s
                """,
                [at, due.reseller, due.microsoft_tenant_id],
            )

    async def followed(self, due: TenantDue, link: str | None, next_at: datetime) -> None:
        """The directory was asked; the next round goes on at this link."""
        sealed = (
            self._box.seal(link.encode(), f"delta/{due.reseller}/{due.microsoft_tenant_id}") if link else None
        )
        async with self._database.connection() as connection:
            await connection.execute(
                """
                update tenants set sealed_delta_link = %s, delta_at = %s, delta_claimed_until = null
                where reseller_id = %s and microsoft_tenant_id = %s
                """,
                [sealed, next_at, due.reseller, due.microsoft_tenant_id],
            )

    async def put_back(self, due: TenantDue, seconds: float) -> None:
        """Not now: try again after a pause of real time."""
        what = "delta" if due.channel is Channel.GRAPH_DELTA else "compare"
        async with self._database.connection() as connection:
            await connection.execute(
                f"""
                update tenants set {what}_claimed_until = now() + make_interval(secs => %s)
                where reseller_id = %s and microsoft_tenant_id = %s
                """,
                [seconds, due.reseller, due.microsoft_tenant_id],
            )

    async def gone(self, reseller: str, microsoft_tenant_id: str, *, is_gone: bool) -> None:
        """Whether it is a customer no more; one that comes back is read at once."""
        async with self._database.connection() as connection:
            await connection.execute(
                "update tenants set is_gone = %s, compare_claimed_until = null where reseller_id = %s and microsoft_tenant_id = %s",
                [is_gone, reseller, microsoft_tenant_id],
            )

    async def missed(
        self, reseller: str, microsoft_tenant_id: str, now: datetime, span: timedelta
    ) -> datetime | None:
        """Its own address says that it is no customer of ours; when to look again, None where this was the second look.

        Between the two lies at least `span`. Who was never listed is not looked for again.
        """
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                """
                update tenants set missing_since = coalesce(before.missing_since, %(now)s)
                from (
                    select missing_since from tenants
                    where reseller_id = %(reseller)s and microsoft_tenant_id = %(id)s for update
                ) as before
                where reseller_id = %(reseller)s and microsoft_tenant_id = %(id)s
                returning before.missing_since as since
                """,
                {"now": now, "reseller": reseller, "id": microsoft_tenant_id},
            )
            row = await cursor.fetchone()
        if row is None or (row["since"] is not None and now >= row["since"] + span):
            return None
        return (row["since"] or now) + span

    async def refresh(self, reseller: str, tenant_ids: Sequence[str] | None, now: datetime) -> int:
        """Read these customers (all, where None) in full as soon as possible; how many there are."""
        async with self._database.transaction() as tx:
            cursor = await tx.execute(
                """
                update tenants set compare_at = %(now)s, compare_channel = 'refresh', delta_at = %(now)s,
                    compare_claimed_until = null, delta_claimed_until = null
                where reseller_id = %(reseller)s and not is_gone and (%(all)s or tenant_id = any(%(ids)s))
                """,
                {"now": now, "reseller": reseller, "all": tenant_ids is None, "ids": list(tenant_ids or ())},
            )
            await tx.execute("select pg_notify(%s, '')", [WAKEUP])
            return cursor.rowcount

    async def known(self, reseller: str) -> set[str]:
        """The Microsoft ids of all customers that are still there."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "select microsoft_tenant_id from tenants where reseller_id = %s and not is_gone", [reseller]
            )
            return {row["microsoft_tenant_id"] for row in await cursor.fetchall()}

    async def by_id(self, reseller: str, tenant_id: str) -> str | None:
        """The Microsoft id behind an id of ours."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "select microsoft_tenant_id from tenants where reseller_id = %s and tenant_id = %s",
                [reseller, tenant_id],
            )
            row = await cursor.fetchone()
        return None if row is None else str(row["microsoft_tenant_id"])

    async def is_first(self, reseller: str, microsoft_tenant_id: str) -> bool:
        """Whether the first synchronisation comes first: it found the customer and is not over for it, or may still find it."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                """
                select coalesce(
                    (select is_first_pending from tenants where reseller_id = %(reseller)s and microsoft_tenant_id = %(id)s),
                    not exists (select 1 from first_syncs where reseller_id = %(reseller)s and listed_at is not null)
                ) as is_first
                """,
                {"reseller": reseller, "id": microsoft_tenant_id},
            )
            row = await cursor.fetchone()
        return row is not None and bool(row["is_first"])


async def add(
    tx: Connection, reseller: str, listed: Sequence[Listed], now: datetime, *, is_first: bool = False
) -> list[str]:
    """As `TenantRows.add`, inside a transaction."""
    new: list[str] = []
    for each in listed:
        cursor = await tx.execute(
            """
            insert into tenants (reseller_id, microsoft_tenant_id, tenant_id, domain, company_name, is_first_pending,
                is_found_by_first, compare_at, compare_channel, delta_at)
            values (%(reseller)s, %(id)s, %(tenant_id)s, %(domain)s, %(name)s, %(first)s, %(first)s, %(now)s, %(channel)s, %(now)s)
            on conflict (reseller_id, microsoft_tenant_id) do update set
                domain = coalesce(excluded.domain, tenants.domain),
                company_name = coalesce(excluded.company_name, tenants.company_name),
                compare_at = case when tenants.is_gone then excluded.compare_at else tenants.compare_at end,
                is_gone = false,
                missing_since = null
            returning xmax = 0 as is_new
            """,
            {
                "reseller": reseller,
                "id": each.microsoft_tenant_id,
                "tenant_id": named_id(Kind.TENANT, reseller, each.microsoft_tenant_id),
                "domain": each.domain,
                "name": each.company_name,
                "first": is_first,
                "now": now,
                "channel": str(Channel.FIRST_SYNC if is_first else Channel.COMPARISON),
            },
        )
        row = await cursor.fetchone()
        if row is not None and row["is_new"]:
            new.append(each.microsoft_tenant_id)
    await tx.execute("select pg_notify(%s, '')", [WAKEUP])
    return new


def next_turn(name: str, now: datetime, every: timedelta) -> datetime:
    """The next time of a customer's own after half an interval: spread evenly, the same each time."""
    span = every.total_seconds()
    own = zlib.crc32(name.encode()) / 2**32 * span
    earliest = now.timestamp() + span / 2
    turns = -(-(earliest - own) // span)
    return datetime.fromtimestamp(own + turns * span, tz=now.tzinfo)


def _context(row: DictRow) -> str:
    return f"delta/{row['reseller_id']}/{row['microsoft_tenant_id']}"
