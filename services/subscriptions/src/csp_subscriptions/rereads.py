"""Asks the feed to read a subscription once more when the span is over in which old values may still show."""

import httpx

from csp_runtime.auth import ServiceTokens
from csp_runtime.clock import Clock
from csp_runtime.database import Database
from csp_runtime.platform import Peers

PAUSE_SECONDS = 1.0


class Rereads:
    """The worker behind the table `rereads`."""

    def __init__(self, database: Database, peers: Peers, tokens: ServiceTokens, clock: Clock) -> None:
        self._database = database
        self._peers = peers
        self._tokens = tokens
        self._clock = clock

    async def run(self) -> None:
        """Ask for every due one; what the feed did not take stays and is asked for again."""
        while True:
            await self.step()
            await self._clock.sleep(PAUSE_SECONDS)

    async def step(self) -> None:
        """Ask once for each due one."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "select * from rereads where due_at <= %s order by due_at limit 100", [self._clock.now()]
            )
            rows = await cursor.fetchall()
        for row in rows:
            if await self._ask(row["reseller_id"], row["tenant_id"], row["subscription_id"]):
                async with self._database.connection() as connection:
                    await connection.execute(
                        "delete from rereads where reseller_id = %s and subscription_id = %s and due_at = %s",
                        [row["reseller_id"], row["subscription_id"], row["due_at"]],
                    )

    async def _ask(self, reseller: str, tenant: str, subscription: str) -> bool:
        token = await self._tokens.token(reseller)
        try:
            answer = await self._peers.client("partner-feed").post(
                "/internal/v1/rereads",
                json={"tenant_id": tenant, "subscription_id": subscription},
                headers={"Authorization": f"Bearer {token}"},
            )
        except httpx.TransportError:
            return False
        return answer.is_success
