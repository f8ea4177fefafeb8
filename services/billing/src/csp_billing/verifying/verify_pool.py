"""`csp billing verify` in processes of its own: each folds parts of the subscriptions, and all read the same snapshot."""

import gc
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import psycopg
from psycopg import sql

from csp_billing.closing.pool import prepare_worker
from csp_billing.verifying.verify import ONE_SNAPSHOT, Verified, parts, verify_part
from csp_runtime.database import DatabaseRole, connection_info


def verify_in_processes(
    url: str,
    schema: str,
    reseller: str,
    processes: int,
    *,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> Verified:
    """Fold everything of a reseller that was closed, and write nothing; `progress` is told how many of how many are done.

    Raises `BrokenProcessPool` where a worker died.
    """
    result = Verified()
    with _connect(url, schema) as connection, connection.transaction():
        connection.execute(ONE_SNAPSHOT)
        row = connection.execute("select pg_export_snapshot()").fetchone()
        todo = parts(connection, reseller)
        count = sum(len(names) for names in todo)
        work = partial(_verify_part, url, schema, reseller, "" if row is None else str(row[0]))
        for found in _in_processes(work, todo, min(processes, len(todo))):
            result.add(found)
            progress(result.subscriptions, count)
    return result


def _in_processes(
    work: Callable[[list[str]], Verified], todo: list[list[str]], processes: int
) -> Iterator[Verified]:
    if processes <= 1:
        yield from map(work, todo)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=prepare_worker) as pool:
        yield from pool.map(work, todo)


def _verify_part(url: str, schema: str, reseller: str, snapshot: str, names: list[str]) -> Verified:
    with _connect(url, schema) as connection, connection.transaction():
        connection.execute(ONE_SNAPSHOT)
        connection.execute(sql.SQL("set transaction snapshot {}").format(snapshot))
        found = verify_part(connection, reseller, names)
    if not gc.isenabled():
        gc.collect()
    return found


def _connect(url: str, schema: str) -> psycopg.Connection:
    return psycopg.connect(connection_info(url, schema, DatabaseRole.WORKER), autocommit=True)
