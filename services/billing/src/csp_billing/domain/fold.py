"""The story of one subscription, day by day: facts and calendar boundaries in, should-be lines out.

`fold` goes on from a checkpoint, so that a close never reads a subscription's past; from the first event it gives the
same lines, which `verify` and a property test hold it to.
"""

from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter

from csp_billing.domain import facts as f
from csp_billing.domain.changes import apply
from csp_billing.domain.corrections import credit, finds_line, register_edits, split_at_prices
from csp_billing.domain.cycles import leave_cycle, next_cycle, renew
from csp_billing.domain.groups import recognise
from csp_billing.domain.lines import Line
from csp_billing.domain.plain import Checkpoint, Plain, advance, plain_of, state_of
from csp_billing.domain.price_book import PriceBook
from csp_billing.domain.rules import Rules
from csp_billing.domain.run import Run
from csp_billing.domain.state import Rejection, State, copy_of, settle_down
from csp_billing.domain.suspensions import give_back_first_day


def fold(
    subscription: str,
    facts: Sequence[f.Fact],
    checkpoint: Checkpoint | None,
    until: int,
    *,
    rules: Rules,
    price_book: PriceBook,
    history: bool = False,
    owned: bool = False,
    keep_windows: bool = False,
) -> tuple[list[Line], Checkpoint, list[Rejection]]:
    """Fold the facts after a checkpoint (None: from the beginning) up to and including day `until`.

    `facts` are those of this subscription with a day after the checkpoint's, in any order. Returns the should-be lines
    posted after the checkpoint up to `until`, in the order they arise; the new checkpoint; and refused commands. A checkpoint
    that is `owned` is used up: nobody else may look at it afterwards. `keep_windows`: also those that close before the day is over.
    """
    lines: list[Line] = []
    ordered = sorted(facts, key=_order)
    if isinstance(checkpoint, Plain):
        if not ordered or not history:  # nothing happens before the first fact
            lines, checkpoint = advance(subscription, checkpoint, ordered[0].day - 1 if ordered else until)
        if checkpoint.day == until and not ordered:
            return lines, checkpoint, []
        state = state_of(checkpoint)
    else:
        state = State() if checkpoint is None else checkpoint if owned else copy_of(checkpoint)
    run = Run(subscription, rules, price_book, state, history=history)
    run.lines, state.deferred = [*lines, *state.deferred], []
    position = 0
    while True:
        last = ordered[position].day - 1 if position < len(ordered) else until
        if (
            state.cycle_end <= last
            and state.status == "active"
            and (plain := _pass_quiet_cycles(run, last, until)) is not None
        ):
            if plain.day == until:
                return run.lines, plain, run.rejections
            state = run.state = state_of(plain)
        day = _next_day(state, ordered, position, until)
        if day > until:
            break
        first = position
        while position < len(ordered) and ordered[position].day == day:
            position += 1
        _fold_day(run, day, ordered[first:position])
    state.day = until
    state.deferred = [line for line in run.lines if line.posted > until]
    due = [line for line in run.lines if line.posted <= until] if state.deferred else run.lines
    if not keep_windows:
        settle_down(state)
    plain = None if history else plain_of(state, rules)  # a Plain knows one charge alone
    return due, plain or state, run.rejections


def _pass_quiet_cycles(run: Run, last: int, until: int) -> Plain | None:
    """Charge cycles that begin up to a day before which no fact comes, the cheap way where the state is plain.

    The same as a checkpoint at the end of the running cycle. Not worth its price for a single cycle in the middle.
    """
    state = run.state
    if len(state.charges) != 1 or run.history:
        return None
    if last < until and last - state.cycle_end < state.cycle_days:
        return None
    day = state.cycle_end - 1
    if any(line.posted > day for line in run.lines):
        return None
    state.day = day
    settle_down(state)
    plain = plain_of(state, run.rules)
    if plain is None:
        return None
    lines, plain = advance(run.subscription, plain, last)
    run.lines += lines
    return plain


def _next_day(state: State, facts: Sequence[f.Fact], position: int, until: int) -> int:
    day = facts[position].day if position < len(facts) else until + 1
    if state.status in {"active", "suspended"}:
        day = min(day, state.cycle_end)
        if state.recognise_on is not None:
            day = min(day, state.recognise_on)
    return day


def _fold_day(run: Run, day: int, facts: list[f.Fact]) -> None:
    """One day. A credit counts in the order of the facts where its line is there by then; else when the day has made its lines."""
    state = run.state
    credited: set[str] = set()
    priced = register_edits(run, facts)
    if state.status in {"active", "suspended"} and day == state.cycle_end:
        _fold_boundary(run, day, facts)
    else:
        by_pairs = run.rules.change_style == "refund_and_recharge_remaining"
        facts = _begun_late(facts) if state.status == "new" and len(facts) > 1 else facts
        deciding = max((i for i, fact in enumerate(facts) if isinstance(fact, _OVERRULING)), default=0)
        for i, fact in enumerate(facts):
            # D-18: a change recorded after its day leaves no pair of its own where a later one of that day decides.
            silent = by_pairs and i < deciding and isinstance(fact, f.QuantityChanged) and fact.late
            apply(run, fact, silent=silent)
            if isinstance(fact, f.Credited) and not priced and finds_line(run, fact):
                credit(run, fact)
                credited.add(fact.id)
        if state.recognise_on == day:
            recognise(run, day, rest=True)
    split_at_prices(run, facts)
    for fact in facts:
        if isinstance(fact, f.Credited) and state.status != "new" and fact.id not in credited:
            credit(run, fact)


def _fold_boundary(run: Run, day: int, facts: list[f.Fact]) -> None:
    """A cycle ends and the next begins: settle the old one, apply the day's facts, then charge the new state (section 7)."""
    state = run.state
    if state.recognise_on is not None:
        recognise(run, day, rest=False)
    for fact in facts:
        if isinstance(fact, f.Cancelled):
            give_back_first_day(run, fact)
    leave_cycle(run)
    run.between = True
    observed = next((fact for fact in reversed(facts) if isinstance(fact, f.Renewed)), None)
    renewed = state.term_end is not None and day >= state.term_end
    if renewed or observed is not None:
        renew(run, day, observed)
        renewed = True
    elif state.term_end is None and state.schedule is not None and state.auto_renew:
        _apply_schedule(run, day)
    for fact in facts:
        if state.status != "ended":
            apply(run, fact)
    if state.status == "ended":
        state.cycle += 1
    else:
        next_cycle(run, day, renewed=renewed)
    run.between = False


def _apply_schedule(run: Run, day: int) -> None:
    """Without a term each charge cycle stands alone, so its next start is the renewal that a change waits for."""
    term = run.state.term
    renew(run, day, None)
    run.state.term, run.state.term_end = term, None


def _begun_late(facts: list[f.Fact]) -> list[f.Fact]:
    """D-18 for the first day: a start recorded late begins with the last quantity that was recorded late for that day."""
    for i, fact in enumerate(facts):
        if isinstance(fact, f.Started) and fact.late:
            while i + 1 < len(facts) and isinstance(later := facts[i + 1], f.QuantityChanged) and later.late:
                fact = replace(fact, quantity=later.quantity)  # noqa: PLW2901  # the start as it is then
                facts = [*facts[:i], fact, *facts[i + 2 :]]
            break
    return facts


_OVERRULING = (f.QuantityChanged, f.ProductChanged)
_order = attrgetter("day", "seq")
