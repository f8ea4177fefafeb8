"""Subscriptions that hang on each other: add-ons on their base, split-off seats on their source, transfers on what was.

Each is folded alone. Before that, its link becomes plain data: the charge cycle and term it takes over, and the facts
of its base that hold for it too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import assert_never

from csp_billing.domain import facts as f
from csp_billing.domain.fold import fold
from csp_billing.domain.plain import Plain, state_of
from csp_billing.domain.price_book import PriceBook
from csp_billing.domain.rules import Rules
from csp_billing.domain.state import State
from csp_commerce_rules.charge_cycles import MONTHS, grid_from
from csp_commerce_rules.seat_lots import take

# What happens to a base also happens to its add-ons (6.1): suspended with it, renewed with it, ended with it.
_SHARED = f.Suspended | f.Cancelled | f.Expired | f.TransferredOut | f.AnchorMoved | f.AutoRenewSet


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that bills one subscription: its facts, rules and prices."""

    subscription: str
    facts: tuple[f.Fact, ...]
    rules: Rules
    price_book: PriceBook


def linked(stories: Mapping[str, Story]) -> dict[str, Story]:
    """The same stories with every link resolved. Links to unknown subscriptions are left as plain starts."""
    if len(stories) < 2 or not any(
        isinstance(fact, f.Started) and fact.link for story in stories.values() for fact in story.facts
    ):
        return dict(stories)
    departures = _departures(stories)
    open_stories = {
        name: replace(story, facts=(*story.facts, *departures[name])) if name in departures else story
        for name, story in stories.items()
    }
    done: dict[str, Story] = {}
    for name in open_stories:
        _resolve(name, open_stories, done, frozenset())
    return {name: done[name] for name in stories}


def _departures(stories: Mapping[str, Story]) -> dict[str, list[f.TransferredOut]]:
    """A predecessor ends on the day its successor begins (R9.10)."""
    leaving: dict[str, list[f.TransferredOut]] = {}
    for story in stories.values():
        for fact in story.facts:
            if isinstance(fact, f.Started) and fact.link is not None and fact.link.kind == "transfer":
                left = f.TransferredOut(
                    id=fact.id, seq=fact.seq, day=fact.day, recorded=fact.recorded, at=fact.at
                )
                leaving.setdefault(fact.link.subscription, []).append(left)
    return leaving


def _resolve(name: str, stories: dict[str, Story], done: dict[str, Story], above: frozenset[str]) -> None:
    if name in done:
        return
    story = stories[name]
    facts: list[f.Fact] = []
    shared: list[f.Fact] = []
    for fact in story.facts:
        link = fact.link if isinstance(fact, f.Started) else None
        if not isinstance(fact, f.Started) or link is None or link.subscription in above | {name}:
            facts.append(fact)
            continue
        if link.subscription not in stories:
            facts.append(fact)
            continue
        _resolve(link.subscription, stories, done, above | {name})
        other = done[link.subscription]
        facts.append(_begin_like(fact, link, other))
        if link.kind == "addon":
            shared.extend(_shared(other, fact))
    done[name] = replace(story, facts=tuple(sorted((*facts, *shared), key=lambda fact: (fact.day, fact.seq))))


def _begin_like(fact: f.Started, link: f.Link, other: Story) -> f.Started:
    state = _state_before(other, fact)
    if state.status not in {"active", "suspended"}:
        return fact
    alignment = f.Alignment(
        grid=state.grid,
        paid_from=state.basis,
        cycle_end=state.cycle_end,
        cycle_days=state.cycle_days,
        frequency=state.frequency,
        term_end=state.term_end,
        free=state.free,
    )
    if fact.paid_until is not None and fact.paid_until != state.cycle_end:
        alignment = _ending_on(fact.paid_until, fact.day, alignment)
    match link.kind:
        case "addon":
            return replace(fact, alignment=replace(alignment, suspended=state.status == "suspended"))
        case "moved":
            # 8.1: a partial upgrade inherits the window of its source.
            _, taken = take(state.lots, fact.quantity, fact.instant)
            return replace(
                fact,
                quantity=min(fact.quantity, state.quantity),  # what is not there cannot be billed on
                alignment=alignment,
                lots=taken,
                window_from=state.window_from,
            )
        case "transfer":
            return replace(
                fact, alignment=alignment, converted=True, lots=state.lots, window_from=state.window_from
            )
        case _:
            assert_never(link.kind)


def _ending_on(cycle_end: int, day: int, like: f.Alignment) -> f.Alignment:
    """A successor whose running cycle is told to end elsewhere: a stub of the cycle that ends there (D-11)."""
    grid = grid_from(cycle_end, MONTHS[like.frequency])
    start, end = grid.cycle(day)
    return replace(like, grid=grid, cycle_end=end, cycle_days=end - start)


def _state_before(story: Story, fact: f.Fact) -> State:
    """The other subscription on the fact's day, as it was just before it."""
    earlier = [other for other in story.facts if (other.day, other.seq) < (fact.day, fact.seq)]
    _, checkpoint, _ = fold(
        story.subscription,
        earlier,
        None,
        fact.day,
        rules=story.rules,
        price_book=story.price_book,
        keep_windows=True,
    )
    return state_of(checkpoint) if isinstance(checkpoint, Plain) else checkpoint


def _shared(base: Story, addon: f.Started) -> list[f.Fact]:
    shared: list[f.Fact] = []
    for fact in base.facts:
        if (fact.day, fact.seq) <= (addon.day, addon.seq):
            continue
        if isinstance(fact, f.Reactivated):
            shared.append(replace(fact, quantity=None))
        elif isinstance(fact, f.BillingPlanChanged) and base.rules.legacy:
            shared.append(replace(fact, product=None))  # 8.6: legacy changes the plan of the whole order
        elif isinstance(fact, _SHARED):
            shared.append(fact)
    return shared
