"""The change feed is read by position: a position that a poller has seen never has a smaller one appear behind it."""

import asyncio

import pytest

from csp_gateway.adapters.screens import Screens as ScreenRows
from csp_gateway.projections import Screens
from csp_runtime.database import Database, DatabaseRole
from csp_runtime.migrate import migrate
from csp_runtime.scope import Role, Scope
from csp_testing.probe import eventually
from csp_testing.screens import RESELLER, STREAMS


@pytest.fixture
async def worker(database_url):
    migrate(database_url, "gateway", ["csp_runtime", "csp_gateway"])
    async with Database(database_url, "gateway", DatabaseRole.WORKER) as opened:
        yield opened


async def test_a_process_that_is_quicker_waits_for_the_one_that_took_positions_first(worker, database_url):
    slower, quicker = STREAMS[0][:1], STREAMS[1][:1]

    async def write_quicker() -> None:
        async with worker.transaction() as tx:
            await Screens().project(tx, quicker)

    async def is_waiting_or_done() -> bool:
        async with worker.connection() as connection:
            found = await connection.execute(
                "select 1 from pg_locks where locktype = 'advisory' and not granted"
            )
            return await found.fetchone() is not None or second.done()

    async with worker.transaction() as tx:
        await Screens().project(tx, slower)
        second = asyncio.create_task(write_quicker())
        await eventually(is_waiting_or_done, what="the second process writes")
        assert not second.done(), "its larger position would be seen before the smaller one"
    await second
    scope = Scope(reseller=RESELLER, actor="test", roles=frozenset({Role.RESELLER_ADMIN}))
    async with Database(database_url, "gateway", DatabaseRole.REQUEST) as request:
        shown, _ = await ScreenRows(request).events(scope, 0, None, 10)
    assert [slower[0].event_id in shown[0], quicker[0].event_id in shown[1]] == [True, True]
