"""The change feed for pollers: every event that a caller may see, in order of arrival here."""

from collections.abc import Sequence
from typing import Any

from csp_contracts.envelope import Recorded
from csp_contracts.registry import type_of
from csp_gateway.projections.writing import as_text
from csp_runtime.database import Connection


async def append(tx: Connection, events: Sequence[Recorded[Any]]) -> None:
    """One statement a batch; an event that is there already stays once."""
    rows = [_row(event) for event in events]
    await tx.execute(
        "insert into feed (reseller_id, customer_id, visibility, type, body, event_id) "
        "select * from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::jsonb[], %s::text[]) "
        "on conflict (event_id) do nothing",
        [list(column) for column in zip(*rows, strict=True)],
    )


def _row(event: Recorded[Any]) -> tuple[str, str | None, str, str, str, str]:
    registered, meta = type_of(type(event.data)), event.meta
    body = {
        "specversion": "1.0",
        "id": event.event_id,
        "source": f"/csp/{registered.context}",
        "type": registered.wire_name,
        "subject": event.stream,
        "time": meta.effective_at,
        "recordedtime": meta.recorded_at,
        "sequence": f"{event.version:020d}",
        "origin": str(meta.origin),
        "partitionkey": meta.partition_key,
        "correlationid": meta.correlation_id,
        "causationid": meta.causation_id,
        "data": event.data,
    }
    visibility = str(registered.visibility)
    return meta.reseller, meta.customer, visibility, registered.wire_name, as_text(body), event.event_id
