"""What a consumer knows of itself: positions, versions, parked streams, dead letters. All in its own schema."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import Cursor
from psycopg.rows import DictRow

from csp_contracts.envelope import Recorded
from csp_runtime.database import Connection
from csp_runtime.errors import NotAsAssumed, PositionMoved
from csp_runtime.feed import Batch, FeedRecord
from csp_runtime.store import Also

GAP, RULE, RETRY = "gap", "rule", "retry"
"""Why a stream is parked: a version is missing; a rule raised, and a person must decide; a person said: again."""

Unreadable = Sequence[tuple[FeedRecord, str, str]]

# One round trip: what was assumed of the streams, the position by compare-and-set, the versions, and who waits for them is
# told at commit. A new source begins at 0; anything else must find the row where the batch began. Versions are looked up
# stream by stream: in a join the planner may read all that this consumer knows, and each batch costs more than the one before.
_ADVANCE = """
with assumed as materialized (
    select not exists (
        select from unnest(%(assumed)b::text[], %(after)b::bigint[]) as assumed (stream, version)
        where assumed.version <> coalesce(
            (select version from known_versions where consumer = %(consumer)s and stream = assumed.stream), 0
        ) or assumed.stream = any (array(select stream from parked_streams where consumer = %(consumer)s))
    ) as holds
), advanced as (
    insert into positions (consumer, source, next_offset)
    select %(consumer)s, %(source)s, %(next)s
    where %(from)s = 0 or exists (select from positions where consumer = %(consumer)s and source = %(source)s)
    on conflict (consumer, source) do update set next_offset = excluded.next_offset
    where positions.next_offset = %(from)s
    returning 1
), remembered as (
    insert into known_versions (consumer, stream, version)
    select %(consumer)s, s, v from unnest(%(streams)b::text[], %(versions)b::bigint[]) as new (s, v)
    on conflict (consumer, stream) do update set version = excluded.version
    where known_versions.version < excluded.version
)
select (select holds from assumed) as holds, exists (select from advanced) as advanced,
    (select pg_notify('csp_known', %(consumer)s) where cardinality(%(streams)b::text[]) > 0) as told
"""
_STANDING = (
    "select stream, coalesce((select version from known_versions "
    "where consumer = %(consumer)s and stream = asked.stream), 0) as version, "
    "stream = any (array(select stream from parked_streams where consumer = %(consumer)s)) as parked "
    "from unnest(%(streams)b::text[]) as asked (stream)"
)
_DEAD_LETTER = (
    "insert into dead_letters (consumer, source, source_offset, stream, version, type, code, detail) "
    "values (%s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing"
)
_PARK = (
    "insert into parked_streams (consumer, stream, context, reason) values (%s, %s, %s, %s) "
    "on conflict (consumer, stream) do update set reason = excluded.reason"
)


async def position(connection: Connection, consumer: str, source: str) -> int:
    """Where this consumer goes on in a source; 0 for a new one."""
    cursor = await connection.execute(
        "select next_offset from positions where consumer = %s and source = %s", [consumer, source]
    )
    row = await cursor.fetchone()
    return 0 if row is None else int(row["next_offset"])


async def positions(connection: Connection, consumer: str) -> dict[str, int]:
    """Where this consumer goes on in each source that it has read."""
    cursor = await connection.execute(
        "select source, next_offset from positions where consumer = %s", [consumer]
    )
    return {row["source"]: int(row["next_offset"]) for row in await cursor.fetchall()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A consumer's way through a batch: the versions it then knows, and those it is assumed to know before.

    What is assumed, the next statement proves; nothing where it was looked up.
    """

    consumer: str
    batch: Batch
    versions: Mapping[str, int]
    assumed: Mapping[str, int] = field(default_factory=dict)

    def check(self, row: DictRow | None) -> None:
        """What the statement answered: `NotAsAssumed`, or `PositionMoved` where the position is not at `read_from`."""
        if row is not None and not row["holds"]:
            raise NotAsAssumed(self.consumer)
        if row is None or not row["advanced"]:
            raise PositionMoved(self.batch.source)


async def advance(tx: Connection, step: Step) -> None:
    """Compare-and-set the position and raise the known versions; raises as `Step.check`, and then nothing must be written."""
    step.check(await (await tx.execute(_ADVANCE, _parameters(step), prepare=True)).fetchone())


def _parameters(step: Step) -> dict[str, object]:
    consumer, batch, versions = step.consumer, step.batch, step.versions
    return {
        "assumed": list(step.assumed),
        "after": list(step.assumed.values()),
        "consumer": consumer,
        "source": batch.source,
        "from": batch.read_from,
        "next": batch.next_offset,
        "streams": list(versions),
        "versions": list(versions.values()),
    }


async def standing(
    connection: Connection, consumer: str, streams: Sequence[str]
) -> tuple[dict[str, int], set[str]]:
    """The newest known version of each of these streams, 0 for a new one, and which of them are held back."""
    if not streams:
        return {}, set()
    parameters = {"consumer": consumer, "streams": list(streams)}
    rows = await (await connection.execute(_STANDING, parameters, prepare=True)).fetchall()
    return {row["stream"]: row["version"] for row in rows}, {row["stream"] for row in rows if row["parked"]}


async def known_versions(connection: Connection, consumer: str, streams: Sequence[str]) -> dict[str, int]:
    """The newest known version of each of these streams, 0 for a new one."""
    return (await standing(connection, consumer, streams))[0]


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
        await tx.execute(_PARK, [consumer, stream, context, RULE])


def reactor_state(step: Step, unreadable: Unreadable, gaps: Mapping[str, str]) -> Also:
    """The same writes as above, through the recorder's hook."""
    consumer, batch = step.consumer, step.batch

    def write(cursor: Cursor[DictRow]) -> None:
        cursor.execute(_ADVANCE, _parameters(step))
        step.check(cursor.fetchone())  # the recorder pipelines: only a fetch waits for the answer
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
            cursor.execute(_PARK, [consumer, stream, context, GAP])

    return write


def _dead_letter(consumer: str, batch: Batch, record: FeedRecord, code: str, detail: str) -> list[object]:
    return [consumer, batch.source, record.offset, record.stream, record.version, record.type, code, detail]
