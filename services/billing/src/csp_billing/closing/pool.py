"""Who does the shards of a close: this process for a small one, processes of its own for a large one."""

import gc
import os
import resource
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from typing import NamedTuple

import psycopg

from csp_billing.closing.job import load_job
from csp_billing.closing.shard import take_shard, unrest_of
from csp_runtime.database import DatabaseRole, connection_info


class Effort(NamedTuple):
    """What one worker did: shards, CPU-seconds, and the most memory its process ever had (MiB)."""

    shards: int
    cpu_seconds: float
    peak_mib: float


class ShardPool:
    """Worker processes that stay for the next close. One thread runs them; any other may close them meanwhile."""

    def __init__(self, url: str, schema: str, processes: int) -> None:
        """`processes` 0 does all work in the calling thread."""
        self._url = url
        self._schema = schema
        self._processes = processes
        self._executor: ProcessPoolExecutor | None = None
        self._closing = threading.Event()

    def run(self, cycle_id: str, shards: int) -> list[Effort]:
        """Do the open shards of a cycle; returns when none is left that nobody does.

        Raises `BrokenProcessPool` where a worker died: its shard is undone, and running again does it.
        """
        workers = min(self._processes, shards)
        if workers <= 1:
            return [work(self._url, self._schema, cycle_id, self._closing.is_set)]
        executor = self._started()
        running = [executor.submit(_work_again, self._url, self._schema, cycle_id) for _ in range(workers)]
        try:
            return [each.result() for each in running]
        except BrokenProcessPool:
            self._end_workers()
            raise

    def close(self) -> None:
        """End at once; a shard that is being done stays undone, and nothing of it is written."""
        self._closing.set()
        self._end_workers()

    def _end_workers(self) -> None:
        executor, self._executor = self._executor, None
        if executor is not None:
            for process in list((executor._processes or {}).values()):  # noqa: SLF001 - 3.11 has no other way to end them
                process.terminate()
            executor.shutdown(wait=True, cancel_futures=True)

    def _started(self) -> ProcessPoolExecutor:
        if self._executor is None:
            self._executor = ProcessPoolExecutor(
                max_workers=self._processes, mp_context=get_context("spawn"), initializer=prepare_worker
            )
        return self._executor


def work(url: str, schema: str, cycle_id: str, should_stop: Callable[[], bool] = lambda: False) -> Effort:
    """Take shards of a cycle until none is left, or until told to stop."""
    begin = resource.getrusage(resource.RUSAGE_THREAD)
    with _connected(url, schema) as connection:
        shards = _take_shards(connection, cycle_id, should_stop)
    return _effort(shards, begin)


def _work_again(url: str, schema: str, cycle_id: str) -> Effort:
    """The same in a process that stays, whose connection stays a while: to connect and to plan costs as much as 500 lines."""
    begin = resource.getrusage(resource.RUSAGE_THREAD)
    connection = _kept_connection(url, schema) or _connected(url, schema)
    try:
        shards = _take_shards(connection, cycle_id, lambda: False)
    except BaseException:
        connection.close()
        raise
    _kept[url, schema] = (connection, time.monotonic())
    return _effort(shards, begin)


_KEPT_SECONDS = 60.0
"""The closes of many resellers follow each other; what rests longer, a network between may have forgotten."""
_kept: dict[tuple[str, str], tuple[psycopg.Connection, float]] = {}


def _kept_connection(url: str, schema: str) -> psycopg.Connection | None:
    connection, since = _kept.pop((url, schema), (None, 0.0))
    if connection is None:
        return None
    try:
        if time.monotonic() - since < _KEPT_SECONDS:
            connection.execute("select")
            return connection
    except psycopg.OperationalError:
        pass  # the server has ended it
    connection.close()
    return None


def _connected(url: str, schema: str) -> psycopg.Connection:
    connection = psycopg.connect(
        connection_info(url, schema, DatabaseRole.WORKER), autocommit=True, prepare_threshold=0
    )
    # Every statement goes by an index, into months that are still empty when it is planned, once.
    connection.execute(
        "select set_config('plan_cache_mode', 'force_generic_plan', false), set_config('enable_seqscan', 'off', false)"
    )
    return connection


def _take_shards(connection: psycopg.Connection, cycle_id: str, should_stop: Callable[[], bool]) -> int:
    shards = 0
    job = load_job(connection, cycle_id)
    unrest = None if job is None else unrest_of(connection, job)
    while job is not None and not should_stop() and take_shard(connection, job, unrest):
        shards += 1
        if not gc.isenabled():
            gc.collect(0)
    return shards


def _effort(shards: int, begin: resource.struct_rusage) -> Effort:
    end = resource.getrusage(resource.RUSAGE_THREAD)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Effort(shards, end.ru_utime + end.ru_stime - begin.ru_utime - begin.ru_stime, peak)


def usual_processes() -> int:
    """One worker for each core that this process may use."""
    return len(os.sched_getaffinity(0))


def prepare_worker() -> None:
    """What is special in a process that only folds: shards of a close, or parts of `verify`.

    Ctrl-C reaches the whole group, but the parent alone decides when its workers end. A fold makes hundreds of
    thousands of small objects without cycles, so that looking for cycles would cost as much as the work: it is done
    between shards, and never among what was there before. A worker does not outlive its parent, however that one ends.
    """
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()
    gc.freeze()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
