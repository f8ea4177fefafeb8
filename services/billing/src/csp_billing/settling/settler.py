"""Settles customers over a span of days: what each of their reports is to show, and where billing stands afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from operator import attrgetter
from typing import NamedTuple

from csp_billing.adapters.ledger_reader import (
    PACKED,
    SUBJECT,
    LedgerReader,
    Positions,
    Standing,
    Unrest,
    WasBilled,
    subject_of,
)
from csp_billing.closing.windows import OpenDays
from csp_billing.domain.lines import LineKey
from csp_billing.domain.rules import Ledger
from csp_billing.ports import ShownLine
from csp_billing.settling.close_days import CloseDays
from csp_billing.settling.positions import Position
from csp_billing.settling.posting import Due, Known, Subject, begin_anew, go_on, goes_on, to_post
from csp_billing.settling.was_billed import Was

Owner = tuple[str, Ledger, str]
"""Whose draft: customer, ledger, currency."""

_place = attrgetter("customer_id", "subscription_id")
_NOTHING: Mapping[LineKey, Was] = {}


@dataclass(slots=True)
class Draft:
    """What is to be posted to a customer in one ledger and currency; `pending` are the days of lines without a price."""

    customer_id: str
    ledger: Ledger
    currency: str
    lines: list[ShownLine] = field(default_factory=list)
    pending: list[int] = field(default_factory=list)
    positions: list[tuple[str, Position]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Settled are the days up to and including `last`, from positions up to `base_on`, a window's first day.

    With `newest` also from later ones, of reports that were issued by themselves. `older_than` is the watermark of the
    window before: what was known by then may have a position.
    """

    base_on: date
    newest: bool = False
    last: int
    watermark: int
    older_than: int
    close_days: CloseDays
    ledgers: Sequence[Ledger]


Drafts = dict[Owner, Draft]


class _Read(NamedTuple):
    """What is read already of subscriptions, with positions of the day that the span begins with."""

    standing: Sequence[Standing]
    unrest: Unrest


