"""Locks the price of subscriptions that waited for one, as soon as a list has it and it is known whose they are."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from csp_contracts.envelope import Recorded
from csp_pricing.domain.streams import price_stream
from csp_pricing.locks.follower import ListFollower
from csp_pricing.locks.locking import LockWish, forget, kept_wish, locked, resolve
from csp_runtime.errors import VersionConflict
from csp_runtime.store import Also

AT_ONCE = 400


class Waiting(NamedTuple):
    """A wish that no list had a price for."""

    key: tuple[str, str, str]
    wish: LockWish
    ledger: str


class PendingLocks(ListFollower):
    """The worker: looks at all that waits, some hundred at a time."""

    async def look(self) -> None:
        """Look once at everything that waits."""
        after = ("", "", "")
        while waiting := await self._page(after):
            await self._retry(waiting)
            after = waiting[-1].key

    async def _page(self, after: tuple[str, str, str]) -> list[Waiting]:
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "select subscription_id, ledger, cause, body from pending_locks "
                "where (subscription_id, ledger, cause) > (%s, %s, %s) order by subscription_id, ledger, cause limit %s",
                [*after, AT_ONCE],
            )
            return [
                Waiting(
                    (row["subscription_id"], row["ledger"], row["cause"]),
                    kept_wish(row["body"]),
                    row["ledger"],
                )
                for row in await cursor.fetchall()
            ]

    async def _retry(self, waiting: Sequence[Waiting]) -> None:
        known = await self._subscriptions.some(
            {(each.wish.reseller, each.wish.subscription_id) for each in waiting}
        )
        asked = [(each.wish.completed(known.get(each.wish.subscription_id)), each.ledger) for each in waiting]
        asked.sort(key=lambda each: (each[0].subscription_id, each[0].from_on, each[1]))
        priced = [
            (wish, ledger, row)
            for (wish, ledger), row in zip(asked, await resolve(self._rows, asked), strict=True)
            if row is not None
        ]
        if not priced:
            return
        streams = {
            wish.subscription_id: price_stream(wish.reseller, wish.subscription_id) for wish, _, _ in priced
        }
        histories = await self._store.load_many(sorted(streams.values()))
        events: list[Recorded[Any]] = []
        also: list[Also] = []
        now = self._clock.now()
        for wish, ledger, row in priced:
            history = histories[streams[wish.subscription_id]]
            history.append(locked(wish, ledger, row, history, now))
            events.append(history[-1])
            also.append(forget(wish, ledger))
        try:
            await self._store.save(events, also=also)
        except VersionConflict:
            return  # somebody wrote to one of them meanwhile: with the next look
