"""Where billing stands with a subscription in a ledger: what a close goes on from instead of the first event.

A position is stored as text, once per closed window: a plain one as `plain_positions` has it, any other as JSON. It has
the checkpoint of the core and what the core must find beside it: the prices that can still matter, and up to which arrival
in the log facts are in it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from csp_billing.domain.plain import Checkpoint, Plain
from csp_billing.domain.state import State
from csp_billing.plain_positions import MARK, pack_plain, unpack_plain
from csp_commerce_rules.prices import PriceRow

VERSION = 2
"""Of both kinds of texts. One of another engine is refused, and its subscription folded from its first event instead."""


class PositionUnreadable(Exception):
    """The position was written by another version of the engine."""

    code = "position-unreadable"


class Position(NamedTuple):
    """`watermark`: facts up to this arrival are in it, save those after its day; `ahead` says that there are such facts.

    `prices` None stands for the one row that the checkpoint itself names.
    """

    watermark: int
    ahead: bool
    prices: tuple[PriceRow, ...] | None
    checkpoint: Checkpoint

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
    checkpoint: Checkpoint, rows: Sequence[PriceRow], *, watermark: int, ahead: bool
) -> Position:
    """The position behind a fold; forgets prices that later ones have replaced."""
    kept = _still_matter(rows, checkpoint.day)
    is_named = len(kept) == 1 and isinstance(checkpoint, Plain) and _same(kept[0]) == _named_by(checkpoint)
    return Position(watermark, ahead, None if is_named else tuple(kept), checkpoint)


def pack_position(position: Position) -> str:
    """A position as text."""
    watermark, ahead, prices, checkpoint = position
    if isinstance(checkpoint, Plain) and not ahead:
        text = pack_plain(watermark, prices, checkpoint)
        if text is not None:
            return text
    return _encoder.encode((VERSION, *position)).decode()


def unpack_position(text: str) -> Position:
    """The position of a text that `pack_position` made. Raises `PositionUnreadable` for another engine's."""
    if text.startswith(MARK):
        watermark, prices, plain = unpack_plain(text)
        return Position(watermark, False, prices, plain)
    try:
        version, watermark, ahead, prices, checkpoint = _decoder.decode(text)
    except msgspec.DecodeError as fault:
        raise PositionUnreadable(str(fault)) from fault
    if version != VERSION:
        raise PositionUnreadable(f"version {version}, this engine reads {VERSION}")
    return Position(watermark, ahead, prices, checkpoint)


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


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(tuple[int, int, bool, tuple[PriceRow, ...] | None, Plain | State])
