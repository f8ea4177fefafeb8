"""Rate a story: append what each run knows, fold, subtract what was issued, post the difference."""

from dataclasses import dataclass, replace
from typing import Any

from csp_billing.domain import facts as f
from csp_billing.domain.conversions import MOVES_TOO_MANY
from csp_billing.domain.delta import Issued, Posting, delta, pending, remember, report_order
from csp_billing.domain.family import Story, linked
from csp_billing.domain.fold import fold
from csp_billing.domain.lines import Line, LineKey
from csp_billing.domain.overlay import holding
from csp_billing.domain.plain import Checkpoint
from csp_billing.domain.presentation import collapsed
from csp_billing.domain.price_book import PriceBook
from csp_billing.domain.rules import Rules, rules_for
from csp_billing.domain.state import Rejection
from csp_billing.rating.event_reading import Event
from csp_billing.rating.faults import StoryRefused
from csp_billing.rating.story_file import TAX_DIGITS, StoryFile
from csp_commerce_rules.charge_cycles import Frequency
from csp_commerce_rules.prices import PriceRow
from csp_commerce_rules.spreading import tax_of

_SALES_ONLY = (f.PriceEdited, f.Credited)
"""Facts that never touch cost (R5.4, R11.5)."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """What one run posts, in report order; amounts in minor units."""

    as_of: int
    postings: list[Posting]
    net: int
    tax: int | None


@dataclass(frozen=True, slots=True)
class Result:
    """The runs of a story, and the commands that a gate refused, by `seq`."""

    runs: list[RunResult]
    rejections: list[Rejection]


@dataclass(slots=True)
class _Book:
    """What is known of one subscription after a run: as far as nothing of it changes, the next run goes on from here."""

    told: Story
    checkpoint: Checkpoint
    issued: dict[LineKey, Issued]
    rejections: list[Rejection]


def rate(story: StoryFile) -> Result:
    """Rate a story run by run. Raises StoryRefused where a price is missing (R5.1, D-6) or seats move that are not there."""
    books: dict[str, _Book] = {}
    results: list[RunResult] = []
    known: list[Event] = []
    waiting = list(story.events)
    stories: dict[str, Story] = {}
    credited = _credited(story)
    before = 0
    for number, as_of in enumerate(story.runs, start=1):
        news, waiting = _known_now(waiting, number, as_of)
        if news or number == 1:
            known.extend(news)
            stories = linked(_stories(story, known))
        postings: list[Posting] = []
        for told in stories.values():
            postings.extend(_bill(told, books, before, as_of, story, credited))
        postings.sort(key=report_order)
        net = sum(posting.line.amount or 0 for posting in postings)
        if story.settings.collapses_pairs:
            postings = collapsed(postings)
        tax_rate = story.settings.tax_rate
        tax = None if tax_rate is None else tax_of(net, tax_rate, decimals=TAX_DIGITS)
        results.append(RunResult(as_of, postings, net, tax))
        before = as_of
    refused = [refusal for book in books.values() for refusal in book.rejections]
    if impossible := [refusal for refusal in refused if refusal.code == MOVES_TOO_MANY]:
        raise StoryRefused(_too_many_moved(impossible, story))
    return Result(results, sorted(refused, key=lambda refusal: refusal.seq))


def _known_now(waiting: list[Event], run: int, as_of: int) -> tuple[list[Event], list[Event]]:
    """The events that a run appends, and those that a later one will."""
    news: list[Event] = []
    later: list[Event] = []
    for event in waiting:
        known = event.recorded <= as_of and (event.after_run is None or event.after_run < run)
        (news if known else later).append(event)
    return news, later


def _bill(
    told: Story, books: dict[str, _Book], before: int, as_of: int, story: StoryFile, credited: set[str]
) -> list[Posting]:
    """Post one subscription's difference: from where the last run ended, or, where its past changed, from the start."""
    name = told.subscription
    book = books.get(name)
    goes_on = book is not None and _only_later(book.told, told, before)
    facts = [fact for fact in told.facts if fact.day > before] if goes_on else told.facts
    desired, checkpoint, refused = fold(
        name,
        [fact for fact in facts if fact.day <= as_of],
        book.checkpoint if book is not None and goes_on else None,
        as_of,
        rules=told.rules,
        price_book=told.price_book,
        history=name in credited,
    )
    if missing := pending(desired):
        raise StoryRefused(_missing_prices(missing, story))
    issued = book.issued if book is not None else {}
    posted = delta(desired, {} if goes_on else issued, before + 1)
    remember(issued, posted)
    rejections = [*book.rejections, *refused] if book is not None and goes_on else refused
    books[name] = _Book(told, checkpoint, issued, rejections)
    return posted


def _credited(story: StoryFile) -> set[str]:
    """The subscriptions of which the story ever credits a line, which may be one of a cycle long past."""
    return {
        name
        for event in story.events
        for name, fact in event.facts
        if isinstance(fact, f.Credited) and fact.line_of is not None
    }


def _only_later(before: Story, now: Story, day: int) -> bool:
    """Whether the facts up to a day, and the prices, are the same as they were."""
    if before is now:
        return True
    return (
        [fact for fact in before.facts if fact.day <= day] == [fact for fact in now.facts if fact.day <= day]
        and before.rules == now.rules
        and before.price_book.rows == now.price_book.rows
    )


