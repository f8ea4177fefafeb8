"""Which open operations this worker has taken, for how long, and what was sent for them: rows beside the streams.

A claim is one's own until it runs out; whoever dies holds nobody up for longer than that.
"""

import json
import random
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Cursor
from psycopg.rows import DictRow

from csp_runtime.database import Database
from csp_runtime.secret_box import SecretBox
from csp_runtime.store import Also

CLAIM_SECONDS = 60
FIRST_BACK_OFF = 0.25
LONGEST_BACK_OFF = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """An open operation that this worker has taken for a while."""

    operation_id: str
    sealed_payload: bytes | None
    attempt: int
    """The how-manieth try of its present step this is, from 1."""
    may_repeat: bool
    """Whether the last call was answered with "surely not done" (429): it goes out again without a look first."""


class Claims:
    """The open operations of one service, as one worker (`owner`) takes them."""

    def __init__(self, database: Database, box: SecretBox, owner: str) -> None:
        self._database = database
        self._box = box
        self._owner = owner

    async def claim(self, places: int) -> list[Claimed]:
        """Take what is due, as many as there are places."""
        if places <= 0:
            return []
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "with due as (select operation_id, may_repeat from open_operations where due_at <= now() "
                "and (claimed_until is null or claimed_until < now()) order by due_at limit %s for update skip locked) "
                "update open_operations as o set claimed_by = %s, may_repeat = false, "
                "claimed_until = now() + make_interval(secs => %s) from due where o.operation_id = due.operation_id "
                "returning o.operation_id, o.sealed_payload, o.attempt, due.may_repeat",
                [places, self._owner, CLAIM_SECONDS],
            )
            rows = await cursor.fetchall()
        return [
            Claimed(
                operation_id=row["operation_id"],
                sealed_payload=None if row["sealed_payload"] is None else bytes(row["sealed_payload"]),
                attempt=row["attempt"],
                may_repeat=row["may_repeat"],
            )
            for row in rows
        ]

    def payload(self, claimed: Claimed) -> dict[str, Any]:
        """The form that came with the command, opened; empty where there was none."""
        if claimed.sealed_payload is None:
            return {}
        opened = self._box.open(claimed.sealed_payload, f"operation/{claimed.operation_id}")
        payload: dict[str, Any] = json.loads(opened)
        return payload

    async def submitted_body(self, operation_id: str, step: str, attempt: int) -> bytes | None:
        """What was sent in this attempt, byte for byte; None where nothing was."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "select request_id, sealed_body from submitted_requests "
                "where operation_id = %s and step = %s and attempt = %s",
                [operation_id, step, attempt],
            )
            row = await cursor.fetchone()
        if row is None:
            return None
        return self._box.open(bytes(row["sealed_body"]), f"request/{row['request_id']}")

    async def drop_submitted(self, operation_id: str, step: str) -> None:
        """Forget what was sent in this step."""
        async with self._database.connection() as connection:
            await connection.execute(
                "delete from submitted_requests where operation_id = %s and step = %s", [operation_id, step]
            )

    async def postpone(self, claimed: Claimed, wait: float, *, may_repeat: bool = False) -> None:
        """Give it back for so many seconds of real time."""
        async with self._database.connection() as connection:
            await connection.execute(
                "update open_operations set due_at = now() + make_interval(secs => %s), attempt = %s, "
                "claimed_by = null, claimed_until = null, may_repeat = %s where operation_id = %s and claimed_by = %s",
                [wait, claimed.attempt + 1, may_repeat, claimed.operation_id, self._owner],
            )

    async def forget(self, operation_id: str) -> None:
        """The operation is settled."""
        async with self._database.connection() as connection:
            await connection.execute("delete from open_operations where operation_id = %s", [operation_id])


def back_off(claimed: Claimed) -> float:
    """Seconds to wait where the upstream named no time: full jitter between nothing and the doubled back-off."""
    longest = min(LONGEST_BACK_OFF, FIRST_BACK_OFF * 2 ** min(claimed.attempt, 10))
    return random.uniform(0.05, longest)  # noqa: S311 - jitter


def settled(operation_id: str, step: str) -> Also:
    """The step was answered: what was sent for it is not needed any more."""

    def delete(cursor: Cursor[DictRow]) -> None:
        cursor.execute(
            "delete from submitted_requests where operation_id = %s and step = %s", [operation_id, step]
        )

    return delete


def closed(operation_id: str) -> Also:
    """The operation is over: nothing of it stays open."""

    def delete(cursor: Cursor[DictRow]) -> None:
        cursor.execute("delete from open_operations where operation_id = %s", [operation_id])
        cursor.execute("delete from submitted_requests where operation_id = %s", [operation_id])

    return delete


def wrote(cursor: Cursor[DictRow], resource: str, at: datetime) -> None:
    """When we last wrote to a resource: earlier readings of it do not count."""
    cursor.execute(
        "insert into last_writes (resource, written_at) values (%s, %s) "
        "on conflict (resource) do update set written_at = greatest(last_writes.written_at, excluded.written_at)",
        [resource, at],
    )
