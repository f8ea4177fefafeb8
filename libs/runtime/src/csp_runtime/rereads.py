"""Readings that did not count are repeated: the feed is asked once the span is over in which old values may still show.

A service that uses it has a table `rereads`: `<resource>_id` (primary key), `reseller_id`, `tenant_id`, `due_at`.
"""

from datetime import datetime
from typing import Literal

import httpx
from psycopg import Cursor
from psycopg.rows import DictRow

from csp_runtime.auth import ServiceTokens
from csp_runtime.clock import Clock
from csp_runtime.database import Database
from csp_runtime.platform import Peers
from csp_runtime.rounds import for_ever
from csp_runtime.store import Also

PAUSE_SECONDS = 1.0

Resource = Literal["subscription", "tenant", "user"]


def reread_at(resource: Resource, resource_id: str, reseller: str, tenant_id: str, due: datetime) -> Also:
    """Have a resource read again at an instant; a later request replaces an earlier one."""
    row = {f"{resource}_id": resource_id, "reseller_id": reseller, "tenant_id": tenant_id, "due_at": due}

    def insert(cursor: Cursor[DictRow]) -> None:
        cursor.execute(
            f"insert into rereads ({', '.join(row)}) values ({', '.join(['%s'] * len(row))}) "
            f"on conflict ({resource}_id) do update set due_at = excluded.due_at",
            list(row.values()),
        )

    return insert


class Rereads:
    """The worker behind the table."""

    def __init__(
        self, resource: Resource, database: Database, peers: Peers, tokens: ServiceTokens, clock: Clock
    ) -> None:
        self._key = f"{resource}_id"
        self._database = database
        self._peers = peers
        self._tokens = tokens
        self._clock = clock

    async def run(self) -> None:
        """Ask for every due one; what the feed did not take stays and is asked for again."""
        await for_ever(self.step, lambda: self._clock.sleep(PAUSE_SECONDS))

    async def step(self) -> None:
        """Ask once for each due one."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "select * from rereads where due_at <= %s order by due_at limit 100", [self._clock.now()]
            )
            rows = await cursor.fetchall()
        for row in rows:
            if await self._ask(
                row["reseller_id"], {"tenant_id": row["tenant_id"], self._key: row[self._key]}
            ):
                async with self._database.connection() as connection:
                    await connection.execute(
                        f"delete from rereads where reseller_id = %s and {self._key} = %s and due_at = %s",
                        [row["reseller_id"], row[self._key], row["due_at"]],
                    )

    async def _ask(self, reseller: str, what: dict[str, str]) -> bool:
        token = await self._tokens.token(reseller)
        try:
            answer = await self._peers.client("partner-feed").post(
                "/internal/v1/rereads", json=what, headers={"Authorization": f"Bearer {token}"}
            )
        except httpx.TransportError:
            return False
        return answer.is_success
