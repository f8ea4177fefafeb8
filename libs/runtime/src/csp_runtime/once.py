"""A command whose effects lie in the caller's own transaction: done once for its key, told the same answer ever after."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import psycopg

from csp_runtime.errors import KeyReused
from csp_runtime.http import Command
from csp_runtime.replays import note_replay


def do_once(
    connection: psycopg.Connection, command: Command, now: datetime, act: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """Do what a command asks for, in one transaction with its key and answer.

    Raises `KeyReused` for the key with another body, and what `act` raises; then nothing was written.
    """
    try:
        with connection.transaction():
            known = _answered(connection, command)
            if known is not None:
                note_replay()
                return known
            answer = act()
            connection.execute(
                "insert into command_keys (caller, key, request_digest, answer, created_at) values (%s, %s, %s, %s, %s)",
                [command.caller, command.key, command.digest, json.dumps(answer), now],
            )
            return answer
    except psycopg.errors.UniqueViolation as conflict:
        # The same command came twice at once; the other was first.
        known = (
            _answered(connection, command) if conflict.diag.constraint_name == "command_keys_pkey" else None
        )
        if known is None:
            raise
        note_replay()
        return known


def _answered(connection: psycopg.Connection, command: Command) -> dict[str, Any] | None:
    row = connection.execute(
        "select request_digest, answer from command_keys where caller = %s and key = %s",
        [command.caller, command.key],
    ).fetchone()
    if row is None:
        return None
    digest, answer = row
    if bytes(digest) != command.digest:
        raise KeyReused(answer)
    found: dict[str, Any] = answer
    return found
