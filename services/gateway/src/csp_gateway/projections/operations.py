"""Operations: where each command stands."""

from collections.abc import Sequence
from typing import Any

from csp_contracts.envelope import Recorded
from csp_contracts.ids import Kind, uuid_of
from csp_contracts.operations_v1 import (
    OperationApproved,
    OperationPostponed,
    OperationProgressed,
    OperationRejected,
    OperationRequested,
    OperationSubmitted,
    OperationSucceeded,
    OperationUncertain,
)
from csp_gateway.operations import CHANNEL
from csp_gateway.projections.writing import as_text
from csp_runtime.database import Connection

DEADLINE_PASSED = "deadline-passed"
THROTTLED = "microsoft-throttled"
NOT_ALL_SOLD = "Microsoft did not sell every line of this order"


async def show(tx: Connection, event: Recorded[Any]) -> None:
    """Write what an event means for this screen."""
    match event.data:
        case OperationRequested() as data:
            await _requested(tx, event, data)
        case OperationApproved():
            await _state(tx, event, "pending")
        case OperationSubmitted() as data:
            await _state(tx, event, "running")
            await _step(tx, event, data.step, status="running", attempts=data.attempt, next_attempt_at=None)
        case OperationProgressed() as data:
            await _state(tx, event, "running")
            await _step(tx, event, data.step, status="succeeded", next_attempt_at=None)
        case OperationUncertain() as data:
            await _state(tx, event, "waiting_upstream")
            await _waits(tx, event, data, data.attempt)
        case OperationPostponed() as data:
            await _state(tx, event, "waiting_upstream")
            await _waits(tx, event, data, data.tries)
        case OperationSucceeded() as data:
            await _state(tx, event, "succeeded")
            await _succeeded(tx, event, data)
        case OperationRejected() as data:
            await _state(tx, event, "expired" if data.code == DEADLINE_PASSED else "failed")
            await _failed(tx, event, data)


async def tell(tx: Connection, events: Sequence[Recorded[Any]]) -> None:
    """Wake who waits for the end of an operation, once these rows are committed."""
    if any(event.stream.startswith(f"{Kind.OPERATION}_") for event in events):
        await tx.execute("select pg_notify(%s, '')", [CHANNEL])


async def _requested(tx: Connection, event: Recorded[Any], data: OperationRequested) -> None:
    at = event.meta.recorded_at
    # What all its calls carry at Microsoft, and what stands in the audit log there.
    refs = {"microsoft_correlation_id": str(uuid_of(data.operation_id))}
    await tx.execute(
        "insert into operations (operation_id, reseller_id, customer_id, kind, status, subject, requested_by, reason, "
        "ticket, correlation_id, deadline_at, origin, external_refs, steps, resources, token, version, requested_at, "
        "updated_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, '[]', '[]', %s, %s, %s, %s) "
        "on conflict do nothing",
        [
            data.operation_id,
            event.meta.reseller,
            event.meta.customer,
            data.kind,
            "waiting_approval" if data.requires_approval else "pending",
            data.subject,
            event.meta.actor,
            event.meta.reason,
            event.meta.ticket,
            event.meta.correlation_id,
            data.deadline_at,
            str(event.meta.origin),
            as_text(refs),
            as_text({data.operation_id: event.version}),
            event.version,
            at,
            at,
        ],
    )


async def _state(tx: Connection, event: Recorded[Any], status: str) -> None:
    await tx.execute(
        "update operations set status = %s, version = %s, updated_at = %s, token = token || %s::jsonb "
        "where reseller_id = %s and operation_id = %s",
        [
            status,
            event.version,
            event.meta.recorded_at,
            as_text({event.stream: event.version}),
            event.meta.reseller,
            event.stream,
        ],
    )


async def _step(tx: Connection, event: Recorded[Any], step: str, **changes: Any) -> None:
    await tx.execute(
        "update operations set steps = with_step(steps, %s, %s) where reseller_id = %s and operation_id = %s",
        [step, as_text(changes), event.meta.reseller, event.stream],
    )


async def _waits(
    tx: Connection, event: Recorded[Any], data: OperationUncertain | OperationPostponed, attempts: int
) -> None:
    code = "upstream_throttled" if data.because == THROTTLED else "upstream_unavailable"
    await _step(
        tx,
        event,
        data.step,
        status="waiting_upstream",
        attempts=attempts,
        next_attempt_at=data.next_attempt_at,
        last_problem={"code": code, "detail": data.because},
    )


async def _succeeded(tx: Connection, event: Recorded[Any], data: OperationSucceeded) -> None:
    """What of an order was not sold is told with what was."""
    missing = data.result.get("not_ordered")
    problem = {"code": "upstream_rejected", "title": NOT_ALL_SOLD, "lines": missing} if missing else None
    await tx.execute(
        "update operations set resources = %s, problem = %s, token = token || %s::jsonb, "
        "steps = ended_steps(steps, 'succeeded') where reseller_id = %s and operation_id = %s",
        [
            as_text(data.resources),
            None if problem is None else as_text(problem),
            as_text(data.versions),
            event.meta.reseller,
            event.stream,
        ],
    )


async def _failed(tx: Connection, event: Recorded[Any], data: OperationRejected) -> None:
    """What was under way has failed with it; the code is spelled as in all problems that the API shows."""
    problem = {**data.problem, "code": data.code.replace("-", "_"), "title": data.title}
    await tx.execute(
        "update operations set problem = %s, steps = ended_steps(steps, 'failed') "
        "where reseller_id = %s and operation_id = %s",
        [as_text(problem), event.meta.reseller, event.stream],
    )
