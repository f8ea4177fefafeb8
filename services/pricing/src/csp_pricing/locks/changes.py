"""Changed prices of lists for running subscriptions (R5.3), where the policy of their customer does not wait for the renewal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg import Cursor
from psycopg.rows import DictRow

from csp_contracts.envelope import Recorded
from csp_contracts.pricing_v1 import SubscriptionPriceLocked
from csp_pricing.domain.streams import price_stream
from csp_pricing.locks.follower import ListFollower
from csp_pricing.locks.locking import locked, newest_lock, resolve, wish_for
from csp_pricing.ports import PricedSubscription
from csp_runtime.errors import VersionConflict
from csp_runtime.store import Also

AT_ONCE = 200
EVENTS_A_SAVE = 400
INSIDE_A_TERM = ("at_next_cycle", "immediate_prorated")


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceChange:
    """A list has another price for a product from a day on; `customer_id` None: the global list."""

    change_id: int
    reseller_id: str
    customer_id: str | None
    product: str
    due_on: date


class PriceChanges(ListFollower):
    """The worker: takes changes whose day is there, in order of their days, each until it is done.

    A list works forward only: a row that was set late counts from the day on which it was made, and a policy from the day
    on which it holds. For days before that there is the historic edit.
    """

    async def look(self) -> None:
        """Everything whose day is there; days begin without a signal."""
        today = self._clock.now().date()
        while due := await self._due(today):
            for change in due:
                if not await self._take(change):
                    return  # somebody else wrote meanwhile: from here on again with the next look

    async def _due(self, today: date) -> list[PriceChange]:
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "select change_id, reseller_id, customer_id, product, due_on from price_changes where due_on <= %s "
                "order by due_on, change_id limit %s",
                [today, AT_ONCE],
            )
            return [PriceChange(**row) for row in await cursor.fetchall()]

    async def _take(self, change: PriceChange) -> bool:
        running = await self._subscriptions.repriced(
            change.reseller_id, change.product, change.customer_id, change.due_on, INSIDE_A_TERM
        )
        streams = [price_stream(each.reseller, each.subscription_id) for each, _ in running]
        known = await self._store.load_many(streams)
        wishes = [
            (wish_for(subscription, from_on=change.due_on, cause=cause, policy=policy), known[stream])
            for (subscription, policy), stream in zip(running, streams, strict=True)
            if _waits_for(change, subscription, newest_lock(known[stream]))
            for cause in (f"{change.product}:{change.due_on}",)
        ]
        rows = await resolve(self._rows, [(wish, "sell") for wish, _ in wishes])
        now = self._clock.now()
        events = [
            locked(wish, "sell", row, history, now)
            for (wish, history), row in zip(wishes, rows, strict=True)
            if row is not None and row.unit_price_micro != _price_now(history)
        ]
        pieces = [events[first : first + EVENTS_A_SAVE] for first in range(0, len(events), EVENTS_A_SAVE)]
        try:
            for piece in pieces[:-1]:
                await self._store.save(piece)
            await self._store.save(pieces[-1] if pieces else [], also=[_done(change)])
        except VersionConflict:
            return False
        return True


def _waits_for(
    change: PriceChange, subscription: PricedSubscription, newest: SubscriptionPriceLocked | None
) -> bool:
    """Not where it waits for its first price, nor where it was renewed since, at the price of that day."""
    return newest is not None and newest.product == subscription.product and newest.from_on <= change.due_on


def _price_now(history: Sequence[Recorded[Any]]) -> int | None:
    newest = newest_lock(history)
    return None if newest is None else newest.unit_price_micro


def _done(change: PriceChange) -> Also:
    def delete(cursor: Cursor[DictRow]) -> None:
        cursor.execute(
            "delete from price_changes where reseller_id = %s and change_id = %s",
            [change.reseller_id, change.change_id],
        )

    return delete
