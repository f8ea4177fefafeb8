"""The calls a minute that all processes of one reseller share (PC 2.9).

A process leases the next calls by one `update … returning` and starts them evenly from the moment it was granted, at most
a second ahead, so that one with many waiting calls leaves room for the others.

The rate climbs while it is used up: threefold in 22 seconds until the first 429. A 429 tells what is allowed: the calls granted
in the minute that was being counted, over the time until `Retry-After` is over, or in the minute before, if that were more. The first
one sets the rate to that, halving it at most, and so does a later one that shows a fifth less than the rate. From then on the rate climbs by half a percent
a minute (by a tenth after ten minutes without a 429), and a 429 takes three percent away, a tenth if it follows another closely.
Each holds every process back for as long as `Retry-After` says.
"""

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from typing import Protocol

from csp_partner_center.settings import PartnerCenterSettings
from csp_runtime.cancelling import end_if_asked
from csp_runtime.clock import Clock
from csp_runtime.database import Database


class CallBudget(Protocol):
    """When the next call may start."""

    async def reserve(self, reseller_id: str, api_group: str) -> float:
        """A call's place; seconds to wait until it may start."""

    async def throttled(self, reseller_id: str, api_group: str, *, retry_after: float, age: float) -> None:
        """A call that was sent `age` seconds ago was answered with 429."""

    def is_held_back(self, reseller_id: str, api_group: str) -> bool:
        """Whether a 429 in this process asked for a pause that is not over: a place reserved before it is worth nothing."""


@dataclass(frozen=True, slots=True)
class Lease:
    """`calls` starts, from `starts_in` seconds on, `spacing` seconds apart."""

    calls: int
    starts_in: float
    spacing: float


class SharedBudget:
    """The budget in the schema `microsoft`. Time is the database's, which all processes have in common."""

    # Unused calls of these last seconds may be made up for at once.
    BURST_SECONDS = 3.0
    # How far ahead of its start a place is given away.
    AHEAD_SECONDS = 1.0

    def __init__(self, database: Database, clock: Clock, settings: PartnerCenterSettings) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings
        self._leased: dict[tuple[str, str], list[float]] = defaultdict(list)
        self._waiting: dict[tuple[str, str], int] = defaultdict(int)
        self._locks: dict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._held_until: dict[tuple[str, str], float] = {}

    def is_held_back(self, reseller_id: str, api_group: str) -> bool:
        return self._held_until.get((reseller_id, api_group), 0.0) > self._clock.monotonic()

    async def reserve(self, reseller_id: str, api_group: str) -> float:
        key = (reseller_id, api_group)
        self._waiting[key] += 1
        try:
            async with self._locks[key]:
                if not self._leased[key]:
                    await self._lease(key, self._waiting[key])
                starts_at = self._leased[key].pop()
                # The others queue behind the lock, where they claim nothing of what other processes may have.
                await self._clock.sleep(max(0.0, starts_at - self._clock.monotonic() - self.AHEAD_SECONDS))
        finally:
            self._waiting[key] -= 1
        return max(0.0, starts_at - self._clock.monotonic())

    async def throttled(self, reseller_id: str, api_group: str, *, retry_after: float, age: float) -> None:
        key = (reseller_id, api_group)
        self._leased.pop(key, None)
        self._held_until[key] = max(self._held_until.get(key, 0.0), self._clock.monotonic() + retry_after)
        async with self._database.connection() as connection:
            await connection.execute(
                """
                with measured as (
                    select reseller_id, api_group,
                        greatest(busy_rate, busy_calls * 60 / greatest(
                            1, extract(epoch from clock_timestamp() - busy_since)::double precision + %(pause)s
                        )) as allowed,
                        coalesce(throttled_at > clock_timestamp() - make_interval(secs => %(age)s), false) as is_old
                    from budget where reseller_id = %(reseller)s and api_group = %(group)s
                    for update
                )
                update budget set
                    calls_per_minute = case
                        -- several calls of one overshoot answer 429: it counts once
                        when is_old then calls_per_minute
                        when (busy_calls >= %(sample)s or busy_rate > 0) and (is_exploring or allowed < calls_per_minute * 0.8)
                            then greatest(%(lowest)s, 0.97 * least(calls_per_minute, greatest(allowed, calls_per_minute / 2)))
                        else greatest(%(lowest)s, calls_per_minute * case
                            when is_exploring then 0.8
                            when throttled_at > clock_timestamp() - interval '90 seconds' then 0.9
                            else 0.97
                        end)
                    end,
                    next_free_at = greatest(next_free_at, clock_timestamp() + make_interval(secs => %(pause)s)),
                    is_exploring = false,
                    throttled_at = clock_timestamp(),
                    busy_since = case when is_old then busy_since else clock_timestamp() + make_interval(secs => %(pause)s) end,
                    busy_calls = case when is_old then busy_calls else 0 end,
                    busy_rate = case when is_old then busy_rate else 0 end
                from measured
                where budget.reseller_id = measured.reseller_id and budget.api_group = measured.api_group
                """,
                {
                    "reseller": reseller_id,
                    "group": api_group,
                    "lowest": self._settings.lowest_rate,
                    "sample": _SAMPLE,
                    "pause": retry_after,
                    "age": age,
                },
            )

    async def _lease(self, key: tuple[str, str], wanted: int) -> None:
        lease = await self.lease(*key, wanted)
        first = self._clock.monotonic() + lease.starts_in
        # Taken from the end, the earliest start last.
        self._leased[key] = [first + lease.spacing * i for i in reversed(range(lease.calls))]

    async def lease(self, reseller_id: str, api_group: str, wanted: int) -> Lease:
        """At most a second's worth of calls, as many as are wanted."""
        values = {
            "reseller": reseller_id,
            "group": api_group,
            "wanted": max(1, wanted),
            "burst": self.BURST_SECONDS,
            "first": self._settings.first_rate,
            "highest": self._settings.highest_rate,
        }
        async with self._database.connection() as connection:
            while True:
                cursor = await connection.execute(_LEASE, values)
                row = await cursor.fetchone()
                if row is not None:
                    break
                await connection.execute(_BEGIN, values)
        rate = float(row["calls_per_minute"])
        return Lease(
            calls=int(row["calls"]),
            starts_in=float(row["starts_in"]),
            spacing=60.0 / rate,
        )


