"""New-commerce seat lots, their 7-day windows, and the gates in front of a command (rulebook 8.1, 8.2).

Every order of seats opens a window of its own; a decrease gives back seats of open windows, newest first (D-12).
The same functions answer a preview, the check before a command is sent to Microsoft, and billing.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

RuleSet = Literal["legacy_aligned", "legacy_anniversary", "nce", "flex"]

WINDOW = timedelta(days=7)
FULL_REFUND = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class SeatLot:
    """Seats of one order that can be given back until (not including) an instant in UTC."""

    quantity: int
    open_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a command cannot be: a stable code, and the day from which it can, if there is one.

    `reducible` is the number of seats that could be given back now; `until` the end of the earliest of their windows.
    """

    code: Literal["commitment-locked", "cancellation-window-closed", "not-active"]
    allowed_from: date | None = None
    reducible: int = 0
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """The command can be. `refund` says what a cancellation or decrease gives back, `until` how long it gives that.

    `closes_at` is the moment from which the command cannot be at all.
    """

    refund: Literal["none", "prorated", "full"] = "none"
    until: datetime | None = None
    closes_at: datetime | None = None


def open_window(quantity: int, ordered_at: datetime) -> SeatLot:
    """The lot of an order: purchase, renewal or increase. Deadline = timestamp + 7 × 24 h (D-13)."""
    return SeatLot(quantity, ordered_at + WINDOW)


def put(lots: tuple[SeatLot, ...], lot: SeatLot) -> tuple[SeatLot, ...]:
    """The lots with a newer one; seats with one deadline are one lot, for no rule tells them apart."""
    if lots and lots[-1].open_until == lot.open_until:
        return (*lots[:-1], SeatLot(lots[-1].quantity + lot.quantity, lot.open_until))
    return (*lots, lot)


def open_lots(lots: tuple[SeatLot, ...], at: datetime) -> tuple[SeatLot, ...]:
    """Lots whose window is open at an instant, in their order (oldest first)."""
    return tuple(lot for lot in lots if at < lot.open_until)


def reducible(lots: tuple[SeatLot, ...], at: datetime) -> int:
    """Seats that can be given back at an instant."""
    return sum(lot.quantity for lot in lots if at < lot.open_until)


def take(
    lots: tuple[SeatLot, ...], quantity: int, at: datetime
) -> tuple[tuple[SeatLot, ...], tuple[SeatLot, ...]]:
    """Take seats out of open lots, newest first: (what stays, what was taken). Closed lots fall away.

    Where the open lots hold fewer seats, all of them go; the rest are seats without a window.
    """
    kept: list[SeatLot] = []
    taken: list[SeatLot] = []
    for lot in reversed(open_lots(lots, at)):
        away = min(quantity, lot.quantity)
        quantity -= away
        if away:
            taken.append(SeatLot(away, lot.open_until))
        if lot.quantity > away:
            kept.append(SeatLot(lot.quantity - away, lot.open_until))
    return tuple(reversed(kept)), tuple(reversed(taken))


def may_change_quantity(
    rule_set: RuleSet,
    *,
    current: int,
    wanted: int,
    lots: tuple[SeatLot, ...],
    at: datetime,
    renews_on: date | None,
) -> Permission | Refusal:
    """Gate of a quantity change (8.1): an increase always, a new-commerce decrease only out of open windows.

    `renews_on` is the first day of the next term, or None where there will be none; a refusal names it as the day
    from which the decrease can be (schedule it for the renewal).
    """
    if rule_set != "nce" or wanted >= current:
        return Permission(refund="none" if wanted >= current else "prorated")
    free = reducible(lots, at)
    still_open = open_lots(lots, at)
    until = min((lot.open_until for lot in still_open), default=None)
    if current - wanted > free:
        return Refusal(code="commitment-locked", allowed_from=renews_on, reducible=free, until=until)
    _, taken = take(lots, current - wanted, at)
    closes_at = min(lot.open_until for lot in taken)
    return Permission(refund="prorated", until=closes_at, closes_at=closes_at)


def may_cancel(
    rule_set: RuleSet, *, ordered_at: datetime, at: datetime, renews_on: date | None
) -> Permission | Refusal:
    """Gate of a cancellation (8.1, 8.2). `ordered_at` is the instant of the purchase or of the last renewal.

    New commerce: in full within 24 hours, prorated by day within 7 × 24, then not before the next renewal.
    """
    if rule_set != "nce":
        return Permission(refund="prorated")
    closes_at = ordered_at + WINDOW
    if at < ordered_at + FULL_REFUND:
        return Permission(refund="full", until=ordered_at + FULL_REFUND, closes_at=closes_at)
    if at < closes_at:
        return Permission(refund="prorated", until=closes_at, closes_at=closes_at)
    return Refusal(code="cancellation-window-closed", allowed_from=renews_on)
