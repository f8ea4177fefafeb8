"""There is no order between streams: whichever comes first, the screens end the same."""

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from csp_contracts.operations_v1 import (
    OperationProgressed,
    OperationRejected,
    OperationRequested,
    OperationSubmitted,
    OperationSucceeded,
)
from csp_gateway.projections import Screens
from csp_testing.screens import CUSTOMER, OPERATION, STREAMS, stream

TURNS = [number for number, facts in enumerate(STREAMS) for _ in facts]
TABLES = ("customers", "tenants", "subscriptions", "history", "users", "operations")


def interleaved(turns):
    """The facts of all streams, each stream in its order."""
    left = [iter(facts) for facts in STREAMS]
    return [next(left[number]) for number in turns]


async def screens(worker, events, *, batch):
    """What the screens hold when these events have come in batches of that size."""
    async with worker.transaction() as tx:
        for table in (*TABLES, "feed", "waiting_figures"):
            await tx.execute(f"delete from {table}")
    for first in range(0, len(events), batch):
        async with worker.transaction() as tx:
            await Screens().project(tx, events[first : first + batch])
    async with worker.connection() as connection:
        found = {}
        for table in TABLES:
            rows = await (await connection.execute(f"select * from {table} order by 1, 2, 3, 4")).fetchall()
            # How often a row was touched depends on the order, and tells nobody anything.
            found[table] = [
                {name: value for name, value in row.items() if name != "revision"} for row in rows
            ]
        return found


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(turns=st.permutations(TURNS), batch=st.integers(1, len(TURNS)))
async def test_whichever_stream_comes_first_the_screens_end_the_same(worker, turns, batch):
    expected = await screens(worker, interleaved(TURNS), batch=len(TURNS))
    assert await screens(worker, interleaved(turns), batch=batch) == expected


async def test_the_screens_show_what_happened(worker):
    shown = await screens(worker, interleaved(TURNS), batch=3)
    (subscription,) = shown["subscriptions"]
    assert subscription["customer_id"] == CUSTOMER
    assert (subscription["quantity"], subscription["consumed"]) == (8, 1)
    assert (subscription["unit_price_micro"], subscription["unit_cost_micro"]) == (6_200_000, 4_960_000)
    assert [row["customer_id"] for row in shown["history"]] == [CUSTOMER, CUSTOMER]
    assert shown["users"][0]["sku_ids"] == ["k"]


async def test_a_step_fails_with_its_operation_and_the_code_is_spelled_as_everywhere(worker):
    refused = stream(
        OPERATION,
        OperationRequested(operation_id=OPERATION, kind="order.create", context="subscriptions", target={}),
        OperationSubmitted(operation_id=OPERATION, step="cart", attempt=1, request_id="r1"),
        OperationProgressed(operation_id=OPERATION, step="cart"),
        OperationSubmitted(operation_id=OPERATION, step="checkout", attempt=1, request_id="r2"),
        OperationRejected(operation_id=OPERATION, code="upstream-rejected", title="Microsoft refused"),
    )
    (shown,) = (await screens(worker, refused, batch=2))["operations"]
    assert [(step["name"], step["status"]) for step in shown["steps"]] == [
        ("cart", "succeeded"),
        ("checkout", "failed"),
    ]
    assert (shown["status"], shown["problem"]["code"]) == ("failed", "upstream_rejected")


async def test_an_order_that_was_sold_in_part_has_succeeded_and_names_the_lines_that_were_not_sold(worker):
    missing = [{"product": "CFQ7TTC0LDPB:0001", "quantity": 2}]
    sold = stream(
        OPERATION,
        OperationRequested(operation_id=OPERATION, kind="order.create", context="subscriptions", target={}),
        OperationSucceeded(operation_id=OPERATION, resources=["sub_1"], result={"not_ordered": missing}),
    )
    (shown,) = (await screens(worker, sold, batch=2))["operations"]
    assert (shown["status"], shown["resources"]) == ("succeeded", ["sub_1"])
    assert (shown["problem"]["code"], shown["problem"]["lines"]) == ("upstream_rejected", missing)


async def test_an_event_that_comes_twice_changes_nothing(worker):
    once = await screens(worker, interleaved(TURNS), batch=4)
    async with worker.transaction() as tx:
        await Screens().project(tx, [replace(STREAMS[2][0]), *STREAMS[5]])
    async with worker.connection() as connection:
        row = await (await connection.execute("select count(*) as rows from subscriptions")).fetchone()
    assert row["rows"] == len(once["subscriptions"])
