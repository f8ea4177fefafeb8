"""Secrets on their way: handed over by reference, redeemed once at the owning service, gone after 14 days."""

from datetime import datetime, timedelta

from psycopg import Cursor
from psycopg.rows import DictRow

from csp_contracts.ids import Kind, api_id
from csp_runtime.database import Database
from csp_runtime.new_ids import new_uuid
from csp_runtime.secret_box import SealBroken, SecretBox
from csp_runtime.store import Also

LIFETIME = timedelta(days=14)


class Seals:
    """The sealed secrets of one service."""

    def __init__(self, database: Database, box: SecretBox) -> None:
        self._database = database
        self._box = box

    def __repr__(self) -> str:
        return "Seals()"

    def prepare(self, *, reseller: str, purpose: str, secret: str, now: datetime) -> tuple[str, Also]:
        """A seal's id, and the statement that stores it together with the events that refer to it."""
        seal_id = api_id(Kind.SEAL, new_uuid())
        sealed = self._box.seal(secret.encode(), f"{seal_id}/{purpose}")

        def insert(cursor: Cursor[DictRow]) -> None:
            cursor.execute(
                "insert into seals (seal_id, reseller_id, purpose, sealed, created_at, expires_at) "
                "values (%s, %s, %s, %s, %s, %s)",
                [seal_id, reseller, purpose, sealed, now, now + LIFETIME],
            )

        return seal_id, insert

    def invitation(self, public_url: str, seal_id: str) -> str:
        """The lines of a mail that lead to a sealed password, once.

        The tag in the link lies in the mail alone: whoever reads our events cannot redeem the seal.
        """
        link = f"{public_url}/retrieve/{seal_id}?key={self._box.tag(_link_context(seal_id))}"
        return f"The password can be seen once, within {LIFETIME.days} days, here:\n{link}\n"

    async def redeem_by_link(self, seal_id: str, key: str, *, purpose: str, now: datetime) -> str:
        """As `redeem`, for who has the link: it is the right itself. `SealBroken` for a wrong key, too."""
        if not self._box.is_tag(key, _link_context(seal_id)):
            raise SealBroken("there is no such seal, or it was redeemed before")
        return await self.redeem(seal_id, purpose=purpose, now=now)

    async def redeem(self, seal_id: str, *, purpose: str, now: datetime) -> str:
        """The secret, once; `SealBroken` where it is unknown, was redeemed before, or is too old."""
        async with self._database.transaction() as tx:
            cursor = await tx.execute(
                "delete from seals where seal_id = %s and purpose = %s returning sealed, expires_at",
                [seal_id, purpose],
            )
            row = await cursor.fetchone()
        if row is None or row["expires_at"] < now:
            raise SealBroken("there is no such seal, or it was redeemed before")
        return self._box.open(bytes(row["sealed"]), f"{seal_id}/{purpose}").decode()

    async def peek(self, seal_id: str, *, purpose: str) -> str | None:
        """The secret without redeeming it, for a call that may have to be repeated; None where it is gone."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "select sealed from seals where seal_id = %s and purpose = %s", [seal_id, purpose]
            )
            row = await cursor.fetchone()
        return None if row is None else self._box.open(bytes(row["sealed"]), f"{seal_id}/{purpose}").decode()

    async def forget_expired(self, now: datetime) -> int:
        """Delete what is too old; how many there were."""
        async with self._database.connection() as connection:
            cursor = await connection.execute("delete from seals where expires_at < %s", [now])
        return cursor.rowcount


def _link_context(seal_id: str) -> str:
    return f"retrieve/{seal_id}"
