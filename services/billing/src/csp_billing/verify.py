"""`csp billing verify`: folds every subscription from its first event and compares with what the closes have stored.

Two promises are held: the sum of what was issued is what one fold says, key by key; and each stored position is the
one that the fold comes to, so that the next close goes on from the truth.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import psycopg

from csp_billing.adapters.ledger_reader import LedgerReader
from csp_billing.close_days import CloseDays
from csp_billing.closing.cycles import close_days
from csp_billing.domain.delta import delta
from csp_billing.positions import Position, pack_position
from csp_billing.settling import LEDGERS, Known, Log, begin_anew

SUBSCRIPTIONS_AT_ONCE = 2_000


@dataclass(slots=True)
class Verified:
    """How many subscriptions were folded, and a sentence for each difference."""

    subscriptions: int = 0
    differences: list[str] = field(default_factory=list)


def verify(
    connection: psycopg.Connection, reseller: str, *, progress: Callable[[int, int], None] | None = None
) -> Verified:
    """Fold everything of a reseller that was closed. Reads one snapshot and writes nothing; tells how far it is."""
    result = Verified()
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        days = close_days(connection, reseller)
        reader = LedgerReader(connection, reseller, 2**62)
        names = every_subscription(connection, reseller)
        for start in range(0, len(names), SUBSCRIPTIONS_AT_ONCE):
            _verify(reader, names[start : start + SUBSCRIPTIONS_AT_ONCE], days, result)
            if progress is not None:
                progress(result.subscriptions, len(names))
    return result


def every_subscription(connection: psycopg.Connection, reseller: str) -> list[str]:
    """All subscriptions of a reseller, ordered."""
    rows = connection.execute(
        "select subscription_id from subscriptions where reseller_id = %s order by subscription_id",
        [reseller],
    )
    return [row[0] for row in rows]


def _verify(reader: LedgerReader, names: Sequence[str], days: CloseDays, result: Verified) -> None:
    families = reader.families(names)
    log = reader.log(sorted(set(names).union(*families.values())))
    was = reader.issued(names)
    for name in names:
        for ledger in LEDGERS:
            stored = log.positions.get(name, {}).get(ledger, ())
            if not stored:
                continue
            position = stored[-1]
            members = log.of(families.get(name, frozenset((name,))))
            until, watermark = position.checkpoint.day, position.watermark
            known = Log(_up_to(members.events, watermark), {})
            due = begin_anew([name], ledger, known, until=until, watermark=watermark, close_days=days)[name]
            issued = {key: each.issued for key, each in was.get((ledger, name), {}).items()}
            unposted = delta(due.lines, issued, 0)
            if unposted:
                key = unposted[0].line.key
                result.differences.append(f"{name} {ledger}: {len(unposted)} lines differ, first {key}")
            if _comparable(due.position) != _comparable(position):
                result.differences.append(f"{name} {ledger}: the position of {until} differs")
        result.subscriptions += 1


def _up_to(events: Mapping[str, Sequence[Known]], watermark: int) -> dict[str, list[Known]]:
    return {name: [each for each in known if each.arrival <= watermark] for name, known in events.items()}


def _comparable(position: Position) -> str:
    """A position as its bytes, without the prices that no future asks for any more."""
    return pack_position(position._replace(prices=None))