# Fewer calls than these say nothing of what is allowed: a 429 so early has other reasons.
_SAMPLE = 100

_BEGIN = """
insert into budget (reseller_id, api_group, calls_per_minute) values (%(reseller)s, %(group)s, %(first)s)
on conflict do nothing
"""

_LEASE = """
with spoken_for as (
    select reseller_id, api_group,
        greatest(next_free_at, clock_timestamp() - make_interval(secs => %(burst)s)) as granted_from,
        next_free_at >= clock_timestamp() - make_interval(secs => 60 / calls_per_minute) as is_used_up,
        next_free_at < clock_timestamp() - interval '5 seconds' as is_idle,
        busy_since < clock_timestamp() - interval '1 minute' as is_counted,
        least(%(wanted)s, ceil(calls_per_minute / 60)) as calls
    from budget where reseller_id = %(reseller)s and api_group = %(group)s
    for update
)
update budget set
    granted_from = s.granted_from,
    next_free_at = s.granted_from + make_interval(secs => s.calls * 60.0 / calls_per_minute),
    calls_per_minute = least(
        %(highest)s,
        calls_per_minute + case
            when not s.is_used_up then 0
            when is_exploring then s.calls * 3
            when throttled_at > clock_timestamp() - interval '10 minutes' then s.calls * 0.005
            else s.calls * 0.1
        end
    ),
    busy_rate = case
        when s.is_idle then 0
        when s.is_counted then busy_calls * 60 / extract(epoch from clock_timestamp() - busy_since)
        else busy_rate
    end,
    busy_since = case when s.is_idle or s.is_counted then clock_timestamp() else busy_since end,
    busy_calls = case when s.is_idle or s.is_counted then 0 else busy_calls end + s.calls
from spoken_for s
where budget.reseller_id = s.reseller_id and budget.api_group = s.api_group
returning calls_per_minute, s.calls, extract(epoch from budget.granted_from - clock_timestamp()) as starts_in
"""


class UnsharedBudget:
    """An even pace inside one process: for tools without a database."""

    def __init__(self, clock: Clock, calls_per_minute: float) -> None:
        self._clock = clock
        self._spacing = 60.0 / calls_per_minute
        self._next: dict[tuple[str, str], float] = {}
        self._held: dict[tuple[str, str], float] = {}

    async def reserve(self, reseller_id: str, api_group: str) -> float:
        now = self._clock.monotonic()
        starts_at = max(now - SharedBudget.BURST_SECONDS, self._next.get((reseller_id, api_group), 0.0))
        self._next[reseller_id, api_group] = starts_at + self._spacing
        return max(0.0, starts_at - now)

    def is_held_back(self, reseller_id: str, api_group: str) -> bool:
        return self._held.get((reseller_id, api_group), 0.0) > self._clock.monotonic()

    async def throttled(self, reseller_id: str, api_group: str, *, retry_after: float, age: float) -> None:  # noqa: ARG002 - the port's
        key = (reseller_id, api_group)
        self._held[key] = self._clock.monotonic() + retry_after
        self._next[key] = max(self._next.get(key, 0.0), self._held[key])


async def wait_for_turn(
    budget: CallBudget, reseller_id: str, api_group: str, sleep_at_most: float, clock: Clock
) -> bool:
    """Wait for a place; False where it lies beyond `sleep_at_most` seconds (the place is then lost, nothing was sent)."""
    ends_at = clock.monotonic() + sleep_at_most
    while True:
        end_if_asked()  # a place may have come together with the end of this task, which the pool then swallows
        try:
            async with asyncio.timeout(max(0.0, ends_at - clock.monotonic())):
                wait = await budget.reserve(reseller_id, api_group)
        except TimeoutError:
            return False
        if clock.monotonic() + wait > ends_at:
            return False
        if wait > 0:
            await clock.sleep(wait)
        if not budget.is_held_back(reseller_id, api_group):
            end_if_asked()
            return True
