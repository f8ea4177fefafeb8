"""One PostgreSQL schema per service, entered in one of its three roles.

`owner` migrates; `request` answers HTTP reads under row-level security; `worker` records, relays, projects and closes.
"""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any, Self, TypeVar
from weakref import WeakKeyDictionary

import msgspec
import psycopg
from psycopg import AsyncConnection, BaseConnection, conninfo
from psycopg.rows import AsyncRowFactory, DictRow, TupleRow, dict_row, tuple_row
from psycopg.types.json import set_json_loads
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from csp_runtime.scope import Scope

Connection = AsyncConnection[DictRow]
Row = TypeVar("Row")


class DatabaseRole(StrEnum):
    """The three roles of a service; the role's name in PostgreSQL is `csp_<schema>_<role>`."""

    OWNER = "owner"
    REQUEST = "request"
    WORKER = "worker"

    def named(self, schema: str) -> str:
        """The role's name in PostgreSQL."""
        return f"csp_{schema}_{self}"


def connection_info(url: str, schema: str, role: DatabaseRole | None) -> str:
    """A connection string that enters this schema in this role; `role` None stays the login's own."""
    options = f"-c search_path={schema},public"
    if role is not None:
        options += f" -c role={role.named(schema)}"
    return conninfo.make_conninfo(url, options=options, application_name=f"csp {schema}")


# Rows with JSON columns are decoded several times quicker than by the standard library.
set_json_loads(msgspec.json.decode)

_ENTER_SCOPE = "select set_config('csp.reseller', %s, true), set_config('csp.customer', %s, true)"
# The same for a single query, in its own statement. Its rows depend on what `set_config` gave back, so that they cannot be
# looked for before the policies see the scope; the setting ends with the statement.
_IN_SCOPE = (
    "with scope as materialized (select set_config('csp.reseller', %s, true) as reseller, "
    "set_config('csp.customer', %s, true) as customer) select found.* from scope cross join lateral ({}) as found"
)
RECONNECT_SECONDS = 4.0
"""Attempts to connect back off; so short a patience begins them anew, and finds a database that is back within seconds."""

_IDLE_SECONDS = 1.0
_checked_at: WeakKeyDictionary[BaseConnection[Any], float] = WeakKeyDictionary()


def _has_rested(connection: BaseConnection[Any]) -> bool:
    """Whether to ask a connection if it still lives; one just used would say so itself, a round trip earlier."""
    now = time.monotonic()
    rested = now - _checked_at.get(connection, float("-inf")) > _IDLE_SECONDS
    _checked_at[connection] = now
    return rested


async def _check_if_idle(connection: Connection) -> None:
    if _has_rested(connection):
        await AsyncConnectionPool.check_connection(connection)


def check_if_idle_now(connection: psycopg.Connection[Any]) -> None:
    """For pools of threads: raises `psycopg.Error` where a connection that has rested is dead."""
    if _has_rested(connection):
        ConnectionPool.check_connection(connection)


class Database:
    """A pool of connections of one service in one role."""

    def __init__(
        self, url: str, schema: str, role: DatabaseRole, *, min_size: int = 1, max_size: int = 4
    ) -> None:
        self.url = url
        self.schema = schema
        self.role = role
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            connection_info(url, schema, role),
            connection_class=AsyncConnection[DictRow],
            kwargs={"row_factory": dict_row, "autocommit": True},
            min_size=min_size,
            max_size=max_size,
            open=False,
            timeout=5.0,
            reconnect_timeout=RECONNECT_SECONDS,
            check=_check_if_idle,
            name=f"{schema}-{role}",
        )

    async def open(self) -> None:
        """Open the pool; returns at once, connections come as they are needed."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Give the connections back."""
        await self._pool.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @asynccontextmanager
    async def transaction(self, scope: Scope | None = None) -> AsyncIterator[Connection]:
        """One transaction; with a scope, row-level security sees it (`csp.reseller`, `csp.customer`).

        Raises `psycopg.OperationalError` or `PoolTimeout` where the database does not answer.
        """
        async with self._pool.connection() as connection, connection.transaction():
            if scope is not None:
                await connection.execute(_ENTER_SCOPE, [scope.reseller, scope.customer or ""])
            yield connection

    async def read(self, scope: Scope, statement: str, values: Sequence[Any]) -> list[DictRow]:
        """The rows of one query inside a scope, by column name, in one round trip.

        The query's `where` names the scope: `scope.reseller`, and for a customer `scope.customer`. Raises `ValueError` where
        it does not, `psycopg.OperationalError` or `PoolTimeout` where the database does not answer.
        """
        return await self._read(dict_row, scope, statement, values)

    async def read_tuples(self, scope: Scope, statement: str, values: Sequence[Any]) -> list[TupleRow]:
        """As `read`, by column number: for lists, whose rows are many."""
        return await self._read(tuple_row, scope, statement, values)

    async def _read(
        self, rows: AsyncRowFactory[Row], scope: Scope, statement: str, values: Sequence[Any]
    ) -> list[Row]:
        if "scope.reseller" not in statement or (scope.is_customer and "scope.customer" not in statement):
            raise ValueError("a query on tenants' rows must name its scope")
        async with self._pool.connection() as connection:
            cursor = connection.cursor(row_factory=rows)
            await cursor.execute(
                _IN_SCOPE.format(statement), [scope.reseller, scope.customer or "", *values], prepare=True
            )
            return await cursor.fetchall()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection in autocommit mode, for single statements."""
        async with self._pool.connection() as connection:
            yield connection

    async def is_ready(self) -> bool:
        """Whether a statement is answered."""
        try:
            async with self._pool.connection(timeout=2.0) as connection:
                await connection.execute("select 1")
        except psycopg.Error:
            return False
        return True