class Settler:
    """Turns customers into drafts, a few thousand subscriptions at a time."""

    def __init__(self, reader: LedgerReader, span: Span, open_days: OpenDays) -> None:
        self._reader = reader
        self._span = span
        self._open = open_days

    def settle(self, customer_ids: Sequence[str]) -> Drafts:
        """The drafts of customers: of all their subscriptions, and of those they had before."""
        drafts: Drafts = {}
        self._settle(drafts, self._reader.subjects(customer_ids))
        self._correct_all(drafts, self._reader.moved_from(customer_ids))
        return drafts

    def settle_standing(self, standing: Sequence[Standing], unrest: Unrest) -> Drafts:
        """The drafts of some subscriptions that are read already, with what is restless among them or among all."""
        drafts: Drafts = {}
        subjects = sorted((subject_of(row[SUBJECT:]) for row in standing), key=_place)
        self._settle(drafts, subjects, _Read(standing, unrest))
        return drafts

    def correct(self, customer_ids: Sequence[str], names: Sequence[str] | None = None) -> Drafts:
        """Drafts of corrections for customers, of subscriptions that they had before: all of them, or those named."""
        drafts: Drafts = {}
        self._correct_all(drafts, self._reader.moved_from(customer_ids, names))
        return drafts

    def _settle(self, drafts: Drafts, subjects: Sequence[Subject], read: _Read | None = None) -> None:
        dues, was = self._dues(subjects, read)
        for ledger in self._span.ledgers:
            for subject in subjects:
                due = dues.get((ledger, subject.subscription_id))
                if due is not None:
                    draft = self._post(drafts, subject, subject.customer_id, ledger, due, was)
                    draft.positions.append((subject.subscription_id, due.position))

    def _correct_all(self, drafts: Drafts, moved: Mapping[str, Sequence[Subject]]) -> None:
        for customer_id, away in moved.items():
            self._correct(drafts, customer_id, away)

    def _correct(
        self,
        drafts: Drafts,
        customer_id: str,
        away: Sequence[Subject],
    ) -> None:
        """Corrections of what was issued to a customer for subscriptions that another one has now.

        Its positions are the other's, which say nothing of what was posted here: the fold begins before the first
        window of which not all is posted here.
        """
        since = self._open.unposted_since(customer_id)
        anew = self._restless(away, since)
        if not anew:
            return
        dues = self._dues_anew(anew, since)
        was = self._reader.issued(list(anew))
        for subject in away:
            for ledger in self._span.ledgers:
                due = dues.get((ledger, subject.subscription_id))
                if due is not None and (ledger, subject.subscription_id) in was:
                    self._post(drafts, subject, customer_id, ledger, due, was)

    def _post(
        self,
        drafts: Drafts,
        subject: Subject,
        customer_id: str,
        ledger: Ledger,
        due: Due,
        was: WasBilled,
    ) -> Draft:
        owner = (customer_id, ledger, subject.currency)
        draft = drafts.get(owner)
        if draft is None:
            draft = drafts[owner] = Draft(*owner)
        known = was.get((ledger, subject.subscription_id), _NOTHING) if was else _NOTHING
        if due.lines or known:
            open_from = self._open.first(*owner)
            shown, pending = to_post(subject, due, known, customer_id, open_from)
            draft.lines += shown
            draft.pending += pending
        return draft

    def _dues(
        self, subjects: Sequence[Subject], read: _Read | None
    ) -> tuple[dict[tuple[Ledger, str], Due], WasBilled]:
        span = self._span
        positions, news = self._stand(subjects, span.base_on, newest=span.newest, read=read)
        ties = None if read is None else [name for name in positions if name in read.unrest.tied]
        anew = self._anew(subjects, positions, news, ties)
        dues: dict[tuple[Ledger, str], Due] = {}
        for subject in subjects:
            name = subject.subscription_id
            if name in anew:
                continue
            for ledger in span.ledgers:
                position = positions[name][ledger]
                dues[ledger, name] = go_on(
                    subject,
                    ledger,
                    position,
                    _after(news.get(name, ()), position),
                    until=span.last,
                    watermark=span.watermark,
                    close_days=span.close_days,
                )
        if not anew:
            return dues, {}
        dues |= self._dues_anew(anew, None if span.newest else span.base_on)
        return dues, self._reader.issued(list(anew))

    def _stand(
        self,
        subjects: Sequence[Subject],
        base_on: date,
        *,
        newest: bool,
        read: _Read | None = None,
    ) -> tuple[Positions, dict[str, list[Known]]]:
        """Where billing stands with subscriptions, and what became known since."""
        positions = self._reader.positions(
            subjects,
            base_on,
            newest=newest,
            older_than=self._span.older_than,
            ledgers=self._span.ledgers,
            standing=None if read is None else read.standing,
        )
        watermarks = {
            name: min(p.watermark for p in known.values()) for name, known in positions.items() if known
        }
        if read is not None:
            # Behind a position of the window before there is no other news.
            columns = [PACKED[ledger] for ledger in self._span.ledgers]
            calm = {
                row[SUBJECT]
                for row in read.standing
                if row[SUBJECT] not in read.unrest.news and all(row[column] is not None for column in columns)
            }
            watermarks = {name: mark for name, mark in watermarks.items() if name not in calm}
        return positions, self._reader.news(watermarks)

    def _restless(self, subjects: Sequence[Subject], base_on: date) -> dict[str, frozenset[str]]:
        """Which of these cannot go on from where they stood on a day with nothing new."""
        positions, news = self._stand(subjects, base_on, newest=False)
        quiet = {
            name
            for name, known in positions.items()
            if len(known) == len(self._span.ledgers) and name not in news
        }
        anew = self._anew(subjects, positions, news)
        families = self._reader.families([subject.subscription_id for subject in subjects])
        for subject in subjects:
            name = subject.subscription_id
            if name not in quiet:
                anew.setdefault(name, families.get(name, frozenset((name,))))
        return anew

    def _anew(
        self,
        everyone: Sequence[Subject],
        positions: Positions,
        news: dict[str, list[Known]],
        ties: Sequence[str] | None = None,
    ) -> dict[str, frozenset[str]]:
        """Which subscriptions are folded anew, each with its family: if one of a family is, or has news, all are.

        `ties` are those that can have a family, where that is known.
        """
        anew: dict[str, frozenset[str]] = {}
        families = self._reader.families(
            [subject.subscription_id for subject in everyone] if ties is None else ties
        )
        strangers = {name for family in families.values() for name in family} - set(positions)
        heard = set(news)
        if strangers:
            lowest = min((p.watermark for known in positions.values() for p in known.values()), default=0)
            heard |= set(self._reader.news(dict.fromkeys(strangers, lowest)))
        restless = {
            subject.subscription_id
            for subject in everyone
            if not self._goes_on(
                subject, positions[subject.subscription_id], news.get(subject.subscription_id, ())
            )
        }
        for subject in everyone:
            name = subject.subscription_id
            family = families.get(name, frozenset((name,)))
            if name in restless or (name in families and not family.isdisjoint(restless | heard)):
                anew[name] = family
        return anew

    def _goes_on(self, subject: Subject, known: dict[Ledger, Position], news: Sequence[Known]) -> bool:
        for ledger in self._span.ledgers:
            position = known.get(ledger)
            if not goes_on(subject, position, _after(news, position)):
                return False
        return True

    def _dues_anew(
        self, anew: dict[str, frozenset[str]], up_to: date | None
    ) -> dict[tuple[Ledger, str], Due]:
        """What is due of subscriptions that are folded anew, from positions up to a window's first day, or from any."""
        span = self._span
        log = self._reader.log(sorted(set().union(*anew.values())), up_to=up_to)
        dues: dict[tuple[Ledger, str], Due] = {}
        for family in sorted(set(anew.values()), key=sorted):
            members = log.of(family)
            names = [name for name in sorted(family) if name in anew]
            for ledger in span.ledgers:
                found = begin_anew(
                    names,
                    ledger,
                    members,
                    until=span.last,
                    watermark=span.watermark,
                    close_days=span.close_days,
                )
                dues |= {(ledger, name): due for name, due in found.items()}
        return dues


def _after(news: Sequence[Known], position: Position | None) -> Sequence[Known]:
    if position is None or not news:
        return news
    return [known for known in news if known.arrival > position.watermark]
