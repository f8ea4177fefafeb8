"""Beginning an operation: its first event, the idempotency key and the open row are one write."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from psycopg import Cursor
from psycopg.rows import DictRow

from csp_contracts.envelope import Meta, Recorded
from csp_contracts.ids import Kind
from csp_contracts.operations_v1 import OperationRequested
from csp_runtime.database import Database
from csp_runtime.errors import KeyAlreadyUsed
from csp_runtime.new_ids import new_id
from csp_runtime.operations.approvals import ApprovalsPort
from csp_runtime.problems import Problem
from csp_runtime.secret_box import SecretBox
from csp_runtime.store import Also, CommandKey, EventStore

CHANNEL = "csp_operations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """What is asked for. `payload` is private (personal data, seals' ids): sealed, and gone when the operation is settled.

    `deadline_at` is the moment from which it is not allowed any more; `match_keys` are what an observation of something new is compared with while a creation is open.
    """

    kind: str
    context: str
    target: dict[str, Any]
    meta: Meta
    subject: str | None = None
    base_version: int | None = None
    deadline_at: datetime | None = None
    payload: dict[str, Any] = field(default_factory=dict)
    match_keys: Sequence[str] = ()
    also: Sequence[Also] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """The operation that answers a command; `is_replay` where the key was used before."""

    operation_id: str
    version: int
    is_replay: bool = False


class Operations:
    """The operations of one service."""

    def __init__(
        self, store: EventStore, database: Database, box: SecretBox, approvals: ApprovalsPort
    ) -> None:
        self._store = store
        self._database = database
        self._box = box
        self._approvals = approvals

    async def begin(self, beginning: Beginning, *, key: CommandKey | None, now: datetime) -> Begun:
        """Record the operation.

        Raises `KeyReused` for the key with another body, and a `Problem` of type `operation-in-progress` where the
        resource has an open one. The same key again answers with the first operation.
        """
        operation_id = new_id(Kind.OPERATION)
        needs_approval = await self._approvals.is_needed(beginning.kind, beginning.target, beginning.meta)
        requested = Recorded(
            stream=operation_id,
            version=1,
            data=OperationRequested(
                operation_id=operation_id,
                kind=beginning.kind,
                context=beginning.context,
                target=beginning.target,
                subject=beginning.subject,
                base_version=beginning.base_version,
                deadline_at=beginning.deadline_at,
                requires_approval=needs_approval,
            ),
            meta=beginning.meta,
        )
        answered = None
        if key is not None:
            answered = CommandKey(
                caller=key.caller,
                key=key.key,
                request_digest=key.request_digest,
                answer={"operation_id": operation_id},
                at=now,
            )
        try:
            await self._store.save(
                [requested],
                key=answered,
                also=[self._open(operation_id, beginning, needs_approval=needs_approval), *beginning.also],
            )
        except KeyAlreadyUsed as replay:
            if replay.code == "idempotency-key-reused":
                raise
            return Begun(operation_id=replay.answer["operation_id"], version=1, is_replay=True)
        except Exception as fault:
            if _breaks_one_open(fault):
                raise await self._in_progress(beginning.meta.reseller, beginning.subject) from None
            raise
        return Begun(operation_id=operation_id, version=1)

    def _open(self, operation_id: str, beginning: Beginning, *, needs_approval: bool) -> Also:
        sealed = None
        if beginning.payload:
            sealed = self._box.seal(json.dumps(beginning.payload).encode(), f"operation/{operation_id}")

        def insert(cursor: Cursor[DictRow]) -> None:
            cursor.execute(
                "insert into open_operations (operation_id, reseller_id, tenant_id, kind, subject, step, due_at, "
                "requested_at, match_keys, sealed_payload) values (%s, %s, %s, %s, %s, '', %s, %s, %s, %s) returning 1",
                [
                    operation_id,
                    beginning.meta.reseller,
                    beginning.meta.tenant,
                    beginning.kind,
                    beginning.subject,
                    "infinity" if needs_approval else "-infinity",
                    beginning.meta.recorded_at,
                    list(beginning.match_keys),
                    sealed,
                ],
            )
            cursor.fetchone()
            cursor.execute("select pg_notify(%s, '')", [CHANNEL])

        return insert

    async def _in_progress(self, reseller: str, subject: str | None) -> Problem:
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "select operation_id from open_operations where reseller_id = %s and subject = %s",
                [reseller, subject],
            )
            row = await cursor.fetchone()
        return Problem(
            "operation-in-progress",
            "Another operation on this resource is not settled yet",
            extra={"operation": f"/v1/operations/{row['operation_id']}"} if row else {},
            retry_after=1,
        )

    async def open_on(self, reseller: str, subject: str) -> str | None:
        """The id of the open operation on a resource, if there is one."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "select operation_id from open_operations where reseller_id = %s and subject = %s",
                [reseller, subject],
            )
            row = await cursor.fetchone()
        return None if row is None else str(row["operation_id"])

    async def last_write(self, resource: str) -> datetime | None:
        """When an operation last wrote to a resource: earlier readings of it do not count, None when none did."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "select written_at from last_writes where resource = %s", [resource]
            )
            row = await cursor.fetchone()
        return None if row is None else row["written_at"]

    async def open_matching(self, reseller: str, keys: Sequence[str]) -> str | None:
        """The open creation that one of these keys names (order id, correlation id), oldest first."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "select operation_id from open_operations where reseller_id = %s and match_keys && %s "
                "order by requested_at limit 1",
                [reseller, list(keys)],
            )
            row = await cursor.fetchone()
        return None if row is None else str(row["operation_id"])


def _breaks_one_open(fault: Exception) -> bool:
    cause = fault.__cause__ if isinstance(fault.__cause__, psycopg.Error) else fault
    return (
        isinstance(cause, psycopg.Error) and cause.diag.constraint_name == "one_open_operation_per_resource"
    )
