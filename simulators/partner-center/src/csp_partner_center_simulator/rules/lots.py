"""Seat lots: which seats may leave again, and which go first (PC 6.3)."""

from datetime import datetime

from csp_partner_center_simulator.rules.terms import WINDOW
from csp_partner_center_simulator.state.subscriptions import Lot


def opened(lots: tuple[Lot, ...], quantity: int, at: datetime) -> tuple[Lot, ...]:
    """Add a lot of seats with a window of its own; closed lots are dropped."""
    return (*still_open(lots, at), Lot(quantity=quantity, added_at=at, until=at + WINDOW))


def still_open(lots: tuple[Lot, ...], at: datetime) -> tuple[Lot, ...]:
    """Give the lots whose seats may still leave."""
    return tuple(lot for lot in lots if lot.until >= at and lot.quantity > 0)


def refundable(lots: tuple[Lot, ...], at: datetime) -> int:
    """Count the seats that may still leave."""
    return sum(lot.quantity for lot in still_open(lots, at))


def taken(lots: tuple[Lot, ...], seats: int, at: datetime) -> tuple[Lot, ...]:
    """Take seats away, newest open lot first. The caller has checked that there are enough."""
    left: list[Lot] = []
    for lot in reversed(still_open(lots, at)):
        gone = min(seats, lot.quantity)
        seats -= gone
        if lot.quantity > gone:
            left.append(Lot(quantity=lot.quantity - gone, added_at=lot.added_at, until=lot.until))
    return tuple(reversed(left))
