"""Amounts in decimal currency units; the two ways Microsoft cuts cents (PC 10.7)."""

from decimal import ROUND_DOWN, Decimal
from fractions import Fraction

CENT = Decimal("0.01")


def cut(value: Fraction) -> Decimal:
    """Cut to cents, toward zero."""
    cents = abs(value.numerator) * 100 // value.denominator
    return Decimal(cents if value >= 0 else -cents) / 100


def line_down(price: Decimal, quantity: int, days: int, of_days: int) -> Decimal:
    """Multiply first, cut at the line: seat changes."""
    return cut(Fraction(price) * quantity * days / of_days)


def unit_down(price: Decimal, quantity: int, days: int, of_days: int) -> Decimal:
    """Cut the unit, then multiply: cancel, convert, change of plan."""
    return cut(Fraction(price) * days / of_days) * quantity


def prorated_unit(price: Decimal, days: int, of_days: int) -> Decimal:
    """Give the effective unit price, to ten places as the files print it."""
    exact = Fraction(price) * days / of_days
    scaled = exact.numerator * 10**10 // exact.denominator
    return (Decimal(scaled) / 10**10).normalize()


def to_cents(value: Decimal) -> Decimal:
    """Cut a decimal to cents."""
    return value.quantize(CENT, ROUND_DOWN)
