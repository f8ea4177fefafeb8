"""The queue of wanted readings: many wishes for one resource are one row and one call upstream."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Cursor
from psycopg.rows import DictRow

from csp_partner_feed.adapters.claims import CLAIM_SECONDS
from csp_partner_feed.domain.observation import Channel, Resource
from csp_partner_feed.domain.wishes import Wish
from csp_runtime.database import Connection, Database
from csp_runtime.store import Also

CHANNEL = "csp_feed_reads"
_MOST_OF_A_TENANT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A wish that this process carries out. `wish` counts the wishes: if it grew meanwhile, the resource is read again."""

    reseller: str
    resource: Resource
    microsoft_tenant_id: str
    microsoft_id: str
    channel: Channel
    changed_at: datetime | None
    is_forced: bool
    is_repeated: bool
    wish: int
    attempts: int

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Of its row."""
        return (self.reseller, str(self.resource), self.microsoft_tenant_id, self.microsoft_id)


class Reads:
    """Rows of `reads`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def want(self, wishes: Sequence[Wish]) -> None:
        """Add wishes; those for the same resource join."""
        if not wishes:
            return
        async with self._database.transaction() as tx:
            await want(tx, wishes)

    async def claim(self, now: datetime) -> list[Claimed]:
        """Due wishes of one customer, for this process alone while it renews the claim; `now` is business time."""
        async with self._database.transaction() as tx:
            cursor = await tx.execute(
                """
                select reseller_id, microsoft_tenant_id from reads
                where due_at <= %s and (claimed_until is null or claimed_until < now())
                order by due_at limit 1 for update skip locked
                """,
                [now],
            )
            first = await cursor.fetchone()
            if first is None:
                return []
            cursor = await tx.execute(
                """
                update reads set claimed_until = now() + make_interval(secs => %(claim)s), attempts = attempts + 1
                where (reseller_id, resource, microsoft_tenant_id, microsoft_id) in (
                    select reseller_id, resource, microsoft_tenant_id, microsoft_id from reads
                    where reseller_id = %(reseller)s and microsoft_tenant_id = %(tenant)s
                        and due_at <= %(now)s and (claimed_until is null or claimed_until < now())
                    order by due_at limit %(most)s for update skip locked
                )
                returning *
                """,
                {
                    "claim": CLAIM_SECONDS,
                    "reseller": first["reseller_id"],
                    "tenant": first["microsoft_tenant_id"],
                    "now": now,
                    "most": _MOST_OF_A_TENANT,
                },
            )
            return [_claimed(row) for row in await cursor.fetchall()]

    async def renew(self, claimed: Sequence[Claimed]) -> None:
        """Hold on to wishes that are being carried out, unless the claim is over."""
        async with self._database.transaction() as tx, tx.cursor() as cursor:
            await cursor.executemany(
                f"""
                update reads set claimed_until = now() + make_interval(secs => %s)
                where {_KEY} and claimed_until > now()
                """,
                [[CLAIM_SECONDS, *each.key] for each in claimed],
            )

    async def put_back(self, claimed: Sequence[Claimed], seconds: float) -> None:
        """Not now: try again after a pause of real time."""
        async with self._database.transaction() as tx:
            for each in claimed:
                await tx.execute(
                    f"update reads set claimed_until = now() + make_interval(secs => %s) where {_KEY}",
                    [seconds, *each.key],
                )

    async def pending(self) -> int:
        """How many resources wait."""
        async with self._database.connection() as connection:
            cursor = await connection.execute("select count(*) as n from reads")
            row = await cursor.fetchone()
        return 0 if row is None else int(row["n"])


_KEY = "reseller_id = %s and resource = %s and microsoft_tenant_id = %s and microsoft_id = %s"


async def want(tx: Connection, wishes: Sequence[Wish]) -> None:
    """As `Reads.want`, inside a transaction."""
    async with tx.cursor() as cursor:
        await cursor.executemany(_WANT, [_values(wish) for wish in wishes])
    await tx.execute("select pg_notify(%s, '')", [CHANNEL])


def wanted(wishes: Sequence[Wish]) -> Also:
    """As `Reads.want`, together with events."""

    def insert(cursor: Cursor[DictRow]) -> None:
        for wish in wishes:
            cursor.execute(_WANT, _values(wish))
        cursor.execute("select pg_notify(%s, '')", [CHANNEL])

    return insert


def finished(claimed: Sequence[Claimed]) -> Also:
    """The readings are done; those wished for again meanwhile are read again."""

    def remove(cursor: Cursor[DictRow]) -> None:
        for each in claimed:
            cursor.execute(f"delete from reads where {_KEY} and wish = %s", [*each.key, each.wish])
            cursor.execute(f"update reads set claimed_until = null, attempts = 0 where {_KEY}", [*each.key])

    return remove


# The clock of business time orders; `least` keeps the earliest date, the newest news and every promise.
_WANT = """
insert into reads (reseller_id, resource, microsoft_tenant_id, microsoft_id, due_at, channel, changed_at, is_forced, is_repeated)
values (%(reseller)s, %(resource)s, %(tenant)s, %(id)s, %(due_at)s, %(channel)s, %(changed_at)s, %(forced)s, %(repeated)s)
on conflict (reseller_id, resource, microsoft_tenant_id, microsoft_id) do update set
    due_at = least(reads.due_at, excluded.due_at),
    channel = excluded.channel,
    changed_at = greatest(reads.changed_at, excluded.changed_at),
    is_forced = reads.is_forced or excluded.is_forced,
    is_repeated = reads.is_repeated or excluded.is_repeated,
    wish = reads.wish + 1
"""


def _values(wish: Wish) -> dict[str, Any]:
    return {
        "reseller": wish.reseller,
        "resource": str(wish.resource),
        "tenant": wish.microsoft_tenant_id,
        "id": wish.microsoft_id,
        "due_at": wish.due_at,
        "channel": str(wish.channel),
        "changed_at": wish.changed_at,
        "forced": wish.is_forced,
        "repeated": wish.is_repeated,
    }


def _claimed(row: DictRow) -> Claimed:
    return Claimed(
        reseller=row["reseller_id"],
        resource=Resource(row["resource"]),
        microsoft_tenant_id=row["microsoft_tenant_id"],
        microsoft_id=row["microsoft_id"],
        channel=Channel(row["channel"]),
        changed_at=row["changed_at"],
        is_forced=row["is_forced"],
        is_repeated=row["is_repeated"],
        wish=row["wish"],
        attempts=row["attempts"],
    )