def _stories(story: StoryFile, known: list[Event]) -> dict[str, Story]:
    """The known events, sorted out by subscription, with the rules and prices of each."""
    told: dict[str, list[f.Fact]] = {}
    begin: dict[tuple[str, str], Event] = {}
    for event in known:
        for name, fact in event.facts:
            if story.settings.ledger == "sell" or not isinstance(fact, _SALES_ONLY):
                told.setdefault(name, []).append(fact)
        if event.starts is not None:
            begin[event.starts, event.id] = event
    held = {name: holding(facts) for name, facts in told.items()}
    starts = {name: [fact for fact in facts if isinstance(fact, f.Started)] for name, facts in held.items()}
    begun = {name: begin[name, first[0].id] for name, first in starts.items() if first}
    for (
        name,
        _,
    ), event in begin.items():  # one whose start was withdrawn may have posted what is to be taken back
        begun.setdefault(name, event)
    rule_sets = {name: _rules(story, event) for name, event in begun.items()}
    stories: dict[str, Story] = {}
    changes = _price_changes(known)
    for name, event in begun.items():
        rules = rule_sets[name]
        source = next((fact.link.subscription for fact in starts[name] if fact.link is not None), None)
        if source is not None and source in rule_sets and event.rule_set is None:
            rules = rule_sets[source]
        rows = _rows(story, changes, name, max((fact.recorded for fact in starts[name]), default=0))
        listed = _listed(story, changes, name, rows) if rules.price_policy == "immediate_prorated" else []
        stories[name] = Story(name, (*held[name], *listed), rules, PriceBook(rows))
    return stories


def _rules(story: StoryFile, event: Event) -> Rules:
    rule_set = event.rule_set or story.rule_set
    calendar, settings = story.calendar, story.settings
    anchor_day = calendar.anchor_day
    if rule_set == "legacy_aligned" and calendar.anchor is None and anchor_day is None:
        anchor_day = calendar.close_day
    return rules_for(
        rule_set,
        frequency=calendar.frequency,
        term=settings.term,
        digits=story.digits,
        anchor=calendar.anchor,
        anchor_day=anchor_day,
        recognition=settings.recognition,
        change_style=settings.change_style,
        refund_policy=settings.refund_policy,
        price_policy=settings.price_policy,
        rounding=settings.rounding,
        microsoft_rounding=(
            settings.ledger == "cost" and rule_set == "nce"  # D-5
            if settings.microsoft_rounding is None
            else settings.microsoft_rounding
        ),
        free_stub=settings.free_stub,
        suspension_stops_billing=settings.suspension_stops_billing,
        upgrade_keeps_cycle=settings.upgrade_keeps_cycle,
        auto_renew=settings.auto_renew,
        month_end=settings.month_end,
        billing_from=settings.billing_from,
    )


def _price_changes(known: list[Event]) -> list[Event]:
    """The changes of the price lists that hold, on the days last known for them (R9.6, R9.8)."""
    changes = {event.id: event for event in known if event.price is not None}
    ids = {event.seq: event.id for event in known}
    told: list[f.Fact] = []
    for event in known if changes else ():
        common: dict[str, Any] = {"seq": event.seq, "day": event.day, "recorded": event.recorded}
        refs = tuple(ids[ref] for ref in event.refs if ref in ids)
        if event.price is not None:
            told.append(f.PriceListed(id=event.id, **common))
        elif event.name == "effective_time_corrected":
            told.extend(f.TimeCorrected(id=f"{event.id} of {ref}", ref=ref, **common) for ref in refs)
        elif refs:
            told.append(f.Withdrawn(id=event.id, refs=refs, **common))
    return [replace(changes[fact.id], day=fact.day) for fact in holding(told)]


def _rows(story: StoryFile, changes: list[Event], subscription: str, begun: int) -> list[PriceRow]:
    """Rows of the file, and those that price changes add: for the subscription they name, else for all.

    What was known when the subscription became known, on the day `begun`, was so for all of its locks.
    """
    rows = list(story.prices)
    for event in changes:
        change = event.price
        if change is None or event.subscription not in {None, subscription}:
            continue
        per: Frequency = change.per or story.calendar.frequency
        own = any(
            row.scope == "customer" and row.product == change.product and row.frequency == per for row in rows
        )
        rows.append(
            PriceRow(
                product=change.product,
                unit_price=change.unit_price,
                scope="customer" if own else "global",
                frequency=per,
                valid_from=event.day,
                listed_on=event.recorded if event.recorded > begun else None,
                ref=event.id,
                seq=event.seq,
            )
        )
    return rows


def _listed(story: StoryFile, changes: list[Event], subscription: str, rows: list[PriceRow]) -> list[f.Fact]:
    """Days on which a new price begins, where it applies at once (R5.3)."""
    changed = [
        f.PriceListed(id=event.id, seq=event.seq, day=event.day, recorded=event.recorded)
        for event in changes
        if event.subscription in {None, subscription}
    ]
    listed = [
        f.PriceListed(id=row.ref, seq=row.seq, day=row.valid_from, recorded=row.valid_from)
        for row in rows[: len(story.prices)]
        if row.valid_from is not None
    ]
    return [*changed, *listed]


def _too_many_moved(refused: list[Rejection], story: StoryFile) -> list[str]:
    paths = {event.id: event.path for event in story.events}
    return [f"{paths[refusal.fact]}.quantity: is more than the subscription has" for refusal in refused]


def _missing_prices(missing: list[Line], story: StoryFile) -> list[str]:
    """Name the entry that asks for a price which no list has; never bill zero instead."""
    faults: list[str] = []
    for line in missing:
        event = next((event for event in story.events if event.id in line.caused_by), None)
        where = f"{event.path}.product" if event is not None else "prices"
        faults.append(f'{where}: no price row for "{line.product}" fits (product, per, valid_from)')
    return list(dict.fromkeys(faults))
