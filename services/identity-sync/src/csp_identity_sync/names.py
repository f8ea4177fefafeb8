"""Fetches the names of observed users from the feed's erasable table, and keeps them here."""

import contextlib
from collections.abc import Mapping
from dataclasses import replace

import httpx
from psycopg import Cursor
from psycopg.rows import DictRow

from csp_contracts.envelope import Origin, Recorded
from csp_contracts.identity_sync_v1 import UserUpdated
from csp_runtime.auth import ServiceTokens
from csp_runtime.clock import Clock
from csp_runtime.database import Database
from csp_runtime.errors import VersionConflict
from csp_runtime.platform import Peers
from csp_runtime.rounds import for_ever
from csp_runtime.store import EventStore

PAUSE_SECONDS = 0.5
NAMES = ("user_principal_name", "display_name", "first_name", "last_name", "usage_location")


class NamesFetcher:
    """The worker behind `names_wanted`."""

    def __init__(
        self, store: EventStore, database: Database, peers: Peers, tokens: ServiceTokens, clock: Clock
    ) -> None:
        self._store = store
        self._database = database
        self._peers = peers
        self._tokens = tokens
        self._clock = clock

    async def run(self) -> None:
        """Fetch what is wanted; what the feed does not answer stays and is asked for again."""
        await for_ever(self.step, lambda: self._clock.sleep(PAUSE_SECONDS))

    async def step(self) -> None:
        """Fetch once for each that is wanted."""
        async with self._database.connection() as connection:
            cursor = await connection.execute("select * from names_wanted limit 200")
            rows = await cursor.fetchall()
        for row in rows:
            await self._fetch(row["user_id"], row["reseller_id"], row["observation_id"])

    async def _fetch(self, user_id: str, reseller: str, observation_id: str) -> None:
        token = await self._tokens.token(reseller)
        try:
            answer = await self._peers.client("partner-feed").get(
                f"/internal/v1/observations/{observation_id}/personal",
                headers={"Authorization": f"Bearer {token}"},
            )
        except httpx.TransportError:
            return
        if not answer.is_success and answer.status_code != httpx.codes.NOT_FOUND:
            return
        names = answer.json() if answer.is_success else {}
        await self._keep(user_id, reseller, observation_id, names)

    async def _keep(
        self, user_id: str, reseller: str, observation_id: str, names: Mapping[str, str | None]
    ) -> None:
        """The names, and UserUpdated where known ones changed; both or neither."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "select * from users where user_id = %s and reseller_id = %s", [user_id, reseller]
            )
            row = await cursor.fetchone()
        if row is None:
            return
        changed = [
            name for name in NAMES if names.get(name) and row[name] is not None and row[name] != names[name]
        ]
        events = await self._updated(user_id, changed) if changed else []

        def write(cursor: Cursor[DictRow]) -> None:
            cursor.execute(
                "update users set user_principal_name = coalesce(%s, user_principal_name), "
                "display_name = coalesce(%s, display_name), first_name = coalesce(%s, first_name), "
                "last_name = coalesce(%s, last_name), usage_location = coalesce(%s, usage_location) "
                "where user_id = %s and reseller_id = %s",
                [
                    names.get("user_principal_name"),
                    names.get("display_name"),
                    names.get("first_name"),
                    names.get("last_name"),
                    names.get("usage_location"),
                    user_id,
                    reseller,
                ],
            )
            cursor.execute(
                "delete from names_wanted where user_id = %s and reseller_id = %s and observation_id = %s",
                [user_id, reseller, observation_id],
            )

        # A conflict means that the user changed at this moment: the wish is still there, and comes around again.
        with contextlib.suppress(VersionConflict):
            await self._store.save(events, also=[write])

    async def _updated(self, user_id: str, changed: list[str]) -> list[Recorded[UserUpdated]]:
        history = await self._store.load(user_id)
        if not history:
            return []
        last = history[-1].meta
        now = max(self._clock.now(), last.recorded_at)
        data = UserUpdated(user_id=user_id, tenant_id=history[0].data.tenant_id, changed=changed)
        meta = replace(
            last,
            recorded_at=now,
            effective_at=now,
            origin=Origin.MICROSOFT,
            actor="microsoft",
            superseded=False,
        )
        return [Recorded(stream=user_id, version=history[-1].version + 1, data=data, meta=meta)]
