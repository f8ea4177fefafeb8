"""The change feed is read by position, in commit order, and tells a customer nothing of costs."""

import asyncio

import psycopg

from csp_contracts.billing_v1 import ReportIssued
from csp_gateway.adapters.screens import Screens as ScreenRows
from csp_gateway.projections import Screens
from csp_runtime.database import Database, DatabaseRole
from csp_runtime.migrate import migrate
from csp_runtime.scope import Role, Scope
from csp_testing.probe import eventually
from csp_testing.screens import CUSTOMER, NOW, RESELLER, STREAMS, stream


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


def issued(report_id: str, ledger: str, net_minor: int) -> ReportIssued:
    return ReportIssued(
        report_id=report_id,
        cycle_id="cyc_a",
        customer_id=CUSTOMER,
        number="1",
        ledger=ledger,
        currency="EUR",
        dated_on=NOW.date(),
        from_on=NOW.date(),
        until_on=NOW.date(),
        net_minor=net_minor,
        tax_minor=0,
        lines=1,
        sha256="",
    )


async def test_a_customer_hears_of_the_report_it_pays_and_never_of_what_it_costs(worker, database_url):
    reports = [
        *stream("rep_sell", issued("rep_sell", "sell", 12400)),
        *stream("rep_cost", issued("rep_cost", "cost", 9300)),
    ]
    async with worker.transaction() as tx:
        await Screens().project(tx, reports)
    customer = Scope(
        reseller=RESELLER, actor="test", roles=frozenset({Role.CUSTOMER_ADMIN}), customer=CUSTOMER
    )
    reseller = Scope(reseller=RESELLER, actor="test", roles=frozenset({Role.RESELLER_ADMIN}))
    async with Database(database_url, "gateway", DatabaseRole.REQUEST) as request:
        (shown,), _ = await ScreenRows(request).events(customer, 0, None, 10)
        all_of_it, _ = await ScreenRows(request).events(reseller, 0, None, 10)
    assert "rep_sell" in shown
    assert len(all_of_it) == 2


async def test_costs_that_an_older_version_marked_for_customers_are_hidden_by_the_upgrade(
    worker, database_url
):
    hiding = "%costs_stay_with_the_reseller%"
    async with worker.transaction() as tx:
        await Screens().project(tx, stream("rep_old", issued("rep_old", "cost", 9300)))
        await tx.execute("update feed set visibility = 'customer'")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("delete from gateway.migrations where name like %s", [hiding])
    migrate(database_url, "gateway", ["csp_runtime", "csp_gateway"])
    customer = Scope(
        reseller=RESELLER, actor="test", roles=frozenset({Role.CUSTOMER_ADMIN}), customer=CUSTOMER
    )
    async with Database(database_url, "gateway", DatabaseRole.REQUEST) as request:
        assert (await ScreenRows(request).events(customer, 0, None, 10))[0] == []
