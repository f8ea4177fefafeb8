"""PC 2.9: one budget for all processes of a reseller."""

import asyncio
import contextlib

import pytest

from csp_partner_center import PartnerCenterSettings
from csp_partner_center.budget import SharedBudget, UnsharedBudget, wait_for_turn
from csp_runtime.clock import SystemClock
from csp_runtime.database import Database

SETTINGS = PartnerCenterSettings(first_rate=600)


@pytest.fixture
def processes(database: Database) -> list[SharedBudget]:
    return [SharedBudget(database, SystemClock(), SETTINGS) for _ in range(4)]


async def rate_of(database: Database) -> float:
    async with database.connection() as connection:
        row = await (await connection.execute("select calls_per_minute from budget")).fetchone()
    assert row is not None
    return float(row["calls_per_minute"])


async def test_processes_share_one_pace(processes: list[SharedBudget]):
    """600 a minute are 10 a second; 3 seconds' worth may go at once: of 60 calls the last waits about 3 seconds."""
    for each in processes:  # the burst begins where the row does
        await each.lease("r", "g", 1)
    began = SystemClock().monotonic()

    async def place_of(process: SharedBudget) -> float:
        wait = await process.reserve("r", "g")
        return SystemClock().monotonic() + wait - began

    starts = await asyncio.gather(*[place_of(each) for each in processes for _ in range(15)])
    assert 2.5 < max(starts) < 6.5
    assert len({round(start, 2) for start in starts}) > 20


async def test_a_process_with_many_waiting_calls_leaves_room_for_the_others(
    processes: list[SharedBudget], database: Database
):
    """600 a minute: a hundred waiting calls would take ten seconds; a call of another process waits for two at most."""
    await processes[0].lease("r", "g", 1)
    async with database.connection() as connection:
        await connection.execute("update budget set next_free_at = clock_timestamp()")
    many = [asyncio.create_task(processes[0].reserve("r", "g")) for _ in range(100)]
    await asyncio.sleep(0.2)
    began = SystemClock().monotonic()
    wait = await processes[1].reserve("r", "g")
    assert SystemClock().monotonic() + wait - began < 3.0
    for each in many:
        each.cancel()
    await asyncio.gather(*many, return_exceptions=True)


async def test_the_first_429_tells_what_is_allowed(processes: list[SharedBudget], database: Database):
    """500 calls in 20 seconds and 40 more to wait: 500 a minute, whatever rate had been reached by then."""
    await processes[0].lease("r", "g", 1)
    async with database.connection() as connection:
        await connection.execute(
            "update budget set calls_per_minute = 900, busy_calls = 500, "
            "busy_since = clock_timestamp() - interval '20 seconds'"
        )
    await processes[0].throttled("r", "g", retry_after=40.0, age=0.3)
    assert await rate_of(database) == pytest.approx(500 * 0.97, rel=0.01)


async def test_a_lease_is_at_most_a_second_and_what_is_wanted(processes: list[SharedBudget]):
    assert (await processes[0].lease("r", "g", 1)).calls == 1
    assert (await processes[0].lease("r", "g", 500)).calls == 10


async def test_throttling_holds_every_process_back_and_counts_once(
    processes: list[SharedBudget], database: Database
):
    await processes[0].lease("r", "g", 1)
    before = await rate_of(database)
    await asyncio.gather(*[each.throttled("r", "g", retry_after=30.0, age=1.0) for each in processes])
    assert await rate_of(database) == pytest.approx(before * 0.8)
    assert 29.0 < (await processes[3].lease("r", "g", 1)).starts_in < 31.0


async def test_later_throttling_takes_less_away(processes: list[SharedBudget], database: Database):
    await processes[0].lease("r", "g", 1)
    await processes[0].throttled("r", "g", retry_after=0.0, age=0.0)
    first = await rate_of(database)
    await processes[0].throttled("r", "g", retry_after=0.0, age=0.0)
    assert await rate_of(database) == pytest.approx(first * 0.9)
    async with database.connection() as connection:
        await connection.execute("update budget set throttled_at = now() - interval '5 minutes'")
    second = await rate_of(database)
    await processes[0].throttled("r", "g", retry_after=0.0, age=0.0)
    assert await rate_of(database) == pytest.approx(second * 0.97)


async def test_the_rate_climbs_only_while_it_is_used_up(processes: list[SharedBudget], database: Database):
    await processes[0].lease("r", "g", 1)
    idle = await rate_of(database)
    for _ in range(30):
        await processes[0].lease("r", "g", 10)
    assert await rate_of(database) > idle + 100


async def test_resellers_and_groups_do_not_share(processes: list[SharedBudget]):
    await processes[0].lease("r", "g", 1)
    await processes[0].throttled("r", "g", retry_after=30.0, age=0.0)
    assert await processes[0].reserve("other", "g") < 1.0
    assert await processes[0].reserve("r", "other") < 1.0


async def test_a_place_reserved_before_a_429_is_reserved_anew(processes: list[SharedBudget]):
    """Whoever slept towards its turn when the 429 came would only be throttled too."""
    budget = processes[0]
    await budget.lease("r", "g", 1)
    await budget.throttled("r", "g", retry_after=0.4, age=0.0)
    assert budget.is_held_back("r", "g")
    began = SystemClock().monotonic()
    assert await wait_for_turn(budget, "r", "g", 5.0, SystemClock())
    assert SystemClock().monotonic() - began >= 0.3


async def test_without_a_database_the_pace_is_even_and_pauses_too():
    clock = SystemClock()
    budget = UnsharedBudget(clock, 600)
    waits = [await budget.reserve("r", "g") for _ in range(40)]
    assert waits[0] == 0.0
    assert 0.5 < waits[-1] < 1.2  # three seconds' worth at once, then ten a second
    await budget.throttled("r", "g", retry_after=0.2, age=0.0)
    assert budget.is_held_back("r", "g")


async def test_nobody_gets_a_turn_who_was_asked_to_end_while_the_place_came():
    class Swallowing(UnsharedBudget):
        async def reserve(self, reseller_id: str, api_group: str) -> float:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            return await super().reserve(reseller_id, api_group)

    clock = SystemClock()
    waiting = asyncio.create_task(wait_for_turn(Swallowing(clock, 600), "r", "g", 60, clock))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
