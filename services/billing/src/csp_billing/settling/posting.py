"""From a position and what became known since, to what is to be posted: one subscription, one ledger, one window.

Nearly all subscriptions go on from their last position with the few facts that are new. The whole history is folded
anew, from the last position that no new fact reaches behind, only where a fact is late or corrected, where facts were
known ahead of their day, and where subscriptions hang on each other. Both ways give the same lines; `verify` and the
tests hold them to it.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from csp_billing.domain.delta import Posting, delta
from csp_billing.domain.facts import Fact, TimeCorrected
from csp_billing.domain.family import Story, linked
from csp_billing.domain.fold import fold
from csp_billing.domain.lines import Line, LineKey
from csp_billing.domain.plain import Plain, advance
from csp_billing.domain.price_book import PriceBook
from csp_billing.domain.rules import Ledger, Rules
from csp_billing.ports import ShownLine
from csp_billing.settling.close_days import CloseDays
from csp_billing.settling.positions import Position, position_after
from csp_billing.settling.timelines import Told, facts_of, rows_of, rules_of, story_of
from csp_billing.settling.was_billed import Was

LEDGERS: tuple[Ledger, Ledger] = ("sell", "cost")


class Subject(NamedTuple):
    """A subscription with whom it is billed to and what its first event says about how."""

    subscription_id: str
    customer_id: str
    title: str
    currency: str
    rule_set: str
    term: str
    charge_cycle: str
    auto_renew: bool
    billing_from: date | None
    base_id: str | None
    predecessor_id: str | None
    began_on: date
    known_at: int
    billing_start_moved: bool
    """Whether `billing_from` was changed: from when it is billed is then told by the log up to a watermark alone."""

    def rules(self, ledger: Ledger, close_days: CloseDays) -> Rules:
        """Under which rules it is billed in a ledger; the close day is that of its beginning."""
        return rules_of(
            self.rule_set,
            self.charge_cycle,
            self.term,
            self.currency,
            ledger,
            auto_renew=self.auto_renew,
            billing_from=self.billing_from,
            close_day=close_days.on(self.began_on),
        )


class Known(NamedTuple):
    """What an event told, with its arrival in the log."""

    arrival: int
    told: Told


class Due(NamedTuple):
    """Should-be lines of a subscription behind a position, and the position after them."""

    lines: list[Line]
    position: Position
    since: int
    """Day of the position it was folded from; 0 = from the first event. Lines due after it, up to `until`, are all here."""

    @property
    def until(self) -> int:
        """The last day that was folded."""
        return self.position.checkpoint.day


class Log(NamedTuple):
    """Everything known of some subscriptions: for those that are folded anew."""

    events: Mapping[str, Sequence[Known]]
    positions: Mapping[str, Mapping[Ledger, Sequence[Position]]]
    """Their positions, oldest first."""

    def recorded_by(self, moment: datetime) -> "Log":
        """What was recorded by a moment; positions are of now, so that none is left."""
        events = {
            name: [each for each in known if each.told.recorded_at <= moment]
            for name, known in self.events.items()
        }
        return Log(events, {})

    def of(self, names: Collection[str]) -> "Log":
        """The part of some of them."""
        events = {name: self.events[name] for name in names if name in self.events}
        return Log(events, {name: self.positions[name] for name in names if name in self.positions})


def goes_on(subject: Subject, position: Position | None, news: Sequence[Known]) -> bool:
    """Whether a position and the new facts alone say what is due."""
    if position is None or position.ahead or subject.billing_start_moved:
        return False
    if not news:
        return True
    if subject.base_id is not None or subject.predecessor_id is not None:
        return False
    day = position.checkpoint.day
    return all(_reaches_from(known) > day for known in news)


def go_on(
    subject: Subject,
    ledger: Ledger,
    position: Position,
    news: Sequence[Known],
    *,
    until: int,
    watermark: int,
    close_days: CloseDays,
) -> Due:
    """What is due up to and including a day, from a position and the facts after it. The position is used up."""
    checkpoint = position.checkpoint
    since = checkpoint.day
    if not news and isinstance(checkpoint, Plain):
        lines, moved = advance(subject.subscription_id, checkpoint, until)
        if moved.day == until:
            return Due(lines, Position(watermark, False, position.prices, moved), since)
    told = [known.told for known in news]
    return _folded(
        subject.subscription_id,
        facts_of(told, ledger),
        PriceBook([*position.price_rows, *rows_of(told, ledger)]),
        position,
        subject.rules(ledger, close_days),
        until=until,
        watermark=watermark,
        owned=True,
    )


def begin_anew(
    names: Sequence[str], ledger: Ledger, log: Log, *, until: int, watermark: int, close_days: CloseDays
) -> dict[str, Due]:
    """What is due of subscriptions from all that is known of them and of those they hang on.

    Each is folded from its last position that no fact since reaches behind. Those whose start is not known are left out.
    """
    stories = {
        name: story
        for name, known in log.events.items()
        if (story := story_of(name, (each.told for each in known), ledger, close_days=close_days)) is not None
    }
    whole = linked(stories)
    related = len(stories) > 1 and any(_hangs_on(story, stories) for story in stories.values())
    # A tie carries facts from one to the other, so what became known of any of them counts for all.
    everyone = [each for known in log.events.values() for each in known] if related else []
    result: dict[str, Due] = {}
    for name in names:
        if name not in whole:
            continue
        story = whole[name]
        relevant = everyone if related else log.events[name]
        base = _untouched(log.positions.get(name, {}).get(ledger, ()), relevant)
        since = 0 if base is None else base.checkpoint.day
        facts = story.facts if base is None else [fact for fact in story.facts if fact.day > since]
        result[name] = _folded(
            name, facts, story.price_book, base, story.rules, until=until, watermark=watermark
        )
    return result


def to_post(
    subject: Subject, due: Due, was: Mapping[LineKey, Was], customer_id: str, open_from: int
) -> tuple[list[ShownLine], list[int]]:
    """What is to be posted to a customer, and the posting days of its lines that wait for a price.

    A correction of an issued line posts to the customer to whom its key was first issued, everything else to the one
    who is billed now: links move open items, never issued ones.
    """
    lines, title = due.lines, subject.title
    if not was:
        if subject.customer_id != customer_id:
            return [], []
        if all(line.posted >= open_from and line.amount is not None for line in lines):
            # What `delta` comes to where nothing is late and nothing was issued; a close spends its time here.
            return [ShownLine(Posting(line, 1, False), title, line.posted) for line in lines], []
        postings = delta(lines, {}, open_from)
        moved = any(posting.late for posting in postings)
        days = {line.key: line.posted for line in lines} if moved else {}
        shown = [
            ShownLine(posting, title, days.get(posting.line.key, posting.line.posted)) for posting in postings
        ]
        if len(postings) == len(lines):
            return shown, []
        return shown, [max(line.posted, open_from) for line in lines if line.amount is None]
    issued = {key: each.issued for key, each in was.items() if due.since < each.due <= due.until}
    days = {line.key: line.posted for line in lines}

    def owner(key: LineKey) -> str:
        known = was.get(key)
        return subject.customer_id if known is None else known.customer_id

    shown = [
        ShownLine(posting, title, days.get(posting.line.key, posting.line.posted))
        for posting in delta(lines, issued, open_from)
        if owner(posting.undoes or posting.line.key) == customer_id
    ]
    waiting = [
        max(line.posted, open_from)
        for line in lines
        if line.amount is None and owner(line.key) == customer_id
    ]
    return shown, waiting


def _folded(
    name: str,
    facts: Sequence[Fact],
    price_book: PriceBook,
    base: Position | None,
    rules: Rules,
    *,
    until: int,
    watermark: int,
    owned: bool = False,
) -> Due:
    now = [fact for fact in facts if fact.day <= until]
    checkpoint = None if base is None else base.checkpoint
    since = 0 if checkpoint is None else checkpoint.day
    lines, moved, _ = fold(name, now, checkpoint, until, rules=rules, price_book=price_book, owned=owned)
    position = position_after(
        moved, price_book.rows, watermark=watermark, ahead=len(now) < len(facts), rules=rules
    )
    return Due(lines, position, since)


def _untouched(positions: Sequence[Position], known: Sequence[Known]) -> Position | None:
    """The newest position behind whose day nothing reaches that became known after it."""
    for position in reversed(positions):
        late = (each for each in known if each.arrival > position.watermark)
        if all(_reaches_from(each) > position.checkpoint.day for each in late):
            return position
    return None


def _reaches_from(known: Known) -> int:
    """The first day for which an event can change anything; a correction, or another first billing day, can reach anywhere."""
    fact, row = known.told.fact, known.told.row
    if isinstance(fact, TimeCorrected) or known.told.billing_from is not None:
        return 0
    from_fact = _NEVER if fact is None else fact.day
    return from_fact if row is None else min(from_fact, row.valid_from or 0)


def _hangs_on(story: Story, stories: Mapping[str, Story]) -> bool:
    links: list[Any] = [getattr(fact, "link", None) for fact in story.facts]
    return any(link is not None and link.subscription in stories for link in links)


_NEVER = date.max.toordinal()
