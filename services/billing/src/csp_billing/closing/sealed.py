"""Final reports that are not issued yet. They lie with the shard that settled them, so that a report's row is written once."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
import psycopg

from csp_billing.domain.rules import Ledger

STILL_CLOSING = (
    "exists (select from close_shards where cycle_id = %s and (done_at is null or sealed is not null))"
)
"""Whether shards of a cycle are undone, or not all of what they sealed is issued."""


class Sealed(NamedTuple):
    """A final report of a window, but for its number; `net` in minor units. They are numbered in the order of these fields."""

    ledger: Ledger
    customer_id: str
    currency: str
    report_id: str
    customer_name: str
    net: int
    lines: int
    sha256: str
    engine: str


def sealed_text(reports: Iterable[Sealed]) -> str | None:
    """Reports as they are stored with their shard; None for none."""
    found = list(reports)
    return msgspec.json.encode(found).decode() if found else None


def sealed_of(connection: psycopg.Connection, cycle_id: str) -> list[Sealed] | None:
    """Everything that the shards of a cycle have sealed, in order; None while one of them is not done."""
    found: list[Sealed] = []
    for is_done, text in connection.execute(
        "select done_at is not null, sealed from close_shards where cycle_id = %s", [cycle_id]
    ):
        if not is_done:
            return None
        if text is not None:
            found += _decoder.decode(text)
    return sorted(found)


_decoder = msgspec.json.Decoder(list[Sealed])
