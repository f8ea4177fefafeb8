"""The change feed for pollers: every event that a caller may see as a structured CloudEvent, in order of arrival here."""

from collections.abc import Sequence
from typing import Any

from csp_contracts.cloudevents import Envelope, to_structured
from csp_contracts.codec import encode_event
from csp_contracts.envelope import Recorded
from csp_contracts.registry import type_named
from csp_runtime.database import Connection

_LOCK = 7_206_554


async def append(tx: Connection, events: Sequence[Recorded[Any]]) -> None:
    """One statement a batch; an event that is there already stays once.

    Several processes write the feed: whoever has taken positions commits before another takes any, so that a poller that
    has seen a position never misses a smaller one. The last thing of a transaction: nothing may be waited for behind the lock.
    """
    await tx.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
    rows = [_row(event) for event in events]
    await tx.execute(
        "insert into feed (reseller_id, customer_id, visibility, type, body, event_id) "
        "select * from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::jsonb[], %s::text[]) "
        "on conflict (event_id) do nothing",
        [list(column) for column in zip(*rows, strict=True)],
    )


def _row(event: Recorded[Any]) -> tuple[str, str | None, str, str, str, str]:
    wire_name, data = encode_event(event.data)
    registered, meta = type_named(wire_name), event.meta
    envelope = Envelope(
        context=registered.context,
        wire_name=wire_name,
        stream=event.stream,
        version=event.version,
        meta=meta,
    )
    body = to_structured(envelope, data).decode()
    return meta.reseller, meta.customer, str(registered.visibility_of(data)), wire_name, body, event.event_id
