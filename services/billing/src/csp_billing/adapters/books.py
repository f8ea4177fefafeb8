"""Connections for work that folds: synchronous, in the worker's role, each piece of work in a thread of its own."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import psycopg
from psycopg_pool import ConnectionPool

from csp_billing.closing.watermark import read_watermark
from csp_runtime.database import DatabaseRole, connection_info

T = TypeVar("T")


class Books:
    """A small pool; `run` gives a function a connection in autocommit mode."""

    def __init__(self, url: str, schema: str) -> None:
        self.url = url
        self.schema = schema
        self._pool = _pool(url, schema, "books", size=4)
        # Asked for by work that holds a connection already: from the same pool it could wait for ever.
        self._watermarks = _pool(url, schema, "watermarks", size=1)

    async def open(self) -> None:
        """Open the pool; connections come as they are needed."""
        await asyncio.to_thread(self._pool.open)
        await asyncio.to_thread(self._watermarks.open)

    async def close(self) -> None:
        """Give the connections back."""
        await asyncio.to_thread(self._pool.close)
        await asyncio.to_thread(self._watermarks.close)

    async def run(self, work: Callable[[psycopg.Connection], T]) -> T:
        """Do something in a thread; raises what it raises, or `psycopg.OperationalError` where the database is gone."""
        return await asyncio.to_thread(self._with_connection, work)

    def _with_connection(self, work: Callable[[psycopg.Connection], T]) -> T:
        with self._pool.connection() as connection:
            return work(connection)

    def watermark(self) -> int:
        """As `read_watermark`, on a connection of its own, whatever transaction the caller is in."""
        with self._watermarks.connection() as connection:
            return read_watermark(connection)


def _pool(url: str, schema: str, name: str, *, size: int) -> ConnectionPool[psycopg.Connection]:
    return ConnectionPool(
        connection_info(url, schema, DatabaseRole.WORKER),
        kwargs={"autocommit": True},
        min_size=0,
        max_size=size,
        open=False,
        timeout=5.0,
        check=ConnectionPool.check_connection,
        name=f"{schema}-{name}",
    )
