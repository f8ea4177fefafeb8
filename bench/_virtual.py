"""Virtual time for benches that would last an hour: waiting costs nothing, work takes no time.

An event loop whose clock jumps to the next timer as soon as nothing is ready and nothing real is under way. Real are queries
(`BusyDatabase`), threads (the event store, msal) and whatever says so with `Busy`; while one is under way the clock stands. So
elapsed virtual time is made of waits alone: for a turn of the call budget, for Microsoft's answers, for `Retry-After`.
"""

import asyncio
import contextlib
import selectors
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

import psycopg

from csp_runtime.database import Connection, Database
from csp_runtime.scope import Scope

_LOOK = 0.05


class Busy:
    """What is really under way."""

    def __init__(self) -> None:
        self.count = 0

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """The clock stands meanwhile."""
        self.count += 1
        try:
            yield
        finally:
            self.count -= 1


class _Selector(selectors.DefaultSelector):
    def __init__(self, busy: Busy, jump: Callable[[float], None]) -> None:
        super().__init__()
        self._busy = busy
        self._jump = jump

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0:
            return super().select(0)
        if self._busy.count or timeout is None:
            return super().select(_LOOK)
        events = super().select(0)
        if not events:
            self._jump(timeout)
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    """See the module."""

    def __init__(self, begin: datetime) -> None:
        self.busy = Busy()
        self._virtual = 0.0
        super().__init__(_Selector(self.busy, self._jump))
        self.clock = VirtualClock(self, begin)

    def time(self) -> float:
        return self._virtual

    def _jump(self, seconds: float) -> None:
        self._virtual += seconds

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]  # any function
        self.busy.count += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._released)
        return future

    def _released(self, _: object) -> None:
        self.busy.count -= 1


class VirtualClock:
    """The port `Clock` on a virtual loop."""

    def __init__(self, loop: VirtualLoop, begin: datetime) -> None:
        self._loop = loop
        self._begin = begin

    def now(self) -> datetime:
        return self._begin + timedelta(seconds=self._loop.time())

    def monotonic(self) -> float:
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def reached(self, moment: datetime) -> None:
        await asyncio.sleep(max(0.0, (moment - self.now()).total_seconds()))


class BusyDatabase(Database):
    """A pool whose queries stop the clock, and in which `now()` and `clock_timestamp()` tell virtual time.

    `make_time(url, schema)` makes these functions; they read a sequence, which no transaction holds up.
    """

    clock: VirtualClock
    busy: Busy
    _prepared: WeakKeyDictionary[Connection, bool]

    def at(self, clock: VirtualClock, busy: Busy) -> "BusyDatabase":
        """Bind it to a clock."""
        self.clock, self.busy, self._prepared = clock, busy, WeakKeyDictionary()
        return self

    @asynccontextmanager
    async def transaction(self, scope: Scope | None = None) -> AsyncIterator[Connection]:
        with self.busy.held():
            async with super().transaction(scope) as connection:
                await self._tell_time(connection)
                yield connection

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        with self.busy.held():
            async with super().connection() as connection:
                await self._tell_time(connection)
                yield connection

    async def _tell_time(self, connection: Connection) -> None:
        if connection not in self._prepared:
            await connection.execute(f"set search_path to {self.schema}, pg_catalog".encode())
            self._prepared[connection] = True
        await connection.execute(
            "select setval('virtual_time', %s)", [int(self.clock.now().timestamp() * 1_000_000)]
        )


def make_time(url: str, schema: str) -> None:
    """The sequence and the two functions that shadow PostgreSQL's in this schema."""
    with psycopg.connect(url, autocommit=True) as connection:
        # Waiting for the disk would be no part of virtual time; it would only make the bench slow.
        name = connection.info.dbname
        connection.execute(f'alter database "{name}" set synchronous_commit to off'.encode())
        connection.execute(f"create sequence {schema}.virtual_time".encode())
        for name in ("now", "clock_timestamp"):
            connection.execute(
                f"create function {schema}.{name}() returns timestamptz language sql volatile as "
                f"'select to_timestamp(last_value / 1000000.0) from {schema}.virtual_time'".encode()
            )
        # What columns are given by default was bound to PostgreSQL's own functions.
        defaults = connection.execute(
            "select table_name, column_name, column_default from information_schema.columns "
            "where table_schema = %s and column_default like %s",
            [schema, "%now()%"],
        ).fetchall()
        for table, column, default in defaults:
            told = str(default).replace("now()", f"{schema}.now()")
            connection.execute(
                f"alter table {schema}.{table} alter column {column} set default {told}".encode()
            )
        for role in ("worker", "request"):
            connection.execute(f"grant all on {schema}.virtual_time to csp_{schema}_{role}".encode())
