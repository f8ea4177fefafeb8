"""What a consumer knows of itself: positions, versions, parked streams, dead letters. All in its own schema."""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import Cursor
from psycopg.rows import DictRow

from csp_contracts.envelope import Recorded
from csp_runtime.database import Connection
from csp_runtime.errors import PositionMoved
from csp_runtime.feed import Batch, FeedRecord
from csp_runtime.store import Also

Unreadable = Sequence[tuple[FeedRecord, str, str]]

# A new source begins at 0; anything else must find the row where the batch began.
_BEGIN = "insert into positions (consumer, source, next_offset) values (%s, %s, 0) on conflict do nothing"
_ADVANCE = "update positions set next_offset = %s where consumer = %s and source = %s and next_offset = %s returning 1"
_REMEMBER = (
    "insert into known_versions (consumer, stream, version) "
    "select %s, s, v from unnest(%s::text[], %s::bigint[]) as new (s, v) "
    "on conflict (consumer, stream) do update set version = excluded.version "
    "where known_versions.version < excluded.version"
)
_DEAD_LETTER = (
    "insert into dead_letters (consumer, source, source_offset, stream, version, type, code, detail) "
    "values (%s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing"
)
_PARK = "insert into parked_streams (consumer, stream, context, reason) values (%s, %s, %s, %s) on conflict do nothing"


async def position(connection: Connection, consumer: str, source: str) -> int:
    """Where this consumer goes on in a source; 0 for a new one."""
    cursor = await connection.execute(
        "select next_offset from positions where consumer = %s and source = %s", [consumer, source]
    )
    row = await cursor.fetchone()
    return 0 if row is None else int(row["next_offset"])


async def advance(tx: Connection, consumer: str, source: str, read_from: int, next_offset: int) -> None:
    """Compare-and-set the position; `PositionMoved` where it is not at `read_from`."""
    await tx.execute(_BEGIN, [consumer, source])
    cursor = await tx.execute(_ADVANCE, [next_offset, consumer, source, read_from])
    if await cursor.fetchone() is None:
        raise PositionMoved(source)


async def known_versions(connection: Connection, consumer: str, streams: Sequence[str]) -> dict[str, int]:
    """The newest known version of each of these streams."""
    if not streams:
        return {}
    cursor = await connection.execute(
        "select stream, version from known_versions where consumer = %s and stream = any(%s)",
        [consumer, list(streams)],
        prepare=True,
    )
    return {row["stream"]: row["version"] for row in await cursor.fetchall()}


async def remember_versions(tx: Connection, consumer: str, versions: Mapping[str, int]) -> None:
    """Raise the known versions; never lowers one."""
    if versions:
        await tx.execute(_REMEMBER, [consumer, list(versions), list(versions.values())], prepare=True)


async def put_aside(tx: Connection, consumer: str, batch: Batch, unreadable: Unreadable) -> None:
    """Dead letters for records that cannot be read: those of the feed, and those of the codec."""
    for lost in batch.unreadable:
        await tx.execute(
            _DEAD_LETTER,
            [
                consumer,
                batch.source,
                lost.offset,
                lost.stream,
                lost.version,
                lost.type,
                lost.code,
                lost.detail,
            ],
        )
    for record, code, detail in unreadable:
        await tx.execute(_DEAD_LETTER, _dead_letter(consumer, batch, record, code, detail))


async def park(tx: Connection, consumer: str, streams: Mapping[str, str], reason: str) -> None:
    """Hold streams (with their contexts) back until someone or something resolves them."""
    for stream, context in streams.items():
        await tx.execute(_PARK, [consumer, stream, context, reason])


async def unpark(tx: Connection, consumer: str, stream: str) -> None:
    """Let a stream flow again."""
    await tx.execute("delete from parked_streams where consumer = %s and stream = %s", [consumer, stream])


async def parked_among(connection: Connection, consumer: str, streams: Sequence[str]) -> set[str]:
    """Which of these streams are held back."""
    if not streams:
        return set()
    cursor = await connection.execute(
        "select stream from parked_streams where consumer = %s and stream = any(%s)",
        [consumer, list(streams)],
        prepare=True,
    )
    return {row["stream"] for row in await cursor.fetchall()}


async def parked_streams(connection: Connection, consumer: str) -> dict[str, tuple[str, str]]:
    """Every held-back stream with its context and the reason."""
    cursor = await connection.execute(
        "select stream, context, reason from parked_streams where consumer = %s", [consumer]
    )
    return {row["stream"]: (row["context"], row["reason"]) for row in await cursor.fetchall()}


async def dead_letter_streams(
    tx: Connection,
    consumer: str,
    context: str,
    batch: Batch,
    failed: Mapping[str, tuple[Recorded[Any], str, str]],
) -> None:
    """A dead letter for the first event whose rule raised, and its stream parked."""
    for stream, (event, code, detail) in failed.items():
        await tx.execute(
            _DEAD_LETTER,
            [
                consumer,
                batch.source,
                batch.read_from,
                stream,
                event.version,
                type(event.data).__name__,
                code,
                detail,
            ],
        )
        await tx.execute(_PARK, [consumer, stream, context, "rule"])


def reactor_state(
    consumer: str,
    batch: Batch,
    versions: Mapping[str, int],
    unreadable: Unreadable,
    gaps: Mapping[str, str],
) -> Also:
    """The same writes as above, through the recorder's hook."""

    def write(cursor: Cursor[DictRow]) -> None:
        cursor.execute(_BEGIN, [consumer, batch.source])
        cursor.execute(_ADVANCE, [batch.next_offset, consumer, batch.source, batch.read_from])
        # The recorder pipelines: only a fetch waits for the answer.
        if cursor.fetchone() is None:
            raise PositionMoved(batch.source)
        if versions:
            cursor.execute(_REMEMBER, [consumer, list(versions), list(versions.values())])
        for lost in batch.unreadable:
            cursor.execute(
                _DEAD_LETTER,
                [
                    consumer,
                    batch.source,
                    lost.offset,
                    lost.stream,
                    lost.version,
                    lost.type,
                    lost.code,
                    lost.detail,
                ],
            )
        for record, code, detail in unreadable:
            cursor.execute(_DEAD_LETTER, _dead_letter(consumer, batch, record, code, detail))
        for stream, context in gaps.items():
            cursor.execute(_PARK, [consumer, stream, context, "gap"])
        cursor.execute("select pg_notify('csp_known', %s)", [consumer])

    return write


def _dead_letter(consumer: str, batch: Batch, record: FeedRecord, code: str, detail: str) -> list[object]:
    return [consumer, batch.source, record.offset, record.stream, record.version, record.type, code, detail]
