"""A portal follows an operation by server-sent events: each state once, in order, to its end."""

import asyncio

import pytest

from csp_gateway.adapters.screens import Screens as ScreenRows
from csp_gateway.operations import OperationView
from csp_gateway.projections import Screens
from csp_runtime.clock import SystemClock
from csp_runtime.database import Database, DatabaseRole
from csp_runtime.scope import Role, Scope
from csp_runtime.wakeups import Wakeups
from csp_testing.screens import CUSTOMER, OPERATION, RESELLER, STREAMS

FACTS = STREAMS[-1]
ADA = Scope(reseller=RESELLER, actor="ada", roles=frozenset({Role.RESELLER_ADMIN}))


@pytest.fixture
async def view(worker, database_url):
    """The view, and the wake-ups that a commit sends."""
    wakeups = Wakeups(database_url)
    await wakeups.start()
    async with Database(database_url, "gateway", DatabaseRole.REQUEST) as request:
        yield OperationView(ScreenRows(request), wakeups, SystemClock())
    await wakeups.stop()


async def happened(worker, *facts):
    async with worker.transaction() as tx:
        await Screens().project(tx, list(facts))


async def test_each_state_is_told_once_until_the_operation_has_ended(view, worker):
    await happened(worker, FACTS[0])
    told = []

    async def follow():
        async for row in view.states(ADA, OPERATION, 0):
            if row is not None:
                told.append((row["version"], row["status"]))
                if row["version"] < len(FACTS):
                    await happened(worker, FACTS[row["version"]])

    async with asyncio.timeout(20):
        await follow()
    assert told == [(1, "pending"), (2, "running"), (3, "running"), (4, "succeeded")]


async def test_who_has_seen_a_state_is_told_the_later_ones_only(view, worker):
    await happened(worker, *FACTS)
    assert [row["version"] async for row in view.states(ADA, OPERATION, 3) if row] == [4]
    assert [row async for row in view.states(ADA, OPERATION, 4) if row] == []


async def test_the_stream_of_an_ended_operation_is_its_last_state(surfaces):
    _, client = surfaces["customer"]
    answer = await client.get(f"/operations/{OPERATION}/events")
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    shown = (await client.get(f"/operations/{OPERATION}")).text
    assert answer.text == f"retry: 1000\n\nid: 4\nevent: operation\ndata: {shown}\n\n"
    again = await client.get(f"/operations/{OPERATION}/events", headers={"Last-Event-ID": "4"})
    assert again.text == "retry: 1000\n\n"


async def test_another_customers_operation_is_not_there(surfaces, worker):
    _, client = surfaces["customer"]
    async with worker.transaction() as tx:
        await tx.execute("update operations set customer_id = %s", [CUSTOMER + "x"])
    assert (await client.get(f"/operations/{OPERATION}/events")).status_code == 404


@pytest.mark.parametrize(
    ("query", "status"), [("filter[colour]=red", 400), ("after=x", 422), ("limit=0", 422), ("limit=1", 200)]
)
async def test_the_feed_names_what_it_does_not_know(surfaces, query, status):
    _, client = surfaces["reseller"]
    answer = await client.get(f"/events?{query}")
    assert answer.status_code == status
    if status != 200:
        assert answer.json()["invalid_parameters"][0]["field"] == query.partition("=")[0]
