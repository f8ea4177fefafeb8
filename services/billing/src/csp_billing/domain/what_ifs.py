"""What another choice would cost: the same story with one fact or price more, folded beside the real one. Nothing is kept."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from csp_billing.domain import facts as f
from csp_billing.domain.family import Story
from csp_billing.domain.fold import fold
from csp_billing.domain.lines import Line
from csp_billing.domain.plain import Plain, state_of
from csp_billing.domain.price_book import PriceBook
from csp_billing.domain.state import State
from csp_commerce_rules.charge_cycles import MONTHS, Frequency
from csp_commerce_rules.days import add_months
from csp_commerce_rules.prices import PriceRow

WHAT_IF = "what-if"
_LAST = 1 << 120
"""Ranks behind everything that is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One or several of: another quantity now; another price of a seat and charge cycle, in millionths, from now on;
    another charge cycle from the end of the paid one (`unit_price` is then its price); other seats from the renewal on.
    """

    quantity: int | None = None
    unit_price: int | None = None
    frequency: Frequency | None = None
    quantity_at_renewal: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Lines posted from a day on, as things are and as they would be."""

    as_is: Sequence[Line]
    what_if: Sequence[Line]


def compare(story: Story, choice: Choice, now: datetime, until: int) -> Compared:
    """Both futures of a subscription from today up to and including a day."""
    today = now.date().toordinal()
    return Compared(
        as_is=_coming(story, today, until), what_if=_coming(_with(story, choice, now), today, until)
    )


def fair_until(story: Story, choice: Choice, now: datetime) -> int:
    """Last day up to which both futures can be compared: a year ahead, unless the choice changes what a fee pays for.

    Then it is the last day of the first term that is paid as chosen: beyond it one side would have a fee for days of
    which the other has none.
    """
    today = now.date().toordinal()
    state = _state(story, today)
    chosen = MONTHS[choice.frequency] if choice.frequency is not None else 0
    if state.status not in {"active", "suspended"} or (not chosen and choice.quantity_at_renewal is None):
        return add_months(today, 12) - 1
    if chosen and story.rules.rule_set != "nce":
        return add_months(today, max(chosen, MONTHS[state.frequency])) - 1  # the new plan begins at once
    if state.term is None or state.term_end is None:
        return add_months(state.cycle_end, max(chosen, MONTHS[state.frequency])) - 1
    in_this_term = choice.quantity_at_renewal is None and chosen <= MONTHS[state.term]
    if in_this_term and state.term_end > state.cycle_end:
        return state.term_end - 1
    return add_months(state.term_end, max(chosen, MONTHS[state.term])) - 1


def _state(story: Story, day: int) -> State:
    known = [fact for fact in story.facts if fact.day <= day]
    _, checkpoint, _ = fold(
        story.subscription, known, None, day, rules=story.rules, price_book=story.price_book
    )
    return state_of(checkpoint) if isinstance(checkpoint, Plain) else checkpoint


def _coming(story: Story, today: int, until: int) -> list[Line]:
    lines, _, _ = fold(
        story.subscription, story.facts, None, until, rules=story.rules, price_book=story.price_book
    )
    return [line for line in lines if line.posted >= today]


def _with(story: Story, choice: Choice, now: datetime) -> Story:
    today = now.date().toordinal()
    common: dict[str, Any] = {"day": today, "recorded": today, "at": now}
    facts: list[f.Fact] = []
    rows: list[PriceRow] = []
    if choice.quantity is not None:
        facts.append(f.QuantityChanged(id=WHAT_IF, seq=_LAST, **common, quantity=choice.quantity))
    longer: Frequency | None = None
    if choice.frequency is not None:
        term = _state(story, today).term
        if term is not None and MONTHS[choice.frequency] > MONTHS[term]:
            longer = choice.frequency  # no fee can be paid beyond its term: it comes with the renewal (8.1)
        else:
            facts.append(
                f.BillingPlanChanged(
                    id=f"{WHAT_IF}-plan", seq=_LAST + 1, **common, frequency=choice.frequency
                )
            )
        if choice.unit_price is not None:
            rows = [
                PriceRow(
                    product=product,
                    unit_price=choice.unit_price,
                    scope="customer",
                    frequency=choice.frequency,
                    valid_from=None,
                    ref=WHAT_IF,
                    seq=_LAST,
                )
                for product in sorted({row.product for row in story.price_book.rows})
            ]
    elif choice.unit_price is not None:
        facts.append(
            f.PriceEdited(id=f"{WHAT_IF}-price", seq=_LAST + 2, **common, unit_price=choice.unit_price)
        )
    if choice.quantity_at_renewal is not None or longer is not None:
        facts.append(
            f.ChangeScheduled(
                id=f"{WHAT_IF}-renewal",
                seq=_LAST + 3,
                **common,
                quantity=choice.quantity_at_renewal,
                frequency=longer,
                term=longer,
            )
        )
    book = PriceBook((*story.price_book.rows, *rows)) if rows else story.price_book
    return replace(story, facts=(*story.facts, *facts), price_book=book)
