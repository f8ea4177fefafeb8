"""What `csp billing verify` does: folds every subscription from its first event and compares with what closes have stored.

Two promises are held: the sum of what was issued is what one fold says, key by key; and each stored position is the
one that the fold comes to, so that the next close goes on from the truth.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import psycopg

from csp_billing.adapters.ledger_reader import LedgerReader
from csp_billing.closing.cycles import close_days
from csp_billing.domain.delta import Issued, delta
from csp_billing.domain.lines import LineKey
from csp_billing.domain.rules import Ledger
from csp_billing.settling.close_days import CloseDays
from csp_billing.settling.positions import Position, pack_position
from csp_billing.settling.posting import LEDGERS, Due, Known, Log, begin_anew

SUBSCRIPTIONS_AT_ONCE = 2_000
ONE_SNAPSHOT = "set transaction isolation level repeatable read, read only"


@dataclass(slots=True)
class Verified:
    """How many subscriptions were folded, and a sentence for each difference."""

    subscriptions: int = 0
    differences: list[str] = field(default_factory=list)

    def add(self, part: "Verified") -> None:
        """Take in what was found in a part."""
        self.subscriptions += part.subscriptions
        self.differences += part.differences


def verify(connection: psycopg.Connection, reseller: str) -> Verified:
    """Fold everything of a reseller that was closed. Reads one snapshot and writes nothing."""
    result = Verified()
    with connection.transaction():
        connection.execute(ONE_SNAPSHOT)
        for names in parts(connection, reseller):
            result.add(verify_part(connection, reseller, names))
    return result


def parts(connection: psycopg.Connection, reseller: str) -> list[list[str]]:
    """All subscriptions of a reseller, so many at once as a fold holds in memory."""
    names = every_subscription(connection, reseller)
    return [
        names[start : start + SUBSCRIPTIONS_AT_ONCE] for start in range(0, len(names), SUBSCRIPTIONS_AT_ONCE)
    ]


def every_subscription(connection: psycopg.Connection, reseller: str) -> list[str]:
    """All subscriptions of a reseller, ordered."""
    rows = connection.execute(
        "select subscription_id from subscriptions where reseller_id = %s order by subscription_id",
        [reseller],
    )
    return [row[0] for row in rows]


def verify_part(connection: psycopg.Connection, reseller: str, names: Sequence[str]) -> Verified:
    """Fold some subscriptions, in the snapshot of the connection's transaction."""
    reader, days = LedgerReader(connection, reseller, 2**62), close_days(connection, reseller)
    result = Verified()
    families = reader.families(names)
    log = reader.log(sorted(set(names).union(*families.values())))
    was = reader.issued(names)
    corrected = reader.corrected_up_to(names)
    for name in names:
        members = log.of(families.get(name, frozenset((name,))))
        for ledger in LEDGERS:
            stored = log.positions.get(name, {}).get(ledger, ())
            if not stored:
                continue
            position = stored[-1]
            until = position.checkpoint.day
            due = _due(name, ledger, members, until, position.watermark, days)
            issued = {
                key: each.issued for key, each in was.get((ledger, name), {}).items() if each.due <= until
            }
            wrong = _differing(due, issued)
            if wrong and name in corrected:
                # What was issued to a former customer is corrected there, perhaps with later facts than its position has.
                wrong &= _differing(_due(name, ledger, members, until, corrected[name], days), issued)
            if wrong:
                result.differences.append(f"{name} {ledger}: {len(wrong)} lines differ, first {min(wrong)}")
            if _comparable(due.position) != _comparable(position):
                result.differences.append(f"{name} {ledger}: the position of {until} differs")
        result.subscriptions += 1
    return result


def _due(name: str, ledger: Ledger, log: Log, until: int, watermark: int, days: CloseDays) -> Due:
    """A fold from the first event, of what was known at a watermark."""
    known = Log(_up_to(log.events, watermark), {})
    return begin_anew([name], ledger, known, until=until, watermark=watermark, close_days=days)[name]


def _differing(due: Due, issued: Mapping[LineKey, Issued]) -> set[LineKey]:
    """Keys of lines that are not issued as they are due."""
    return {posting.undoes or posting.line.key for posting in delta(due.lines, issued, 0)}


def _up_to(events: Mapping[str, Sequence[Known]], watermark: int) -> dict[str, list[Known]]:
    return {name: [each for each in known if each.arrival <= watermark] for name, known in events.items()}


def _comparable(position: Position) -> str:
    """A position as its bytes, without the prices that no future asks for any more."""
    return pack_position(position._replace(prices=None, soon=None))
