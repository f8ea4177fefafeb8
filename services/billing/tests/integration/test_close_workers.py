"""Worker processes of the close: a large one is shared out, a stopped one leaves nothing half done, none outlives its parent."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from csp_billing.closing import issuing
from csp_billing.closing.commands import begin_close
from csp_billing.closing.cycles import open_cycles
from csp_billing.closing.issuing import finish, issue_written
from csp_billing.closing.pool import ShardPool, work
from csp_billing.closing.progress import cycle_json
from csp_billing.closing.watermark import read_watermark
from csp_billing.service import PACKAGES
from csp_contracts.envelope import Meta
from csp_contracts.subscriptions_v1 import QuantityChanged
from csp_runtime.database import DatabaseRole, connection_info
from csp_runtime.migrate import migrate
from csp_testing.probe import eventually

RESELLER, SCHEMA = "res_north", "billing"
NOW = datetime(2026, 2, 16, 6, tzinfo=UTC)


@pytest.fixture
async def begun(february, database_url):
    """A cycle of a dozen customers whose close has begun in six shards: its id, the address, a connection."""
    for number in range(12):
        await february.has_customer(f"cus_w{number}")
        await february.bought(f"sub_w{number}", f"cus_w{number}", "2026-01-20")
        await february.priced(f"sub_w{number}", f"cus_w{number}", "2026-01-20", sell=20, cost=15)
    info = connection_info(database_url, SCHEMA, DatabaseRole.WORKER)
    meta = Meta(reseller=RESELLER, partition_key=RESELLER, effective_at=NOW, recorded_at=NOW)
    with (
        psycopg.connect(info, autocommit=True) as connection,
        psycopg.connect(info, autocommit=True) as other,
    ):
        open_cycles(connection, SCHEMA, RESELLER, NOW)
        (cycle_id,) = connection.execute("select cycle_id from cycles order by until_on limit 1").fetchone()
        with connection.transaction():
            begin_close(
                connection,
                cycle_id,
                lambda: read_watermark(other),
                reseller=RESELLER,
                now=NOW,
                meta=meta,
                shards=6,
            )
        yield cycle_id, database_url, connection


def _finished(cycle_id: str, connection: Any) -> dict[str, int]:
    issue_written(connection, SCHEMA, cycle_id)
    assert finish(connection, SCHEMA, cycle_id, NOW)
    row = connection.execute(
        "select count(*), count(distinct report_id), sum(amount_minor)::bigint from report_lines"
    ).fetchone()
    return dict(zip(("lines", "reports", "net"), row, strict=True))


DONE = {"lines": 26, "reports": 26, "net": 13 * 20000 + 13 * 15000}


async def test_two_processes_share_the_shards_of_a_close(begun):
    cycle_id, url, connection = begun
    pool = ShardPool(url, SCHEMA, 2)
    try:
        efforts = pool.run(cycle_id, 6)
    finally:
        pool.close()

    assert sum(effort.shards for effort in efforts) == 6
    assert all(effort.peak_mib > 0 for effort in efforts)
    assert _finished(cycle_id, connection) == DONE


async def test_workers_keep_their_connections_and_connect_anew_where_the_server_has_ended_them(begun):
    cycle_id, url, connection = begun
    connection.execute("update close_shards set done_at = %s where shard > 2", [NOW])
    pool = ShardPool(url, SCHEMA, 2)
    try:
        with psycopg.connect(url, autocommit=True) as owner:
            before = _backends(owner)
            assert sum(effort.shards for effort in pool.run(cycle_id, 3)) == 3
            kept = _backends(owner) - before
            assert kept  # by one process or both, as quick as the first is
            for pid in kept:
                owner.execute("select pg_terminate_backend(%s, 10000)", [pid])
        connection.execute("update close_shards set done_at = null where shard > 2")
        assert sum(effort.shards for effort in pool.run(cycle_id, 3)) == 3
    finally:
        pool.close()

    assert _finished(cycle_id, connection) == DONE


async def test_a_stopped_close_writes_whole_shards_or_nothing_and_goes_on_later(begun):
    cycle_id, url, connection = begun
    pool = ShardPool(url, SCHEMA, 0)
    pool.close()

    assert pool.run(cycle_id, 6)[0].shards == 0
    assert connection.execute("select count(*) from report_lines").fetchone() == (0,)
    ShardPool(url, SCHEMA, 0).run(cycle_id, 6)
    assert _finished(cycle_id, connection) == DONE


async def test_nothing_is_issued_while_a_shard_is_undone_and_the_cycle_stays_open(begun):
    cycle_id, url, connection = begun
    _take_shards(url, cycle_id, 5)

    assert issue_written(connection, SCHEMA, cycle_id) == 0
    assert not finish(connection, SCHEMA, cycle_id, NOW)
    assert connection.execute("select count(*) from reports where state = 'issued'").fetchone() == (0,)
    shown = cycle_json(connection, RESELLER, cycle_id, NOW.date())
    assert shown is not None
    assert 0 < shown["reports"]["closing"] < 26

    _take_shards(url, cycle_id, 1)
    assert _finished(cycle_id, connection) == DONE
    assert cycle_json(connection, RESELLER, cycle_id, NOW.date())["reports"] == {"issued": 26}


async def test_two_issuers_and_one_that_died_number_every_report_once_in_one_order(begun, monkeypatch):
    cycle_id, url, connection = begun
    ShardPool(url, SCHEMA, 0).run(cycle_id, 6)
    monkeypatch.setattr(issuing, "REPORTS_AT_ONCE", 4)
    info = connection_info(url, SCHEMA, DatabaseRole.WORKER)

    def die_at(name: str) -> None:
        if name == "close.reports-issued" and _issued(connection) == 8:
            raise KeyboardInterrupt

    with psycopg.connect(info, autocommit=True) as dying, monkeypatch.context() as patched:
        patched.setattr(issuing, "crash_point", die_at)
        with pytest.raises(KeyboardInterrupt):
            issue_written(dying, SCHEMA, cycle_id)
    assert _issued(connection) == 8
    assert not finish(connection, SCHEMA, cycle_id, NOW)

    def issue_too() -> int:
        with psycopg.connect(info, autocommit=True) as other:
            return issue_written(other, SCHEMA, cycle_id)

    assert sum(await asyncio.gather(*(asyncio.to_thread(issue_too) for _ in range(2)))) == 18
    assert _finished(cycle_id, connection) == DONE
    numbered = connection.execute(
        "select number, ledger, customer_id from reports where state = 'issued' order by ledger, customer_id"
    ).fetchall()
    assert [row[0] for row in numbered] == [f"{kind}-{n:06d}" for kind in "CR" for n in range(1, 14)]


async def test_the_database_refuses_to_close_a_cycle_with_reports_that_are_not_issued(begun):
    cycle_id, url, connection = begun
    ShardPool(url, SCHEMA, 0).run(cycle_id, 6)

    with pytest.raises(psycopg.errors.RaiseException, match="not issued"):
        connection.execute("update cycles set state = 'closed' where cycle_id = %s", [cycle_id])

    assert _finished(cycle_id, connection) == DONE


async def test_what_comes_late_for_a_customer_whose_shard_is_done_is_shown_in_the_next_window(
    begun, february
):
    cycle_id, url, connection = begun
    _take_shards(url, cycle_id, 3)
    done = {row[0] for row in connection.execute("select customer_id from report_lines")}
    undone = {f"cus_w{number}" for number in range(12)} - done
    assert done
    assert undone

    for customer in (min(done), min(undone)):
        subscription = customer.replace("cus_", "sub_")
        await february.told(
            subscription,
            QuantityChanged(
                subscription_id=subscription,
                tenant_id=customer.replace("cus_", "ten_"),
                previous=1,
                quantity=2,
            ),
            "2026-02-10",
        )
    february.clock.move_to(NOW)
    windows = {
        customer: {
            report["dated_on"]
            for report in (
                await february.get(f"/reports?from_on=2026-02-01&until_on=2026-03-31&customer_id={customer}")
            ).json()["reports"]
        }
        for customer in (min(done), min(undone))
    }

    assert windows == {min(done): {"2026-03-16"}, min(undone): {"2026-02-16", "2026-03-16"}}


async def test_closing_the_pool_ends_workers_that_are_at_work(begun):
    cycle_id, url, connection = begun
    pool = ShardPool(url, SCHEMA, 2)
    failed: list[BaseException] = []

    def run() -> None:
        try:
            pool.run(cycle_id, 6)
        except BaseException as fault:  # noqa: BLE001 - whatever it is, it must not hang
            failed.append(fault)

    with connection.transaction():
        connection.execute("lock table billed_positions in access exclusive mode")  # the workers wait here
        running = threading.Thread(target=run)
        running.start()
        await eventually(lambda: _waiting(connection) == 2, within=30, what="two workers wait for the table")
        pool.close()
        running.join(timeout=20)

    assert not running.is_alive()
    assert failed
    assert ShardPool(url, SCHEMA, 0).run(cycle_id, 6)[0].shards == 6
    assert _finished(cycle_id, connection) == DONE


async def test_a_worker_does_not_outlive_its_parent(begun):
    cycle_id, url, connection = begun
    program = (
        "import sys\nfrom csp_billing.closing.pool import ShardPool\n"
        "if __name__ == '__main__':\n    ShardPool(sys.argv[1], 'billing', 2).run(sys.argv[2], 6)\n"
    )
    with connection.transaction():
        connection.execute("lock table billed_positions in access exclusive mode")
        parent = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, url, cycle_id, start_new_session=True
        )
        await eventually(lambda: _waiting(connection) == 2, within=30, what="two workers wait for the table")
        os.kill(parent.pid, signal.SIGKILL)
        await parent.wait()
        await eventually(lambda: _workers_of(parent.pid) == [], within=30, what="no worker is left")


def _backends(connection: Any) -> set[int]:
    rows = connection.execute(
        "select pid from pg_stat_activity where datname = current_database() and backend_type = 'client backend'"
    )
    return {row[0] for row in rows}


def _take_shards(url: str, cycle_id: str, count: int) -> None:
    """Do some of the shards that are left, as a worker that stops behind them."""
    left = iter(range(count))
    work(url, SCHEMA, cycle_id, lambda: next(left, None) is None)


def _issued(connection: Any) -> int:
    return int(connection.execute("select count(*) from reports where state = 'issued'").fetchone()[0])


def _waiting(connection: Any) -> int:
    row = connection.execute(
        "select count(*) from pg_locks where relation = 'billed_positions'::regclass and not granted"
    ).fetchone()
    return int(row[0])


def _workers_of(pid: int) -> list[str]:
    """Processes of the parent's session that are left."""
    shown = subprocess.run(["ps", "-eo", "sid,args"], capture_output=True, text=True, check=True).stdout
    return [line for line in shown.splitlines() if line.split()[0] == str(pid)]


