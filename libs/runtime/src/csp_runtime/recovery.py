"""What an operator does to a stuck service: take a stream up again, give a record up, read or publish from the beginning.

Every effect is bound to the version of its stream, and versions that are known are passed over: reading or publishing again
doubles nothing. The running process hears of each change by NOTIFY.
"""

from typing import Any

import psycopg

from csp_runtime.consumer_state import RETRY
from csp_runtime.feed import consumer_channel
from csp_runtime.public_log import log_channel

Connection = psycopg.Connection[dict[str, Any]]


class NotHeldUp(Exception):
    """The stream of this record flows: there is nothing to take up again."""

    code = "not-held-up"


class NoSuchPosition(Exception):
    """Nothing has been read or published under this name."""

    code = "no-such-position"


def retry_stream(connection: Connection, letter: dict[str, Any]) -> None:
    """Let the stream of a dead letter flow again from where it stood. Raises `NotHeldUp` where it was not parked."""
    with connection.transaction():
        parked = connection.execute(
            "update parked_streams set reason = %s where consumer = %s and stream = %s",
            [RETRY, letter["consumer"], letter["stream"]],
        )
        if not parked.rowcount:
            raise NotHeldUp(
                f"{letter['stream'] or 'a record without a stream'} was left out, the others went on"
            )
        connection.execute("update dead_letters set retried_at = now() where id = %s", [letter["id"]])
        _wake(connection, consumer_channel(letter["consumer"]))


def give_up(connection: Connection, letter: dict[str, Any]) -> None:
    """Forget a dead letter: its stream goes on behind it. What the record would have done stays undone."""
    with connection.transaction():
        if letter["stream"]:
            connection.execute(
                "insert into known_versions (consumer, stream, version) values (%s, %s, %s) on conflict "
                "(consumer, stream) do update set version = greatest(known_versions.version, excluded.version)",
                [letter["consumer"], letter["stream"], letter["version"]],
            )
            connection.execute(
                "update parked_streams set reason = %s where consumer = %s and stream = %s",
                [RETRY, letter["consumer"], letter["stream"]],
            )
        connection.execute("delete from dead_letters where id = %s", [letter["id"]])
        _wake(connection, consumer_channel(letter["consumer"]))


def rewind(connection: Connection, consumer: str, context: str | None = None) -> list[str]:
    """Let a consumer read its sources (of one context, or all) from their beginning; the sources.

    Raises `NoSuchPosition` where it has read none of them.
    """
    with connection.transaction():
        rows = connection.execute(
            "delete from positions where consumer = %s and (%s::text is null or source = %s or source like %s) "
            "returning source",
            [consumer, context, context, f"csp.{context}/%"],
        ).fetchall()
        if not rows:
            raise NoSuchPosition(f"{consumer} has no position in {context or 'any source'}")
        _wake(connection, consumer_channel(consumer))
    return sorted(row["source"] for row in rows)


def republish(connection: Connection, context: str) -> None:
    """Let a service's relay publish its whole log again, in order. Raises `NoSuchPosition` where it never did."""
    with connection.transaction():
        moved = connection.execute(
            "update relay_position set notification_id = 0 where context = %s", [context]
        )
        if not moved.rowcount:
            raise NoSuchPosition(f"{context} has never published anything")
        _wake(connection, log_channel(context))


def _wake(connection: Connection, channel: str) -> None:
    connection.execute("select pg_notify(%s, '')", [channel])
