"""Plain positions as text of which a close makes lines by cutting and joining, and nothing is decoded.

A position is nine fields between bars: its calendar, what stands in its lines, and the rest as JSON. Many subscriptions
share a calendar, so that what a span of days brings is worked out once for all of them. One that is not plain but will be by
itself has two more: the day from which it is, and what it is until then, as JSON. `settling` gives the same lines; the
tests hold this lane to it.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec

from csp_billing.domain.lines import LineKey
from csp_billing.domain.plain import Plain, Soon, shows_fee, steps
from csp_billing.settling.line_rows import fee_days_text, fee_text, is_bare
from csp_billing.settling.timelines import FREQUENCIES
from csp_commerce_rules.charge_cycles import Term
from csp_commerce_rules.prices import PriceRow

MARK = "p3;"
"""How such a text begins, with the version of `positions`; other positions are JSON lists."""

_CALENDARS = 16_384
"""So many calendars are remembered: some ten megabytes."""


class Cycle(NamedTuple):
    """A cycle that begins: its first day, its key, and the fields of its line that the calendar decides."""

    start: int
    key: LineKey
    texts: tuple[str, str]


class Turn(NamedTuple):
    """What a span of days brings: the calendar after it, and the cycles that begin."""

    calendar: str
    cycles: Sequence[Cycle]


PlainRow = tuple[int, str, int, bool, LineKey, str]
"""The place of a line in the report's order (`report_order`), and its text behind the position."""


Fees = tuple[Sequence[PlainRow], int, str]
"""The lines of a plain subscription in a ledger, each behind its place; their sum in minor units; the next position."""


def pack_plain(watermark: int, prices: tuple[PriceRow, ...] | None, plain: Plain) -> str | None:
    """The text of a plain position; None where a text of it would have to be escaped."""
    rest = (plain.term, plain.auto_renew, plain.last_change, plain.promotion, plain.suspended, prices)
    texts = (plain.product, plain.price_ref, _encoder.encode(rest).decode())
    if not (is_bare(plain.cause) and all(_UNESCAPED.fullmatch(text) for text in texts)):
        return None
    return (
        f"{_calendar(plain, watermark)}|{plain.product}|{plain.quantity}|{plain.unit_price}|{plain.fee}|{plain.discount}|"
        f"{plain.price_ref}|{plain.cause}|{texts[2]}"
    )


def pack_soon(watermark: int, soon: Soon, state: str) -> str | None:
    """The text of a position that is not plain yet, whose JSON is `state`; None where a text of it would have to be escaped."""
    text = pack_plain(watermark, None, soon.plain)
    return None if text is None else f"{text}|{soon.since}|{state}"


def state_in(text: str) -> str | None:
    """What a position is, as JSON, in a text that `pack_soon` made; None in any other."""
    fields = text.split("|", _STATE)
    return fields[_STATE] if len(fields) > _STATE else None


def unpack_plain(text: str) -> tuple[int, tuple[PriceRow, ...] | None, Plain]:
    """Watermark, price rows and checkpoint of a text that `pack_plain` made."""
    calendar, product, quantity, unit_price, fee, discount, price_ref, cause, rest = text.split("|")
    watermark, bare = _read(calendar)
    term, auto_renew, last_change, promotion, suspended, prices = _decoder.decode(rest)
    plain = Plain(
        bare.day,
        product,
        int(quantity),
        bare.frequency,
        term,
        bare.term_end,
        auto_renew,
        *bare[7:13],
        int(unit_price),
        price_ref,
        cause,
        last_change,
        promotion,
        int(discount),
        int(fee),
        suspended,
    )
    return watermark, prices, plain


def fees_of(text: str, subscription: str, title: str, until: int, watermark: int) -> Fees | None:
    """What is due up to and including a day; None where a position is not plain by then, or its term ends, which is not plain."""
    if not text.startswith(MARK):
        return None
    fields = text.split("|", _STATE)
    calendar, product, quantity, price, fee, discount, price_ref, cause = fields[:8]
    turn = _turned(calendar, until, watermark)
    if turn is None:
        return None
    next_calendar, cycles = turn
    moved = next_calendar + text[len(calendar) :]
    if len(fields) > _STATE:
        since, state = fields[_STATE - 1 :]
        if not cycles or until < int(since):
            return None
        moved = moved[: -len(since) - len(state) - 2]
    amount = int(fee)
    rows: list[PlainRow] = []
    if amount or shows_fee(amount, int(price), int(discount)):
        for start, key, days in cycles:
            line = fee_text(
                subscription, title, product, days, quantity, price, fee, discount, price_ref, cause
            )
            rows.append((start, subscription, start, True, key, line))
    return rows, amount * len(rows), moved


@lru_cache(maxsize=_CALENDARS)
def _turned(calendar: str, until: int, watermark: int) -> Turn | None:
    begun, moved = steps(_read(calendar)[1], until)
    if moved.day != until:
        return None
    cycles = [
        Cycle(step[1], LineKey(step[0], "fee", f"cycle:{step[0]}"), fee_days_text(step)) for step in begun
    ]
    return Turn(_calendar(moved, watermark), cycles)


def _calendar(plain: Plain, watermark: int) -> str:
    term_end = "" if plain.term_end is None else plain.term_end
    return (
        f"{MARK}{watermark};{plain.day};{plain.frequency};{term_end};{plain.grid_day};{plain.from_end:d};{plain.end_month};"
        f"{plain.cycle};{plain.cycle_start};{plain.cycle_end}"
    )


@lru_cache(maxsize=_CALENDARS)
def _read(calendar: str) -> tuple[int, Plain]:
    """The watermark of a calendar, and a checkpoint of which only the calendar is filled."""
    _, watermark, day, frequency, term_end, *numbers = calendar.split(";")
    grid_day, from_end, end_month, cycle, start, end = map(int, numbers)
    plain = _NOTHING._replace(
        day=int(day),
        frequency=FREQUENCIES[frequency],
        term_end=int(term_end) if term_end else None,
        grid_day=grid_day,
        from_end=bool(from_end),
        end_month=end_month,
        cycle=cycle,
        cycle_start=start,
        cycle_end=end,
    )
    return int(watermark), plain


_STATE = 10
"""The place of a state that is not plain yet."""
_NOTHING = Plain(0, "", 0, "P1M", None, None, True, 0, False, 0, 0, 0, 0, 0, "", "", 0, 0, 0, 0, False)
_UNESCAPED = re.compile(r"[^|\\\x00-\x1f]*")
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(tuple[Term | None, bool, int, int, bool, tuple[PriceRow, ...] | None])
