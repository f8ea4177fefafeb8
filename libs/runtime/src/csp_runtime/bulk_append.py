"""Many events at once, by COPY, in a transaction of the caller's: where thousands of streams begin together."""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

from csp_contracts.codec import encode_event, encode_meta, join_state
from csp_contracts.envelope import Recorded

LOCK_SECONDS = 10


Row = tuple[str, int, str, bytes]
"""An event as it is stored: stream, version, type, state."""


def append_in(connection: psycopg.Connection, schema: str, events: Sequence[Recorded[Any]]) -> None:
    """Append events as the recorder does: under its table lock, so that readers miss nothing, and announced at commit.

    Raises `psycopg.errors.UniqueViolation` where a stream has moved on; the transaction is then lost.
    """
    append_rows(connection, schema, [_row_of(event) for event in events])


def _row_of(event: Recorded[Any]) -> Row:
    """An event as it is stored."""
    wire_name, data = encode_event(event.data)
    return event.stream, event.version, wire_name, join_state(data, encode_meta(event.meta))


def append_rows(connection: psycopg.Connection, schema: str, rows: Sequence[Row]) -> None:
    """What `append_in` does, of events that are encoded already."""
    if not rows:
        return
    table = sql.Identifier(schema, f"{schema}_events")
    connection.execute(sql.SQL("set local lock_timeout = {}").format(sql.Literal(f"{LOCK_SECONDS}s")))
    connection.execute(sql.SQL("lock table {} in exclusive mode").format(table))
    connection.execute(sql.SQL("notify {}").format(sql.Identifier(f"{schema}_events")))
    columns = sql.SQL("copy {} (originator_id, originator_version, topic, state) from stdin (format binary)")
    with connection.cursor().copy(columns.format(table)) as copy:
        copy.set_types(["text", "int8", "text", "bytea"])
        for row in rows:
            copy.write_row(row)


def version_of(connection: psycopg.Connection, schema: str, stream: str) -> int:
    """The newest version of a stream; 0 where there is none."""
    row = connection.execute(
        sql.SQL("select coalesce(max(originator_version), 0) from {} where originator_id = %s").format(
            sql.Identifier(schema, f"{schema}_events")
        ),
        [stream],
    ).fetchone()
    return 0 if row is None else int(row[0])
