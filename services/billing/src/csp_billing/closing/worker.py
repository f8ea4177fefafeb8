"""Carries closes out: shards, then issuing, then the cycle's end. What it was at when it stopped, it finds undone."""

import asyncio

import psycopg

from csp_billing.closing.cycles import open_cycles
from csp_billing.closing.issuing import finish, issue_written
from csp_billing.closing.pool import ShardPool
from csp_runtime.clock import Clock
from csp_runtime.database import DatabaseRole, connection_info
from csp_runtime.logs import logger
from csp_runtime.rounds import each_apart, whenever_woken
from csp_runtime.wakeups import Wakeups

CHANNEL = "billing_close"
POLL_SECONDS = 5.0
log = logger(__name__)


class CloseWorker:
    """Runs in each process of the service; several share the shards of a close."""

    def __init__(self, url: str, schema: str, pool: ShardPool, wakeups: Wakeups, clock: Clock) -> None:
        self._url = url
        self._schema = schema
        self._pool = pool
        self._wakeups = wakeups
        self._clock = clock

    async def run(self) -> None:
        """Run until cancelled."""
        await whenever_woken(lambda: asyncio.to_thread(self.once), self._wakeups, CHANNEL, POLL_SECONDS)

    def once(self) -> None:
        """Open cycles that time has reached, and do whatever closes have to be done now.

        What fails is tried again in the next round; the cycles of other resellers do not wait for it.
        """
        info = connection_info(self._url, self._schema, DatabaseRole.WORKER)
        with psycopg.connect(info, autocommit=True) as connection:
            each_apart((self._open, self._close), lambda step: step(connection))

    def _close(self, connection: psycopg.Connection) -> None:
        def close(one: tuple[str, int]) -> None:
            cycle_id, shards = one
            if shards:
                efforts = self._pool.run(cycle_id, shards)
                log.info(
                    "close.settled",
                    cycle=cycle_id,
                    shards=sum(effort.shards for effort in efforts),
                    cpu_seconds=round(sum(effort.cpu_seconds for effort in efforts), 3),
                    peak_mib=round(max(effort.peak_mib for effort in efforts)),
                )
            issue_written(connection, self._schema, cycle_id)
            if finish(connection, self._schema, cycle_id, self._clock.now()):
                log.info("close.finished", cycle=cycle_id)

        each_apart(_at_work(connection), close)

    def _open(self, connection: psycopg.Connection) -> None:
        now = self._clock.now()
        resellers = connection.execute(
            "select c.reseller_id from (select distinct reseller_id from customers) c where not exists "
            "(select from cycles y where y.reseller_id = c.reseller_id and y.until_on > %s)",
            [now.date()],
        ).fetchall()
        each_apart(resellers, lambda row: open_cycles(connection, self._schema, row[0], now))


def _at_work(connection: psycopg.Connection) -> list[tuple[str, int]]:
    """Cycles that are being closed, with how many of their shards are undone."""
    return connection.execute(
        "select c.cycle_id, count(s.shard)::int from cycles c "
        "left join close_shards s on s.cycle_id = c.cycle_id and s.done_at is null "
        "where c.state = 'closing' group by c.cycle_id, c.until_on order by c.until_on"
    ).fetchall()
