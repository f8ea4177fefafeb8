"""Which facts hold, given everything that is known: doubles dropped, withdrawals and corrected times applied (R9.5 to R9.8)."""

from collections.abc import Iterable
from dataclasses import replace
from operator import attrgetter

from csp_billing.domain.facts import Fact, TimeCorrected, Withdrawn

_ABOUT_OTHERS = (Withdrawn, TimeCorrected)
_order = attrgetter("day", "seq")


def holding(facts: Iterable[Fact]) -> list[Fact]:
    """The facts that hold, each at the time last known for it, in order of (day, seq).

    The same id twice is one fact delivered twice. Of several corrections of one fact the one that became known last
    counts; a withdrawn correction counts no more. Any order of delivery gives the same result.
    """
    once: dict[str, Fact] = {}
    for fact in facts:
        known = once.get(fact.id)
        if known is None or fact.seq < known.seq:
            once[fact.id] = fact
    if not any(isinstance(fact, _ABOUT_OTHERS) for fact in once.values()):
        return sorted(once.values(), key=_order)
    withdrawn = _withdrawn([fact for fact in once.values() if isinstance(fact, Withdrawn)])
    kept = [fact for fact in once.values() if fact.id not in withdrawn]
    corrections: dict[str, TimeCorrected] = {}
    for fact in sorted(kept, key=lambda fact: fact.seq):
        if isinstance(fact, TimeCorrected):
            corrections[fact.ref] = fact
    held = [_moved(fact, corrections.get(fact.id)) for fact in kept if not isinstance(fact, _ABOUT_OTHERS)]
    return sorted(held, key=_order)


def _withdrawn(withdrawals: list[Withdrawn]) -> set[str]:
    """Ids withdrawn; a withdrawal can itself be withdrawn by a later one."""
    gone: set[str] = set()
    for withdrawal in sorted(withdrawals, key=lambda fact: -fact.seq):
        if withdrawal.id not in gone:
            gone.update(withdrawal.refs)
    return gone


def _moved(fact: Fact, correction: TimeCorrected | None) -> Fact:
    return fact if correction is None else replace(fact, day=correction.day, at=correction.at)
