"""Notifications as they came: stored at once, understood later; the same one twice is one row."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from csp_partner_feed.adapters.reads import want
from csp_partner_feed.domain.wishes import Ignored, Wish
from csp_runtime.database import Database

CHANNEL = "csp_feed_inbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One notification that waits to be understood."""

    notification_id: int
    reseller: str
    event_name: str
    resource_uri: str | None
    changed_at: datetime | None


class Inbox:
    """Rows of `inbox`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def store(
        self,
        reseller: str,
        event_name: str,
        resource_uri: str | None,
        changed_at: datetime | None,
        body: object,
        received_at: datetime,
    ) -> bool:
        """Whether it is new. There is no event id: name, resource and time of change tell them apart (PC 9.2)."""
        key = msgspec.json.encode([event_name.lower(), (resource_uri or "").lower(), changed_at])
        if changed_at is None:
            key += msgspec.json.encode(body, order="deterministic")
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                # Without a NOTIFY: its lock would put the commits of a burst in a row. The receiver wakes its own process.
                """
                insert into inbox (reseller_id, digest, event_name, resource_uri, changed_at, body, received_at)
                values (%s, %s, %s, %s, %s, %s, %s) on conflict (reseller_id, digest) do nothing returning 1
                """,
                [
                    reseller,
                    hashlib.sha256(key).digest(),
                    event_name,
                    resource_uri,
                    changed_at,
                    Jsonb(body, dumps=_dumps),
                    received_at,
                ],
                prepare=True,
            )
            return await cursor.fetchone() is not None

    async def understand(self, understand: Callable[[Received], Wish | Ignored], limit: int = 500) -> int:
        """Turn waiting notifications into wishes, in one transaction; how many there were."""
        async with self._database.transaction() as tx:
            cursor = await tx.execute(
                """
                select * from inbox where state = 'received' order by notification_id limit %s for update skip locked
                """,
                [limit],
            )
            rows = await cursor.fetchall()
            wishes: list[Wish] = []
            done: list[tuple[str, str | None, int]] = []
            for row in rows:
                found = understand(
                    Received(
                        notification_id=row["notification_id"],
                        reseller=row["reseller_id"],
                        event_name=row["event_name"],
                        resource_uri=row["resource_uri"],
                        changed_at=row["changed_at"],
                    )
                )
                match found:
                    case Wish():
                        wishes.append(found)
                        done.append(("done", None, row["notification_id"]))
                    case Ignored.UNKNOWN_EVENT | Ignored.NO_ID:
                        done.append(("parked", str(found), row["notification_id"]))
                    case Ignored():
                        done.append(("done", str(found), row["notification_id"]))
            if wishes:
                await want(tx, joined(wishes))
            async with tx.cursor() as writer:
                await writer.executemany(
                    "update inbox set state = %s, reason = %s where notification_id = %s", done
                )
        return len(rows)


def joined(wishes: Sequence[Wish]) -> list[Wish]:
    """Wishes for one resource as one, with the newest time of change."""
    found: dict[tuple[str, str, str, str], Wish] = {}
    for wish in wishes:
        key = (wish.reseller, str(wish.resource), wish.microsoft_tenant_id, wish.microsoft_id)
        other = found.get(key)
        if other is None or _is_newer(wish, other):
            found[key] = wish
    return list(found.values())


def _is_newer(wish: Wish, other: Wish) -> bool:
    if wish.changed_at is None or other.changed_at is None:
        return other.changed_at is None
    return wish.changed_at > other.changed_at


def _dumps(value: Any) -> bytes:  # Any: JSON of any shape
    return msgspec.json.encode(value)