NEWER = "csp_billing/0141_reports_are_written_once.sql"
AS_OLDER_RELEASES_LEFT_IT = """
insert into reports (report_id, reseller_id, ledger, customer_id, currency, customer_name, net_minor, line_count, sha256, engine, state,
    from_on, until_on, watermark)
select r ->> 3, c.reseller_id, r ->> 0, r ->> 1, r ->> 2, r ->> 4, (r ->> 5)::bigint, (r ->> 6)::int, r ->> 7, r ->> 8, 'closing',
    c.from_on, c.until_on, c.watermark
from close_shards s join cycles c using (cycle_id) cross join jsonb_array_elements(s.sealed::jsonb) as r;
drop trigger cycles_close_last on cycles;
drop function refuse_close_before_issued;
alter table close_shards drop column reports, drop column sealed;
alter table cycles drop column issued;
"""


async def test_a_close_that_an_older_release_left_half_done_is_carried_over_and_finished(begun):
    cycle_id, url, connection = begun
    _take_shards(url, cycle_id, 4)
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(f"set search_path to {SCHEMA}".encode())
        owner.execute(
            "alter table reports drop constraint reports_state_check, add constraint reports_state_check check (true)"
        )
        owner.execute(AS_OLDER_RELEASES_LEFT_IT)
        (waiting,) = owner.execute("select count(*) from reports where state = 'closing'").fetchone()
        assert 0 < waiting < DONE["reports"]
        owner.execute("delete from migrations where name = %s", [NEWER])

    assert migrate(url, SCHEMA, PACKAGES) == [NEWER]

    assert connection.execute("select count(*) from reports where state = 'closing'").fetchone() == (0,)
    _take_shards(url, cycle_id, 6)
    assert _finished(cycle_id, connection) == DONE
    issued = connection.execute("select count(*) from reports where state = 'issued'").fetchone()
    assert issued == (DONE["reports"],)
