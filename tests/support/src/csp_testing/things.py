"""A small made-up context, for tests of the runtime."""

from dataclasses import dataclass
from datetime import UTC, datetime

from csp_contracts.envelope import Meta, Recorded
from csp_contracts.ids import Kind
from csp_contracts.registry import event

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)


@event("csp.things.thing-counted.v1", stream=Kind.ORDER)
@dataclass(frozen=True, slots=True, kw_only=True)
class ThingCounted:
    """A number was counted."""

    number: int


def counted(stream: str, version: int, number: int | None = None) -> Recorded[ThingCounted]:
    """An event of a stream whose number is its version, unless told otherwise."""
    return Recorded(
        stream=stream,
        version=version,
        data=ThingCounted(number=version if number is None else number),
        meta=Meta(reseller="res_r", partition_key=stream, effective_at=NOW, recorded_at=NOW),
    )
