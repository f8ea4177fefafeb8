"""The event store: the `eventsourcing` library's PostgreSQL recorder with wire names and JSON of our own.

Its notification log is the outbox. Whatever must be true together with the events (the command's key, a read position,
private rows) is written through the recorder's hook, in the same transaction.
"""

import asyncio
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import psycopg
from eventsourcing.persistence import IntegrityError, InterfaceError, OperationalError, StoredEvent
from eventsourcing.postgres import ConnectionPool, PostgresApplicationRecorder, PostgresDatastore
from psycopg import Connection, Cursor
from psycopg.rows import DictRow, dict_row

from csp_contracts.codec import decode_event, decode_meta, encode_event, encode_meta, join_state, split_state
from csp_contracts.envelope import Recorded
from csp_runtime.crash_points import crash_point
from csp_runtime.database import RECONNECT_SECONDS, DatabaseRole, check_if_idle_now, connection_info
from csp_runtime.errors import KeyAlreadyUsed, KeyReused, StoreMisconfigured, VersionConflict

MOST_EVENTS_A_SAVE = 500
"""The table lock of a save holds up the service's other commands."""

Also = Callable[[Cursor[DictRow]], None]
"""Statements of the same transaction, before the events; may raise to undo all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandKey:
    """An idempotency key, as `caller` used it; `answer` is what a repetition is told."""

    caller: str
    key: str
    request_digest: bytes
    answer: dict[str, Any]
    at: Any  # datetime; psycopg adapts it


class _Recorder(PostgresApplicationRecorder):
    # Without the library's ten attempts: each waits for the pool, so that a command in an outage was answered after a minute,
    # and its thread was gone for as long. Who calls decides whether to try again, and does so with the same key.
    insert_events = PostgresApplicationRecorder.insert_events.__wrapped__
    select_events = PostgresApplicationRecorder.select_events.__wrapped__

    def _insert_events(
        self,
        curs: Cursor[DictRow],
        stored_events: Sequence[StoredEvent],  # noqa: ARG002 - the library's signature
        *,
        also: Sequence[Also] = (),
        **_: Any,
    ) -> None:
        for statements in also:
            statements(curs)
        crash_point("store.before-events")

    def _fetch_ids_after_insert_events(
        self, curs: Cursor[DictRow], stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> Sequence[int] | None:
        crash_point("store.before-commit")
        return super()._fetch_ids_after_insert_events(curs, stored_events, **kwargs)


class EventStore:
    """The streams of one service. All methods are safe to call from any task."""

    def __init__(self, url: str, schema: str, *, pool_size: int = 2, max_overflow: int = 2) -> None:
        if os.environ.get("POSTGRES_ENABLE_DB_FUNCTIONS"):
            raise StoreMisconfigured(
                "POSTGRES_ENABLE_DB_FUNCTIONS lets readers of the log miss events: unset it"
            )
        self.schema = schema
        self._datastore = PostgresDatastore(
            dbname="",
            host="",
            port="",
            user="",
            password="",
            schema=schema,
            lock_timeout=10,
            originator_id_type="text",
            enable_db_functions=False,
        )
        # Our own pool in the place of the library's: it enters the schema in the worker's role, knows every setting of the
        # URL, and asks a connection whether it lives only after a rest, not before every save.
        self._datastore.pool = ConnectionPool(
            connection_info(url, schema, DatabaseRole.WORKER),
            connection_class=Connection[DictRow],
            kwargs={"row_factory": dict_row},
            configure=self._datastore.after_connect_func(),
            min_size=pool_size,
            max_size=pool_size + max_overflow,
            open=False,
            timeout=5.0,
            reconnect_timeout=RECONNECT_SECONDS,
            check=check_if_idle_now,
            name=f"{schema}-store",
        )
        self._recorder = _Recorder(self._datastore, events_table_name=f"{schema}_events")

    def close(self) -> None:
        """Give the connections back."""
        self._datastore.close()

    async def load(self, stream: str, *, after: int = 0) -> list[Recorded[Any]]:
        """The events of a stream in order; empty if there is no such stream."""
        return await asyncio.to_thread(self.load_now, stream, after=after)

    def load_now(self, stream: str, *, after: int = 0) -> list[Recorded[Any]]:
        """As `load`, from a thread."""
        with _outages_named():
            return [_recorded(stored) for stored in self._recorder.select_events(stream, gt=after or None)]

    async def load_many(self, streams: Sequence[str]) -> dict[str, list[Recorded[Any]]]:
        """The events of several streams, by stream."""
        return await asyncio.to_thread(self._load_many, streams)

    def _load_many(self, streams: Sequence[str]) -> dict[str, list[Recorded[Any]]]:
        found: dict[str, list[Recorded[Any]]] = {stream: [] for stream in streams}
        with _outages_named(), self._datastore.get_connection() as connection:
            rows = connection.execute(
                f"select originator_id, originator_version, topic, state from {self.schema}_events "
                "where originator_id = any(%s) order by originator_id, originator_version",
                [list(found)],
            )
            for row in rows:
                stored = StoredEvent(
                    row["originator_id"], row["originator_version"], row["topic"], bytes(row["state"])
                )
                found[row["originator_id"]].append(_recorded(stored))
        return found

    async def save(
        self, events: Sequence[Recorded[Any]], *, key: CommandKey | None = None, also: Sequence[Also] = ()
    ) -> None:
        """Append events, with the key and whatever else must be true together with them.

        Raises `KeyAlreadyUsed` or `KeyReused` where the key was written before, `VersionConflict` where a stream has
        moved on, `psycopg.OperationalError` where the database does not answer, and what `also` raises; then nothing was
        written, but for an answer that was lost on its way: the key tells.
        """
        await asyncio.to_thread(self.save_now, events, key=key, also=also)

    def save_now(
        self, events: Sequence[Recorded[Any]], *, key: CommandKey | None = None, also: Sequence[Also] = ()
    ) -> None:
        """As `save`, from a thread."""
        if len(events) > MOST_EVENTS_A_SAVE:
            raise ValueError(f"{len(events)} events in one save; at most {MOST_EVENTS_A_SAVE}")
        steps = [*([_insert_key(key)] if key is not None else []), *also]
        try:
            with _outages_named():
                self._recorder.insert_events([_stored(event) for event in events], also=steps)
            crash_point("store.after-commit")
        except IntegrityError as conflict:
            self._explain(conflict, key)

    def answer_to(self, caller: str, key: str) -> tuple[bytes, dict[str, Any]] | None:
        """What a command with this key was answered, with the digest of its request."""
        with _outages_named(), self._datastore.get_connection() as connection:
            row = connection.execute(
                "select request_digest, answer from command_keys where caller = %s and key = %s",
                [caller, key],
            ).fetchone()
        return None if row is None else (bytes(row["request_digest"]), row["answer"])

    async def check_key(self, key: CommandKey) -> None:
        """Raise `KeyAlreadyUsed` or `KeyReused` early, before any work, where the key was written before."""
        await asyncio.to_thread(self._raise_if_used, key)

    def _raise_if_used(self, key: CommandKey) -> None:
        found = self.answer_to(key.caller, key.key)
        if found is not None:
            digest, answer = found
            raise (KeyAlreadyUsed if digest == key.request_digest else KeyReused)(answer)

    def _explain(self, conflict: IntegrityError, key: CommandKey | None) -> NoReturn:
        constraint = (
            conflict.__cause__.diag.constraint_name if isinstance(conflict.__cause__, psycopg.Error) else None
        )
        if constraint == "command_keys_pkey" and key is not None:
            self._raise_if_used(key)
        if constraint == f"{self.schema}_events_pkey":
            raise VersionConflict("the stream has moved on") from conflict
        raise conflict


@contextmanager
def _outages_named() -> Iterator[None]:
    """The library's outages as psycopg's: the same thing must have one name, or a consumer takes it for a broken rule."""
    try:
        yield
    except (OperationalError, InterfaceError) as fault:
        raise psycopg.OperationalError("the event store does not answer") from fault


def _insert_key(key: CommandKey) -> Also:
    def insert(cursor: Cursor[DictRow]) -> None:
        cursor.execute(
            "insert into command_keys (caller, key, request_digest, answer, created_at) values (%s, %s, %s, %s, %s) returning 1",
            [key.caller, key.key, key.request_digest, json.dumps(key.answer), key.at],
        )
        # The recorder pipelines: only a fetch waits, and so tells a used key apart from an aborted pipeline.
        cursor.fetchone()

    return insert


def _stored(event: Recorded[Any]) -> StoredEvent:
    wire_name, data = encode_event(event.data)
    return StoredEvent(event.stream, event.version, wire_name, join_state(data, encode_meta(event.meta)))


def _recorded(stored: StoredEvent) -> Recorded[Any]:
    halves = split_state(stored.state)
    return Recorded(
        stream=str(stored.originator_id),
        version=stored.originator_version,
        data=decode_event(stored.topic, halves.data),
        meta=decode_meta(halves.meta),
    )
