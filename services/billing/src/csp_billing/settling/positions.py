"""Where billing stands with a subscription in a ledger: what a close goes on from instead of the first event.

A position is stored as text, once per closed window: one that is plain, or soon will be, as `plain_positions` has it, any
other as JSON. It has
the checkpoint of the core and what the core must find beside it: the prices that can still matter, and up to which arrival
in the log facts are in it.
"""

from collections.abc import Sequence
from dataclasses import fields
from operator import attrgetter
from typing import NamedTuple

import msgspec

from csp_billing.domain.plain import Checkpoint, Plain, Soon, soon_plain
from csp_billing.domain.rules import Rules
from csp_billing.domain.state import State
from csp_billing.settling.plain_positions import MARK, pack_plain, pack_soon, state_in, unpack_plain
from csp_commerce_rules.prices import PriceRow

VERSION = 3
"""Of both kinds of texts. One of another engine is refused, and its subscription folded from its first event instead."""


class PositionUnreadable(Exception):
    """The position was written by another version of the engine."""

    code = "position-unreadable"


class Position(NamedTuple):
    """`watermark`: facts up to this arrival are in it, save those after its day; `ahead` says that there are such facts.

    `prices` None stands for the one row that the checkpoint itself names. `soon` is what comes of it where nothing happens.
    """

    watermark: int
    ahead: bool
    prices: tuple[PriceRow, ...] | None
    checkpoint: Checkpoint
    soon: Soon | None = None

    @property
    def price_rows(self) -> tuple[PriceRow, ...]:
        """The prices that can still matter."""
        if self.prices is not None:
            return self.prices
        if not isinstance(self.checkpoint, Plain):
            return ()
        product, unit_price, frequency, ref = _named_by(self.checkpoint)
        return (PriceRow(product, unit_price, "customer", frequency=frequency, ref=ref),)


def position_after(
    checkpoint: Checkpoint, rows: Sequence[PriceRow], *, watermark: int, ahead: bool, rules: Rules
) -> Position:
    """The position behind a fold; forgets prices that later ones have replaced."""
    kept = _still_matter(rows, checkpoint.day)
    if isinstance(checkpoint, Plain):
        is_named = len(kept) == 1 and _same(kept[0]) == _named_by(checkpoint)
        return Position(watermark, ahead, None if is_named else tuple(kept), checkpoint)
    soon = None if ahead else soon_plain(checkpoint, rules)
    if soon is not None and not _only_price_is(kept, soon.plain):
        soon = None
    return Position(watermark, ahead, tuple(kept), checkpoint, soon)


def pack_position(position: Position) -> str:
    """A position as text."""
    text = None
    if position.soon is not None:
        text = pack_soon(position.watermark, position.soon, _as_json(position))
    elif isinstance(position.checkpoint, Plain) and not position.ahead:
        text = pack_plain(position.watermark, position.prices, position.checkpoint)
    return text or _as_json(position)


def unpack_position(text: str) -> Position:
    """The position of a text that `pack_position` made. Raises `PositionUnreadable` for another engine's.

    What it will be soon is not read: a fold finds out again.
    """
    state = state_in(text) if text.startswith(MARK) else text
    if state is None:
        watermark, prices, plain = unpack_plain(text)
        return Position(watermark, False, prices, plain)
    try:
        version, watermark, ahead, prices, checkpoint = _decoder.decode(state)
    except msgspec.DecodeError as fault:
        raise PositionUnreadable(str(fault)) from fault
    if version != VERSION:
        raise PositionUnreadable(f"version {version}, this engine reads {VERSION}")
    return Position(watermark, ahead, prices, checkpoint)


def _as_json(position: Position) -> str:
    checkpoint = position.checkpoint
    told = checkpoint if isinstance(checkpoint, Plain) else _told(checkpoint)
    return _encoder.encode((VERSION, *position[:3], told)).decode()


def _told(state: State) -> dict[str, object]:
    """What of a state is not as it is in every state to begin with: most of it seldom is."""
    values = zip(_NAMES, _values_of(state), _USUAL, strict=True)
    return {name: value for name, value, usual in values if value != usual}


def _only_price_is(rows: Sequence[PriceRow], plain: Plain) -> bool:
    """Whether no other price can be asked for as long as nothing happens."""
    return (
        len(rows) == 1
        and _same(rows[0]) == _named_by(plain)
        and (rows[0].valid_from is None or rows[0].valid_from <= plain.day)
    )


def _still_matter(rows: Sequence[PriceRow], day: int) -> Sequence[PriceRow]:
    """Of each product and charge cycle the row in force on a day, and all that begin later."""
    if len(rows) == 1:
        return rows
    in_force: dict[tuple[str, str | None], PriceRow] = {}
    later: list[PriceRow] = []
    for row in rows:
        if row.valid_from is not None and row.valid_from > day:
            later.append(row)
            continue
        known = in_force.get((row.product, row.frequency))
        if known is None or (known.valid_from or 0, known.seq, known.ref) < (
            row.valid_from or 0,
            row.seq,
            row.ref,
        ):
            in_force[row.product, row.frequency] = row
    return [*in_force.values(), *sorted(later, key=lambda row: row.seq)]


def _named_by(plain: Plain) -> tuple[str, int, str | None, str]:
    return (plain.product, plain.unit_price, plain.frequency, plain.price_ref)


def _same(row: PriceRow) -> tuple[str, int, str | None, str]:
    return (row.product, row.unit_price, row.frequency, row.ref)


_NAMES = [each.name for each in fields(State)]
_values_of = attrgetter(*_NAMES)
_USUAL = _values_of(State())
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(tuple[int, int, bool, tuple[PriceRow, ...] | None, Plain | State])
