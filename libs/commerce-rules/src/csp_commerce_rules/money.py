"""Money as integers: amounts in minor units, unit prices in millionths of the major unit (R4.3).

A unit price keeps six decimals because price sheets do; an amount has the digits of its currency.
No float and no implicit rounding anywhere: every division names how it rounds.
"""

import re

PRICE_DIGITS = 6
"""Decimals of a unit price: 10.00 is stored as 10_000_000."""

_DECIMAL = re.compile(r"(-?)(\d{1,15})(?:\.(\d{1,12}))?", re.ASCII)
_TOO_LONG = re.compile(r"-?\d{16,}(\.\d+)?", re.ASCII)

# ISO 4217: currencies whose minor unit is not a hundredth.
_MINOR_DIGITS = {
    **dict.fromkeys(
        (
            *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND"),
            *("VUV", "XAF", "XOF", "XPF"),
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}


class NotADecimal(ValueError):
    """The text is no plain decimal number, or has more decimals than allowed. Carries the reason as its text."""

    code = "not-a-decimal"


def minor_digits(currency: str) -> int:
    """Decimals of the minor unit of an ISO 4217 currency: 2 for EUR, 0 for JPY, 3 for KWD."""
    return _MINOR_DIGITS.get(currency, 2)


def parse_decimal(text: str, digits: int) -> int:
    """Read decimal text as an integer scaled by 10**digits: `"10.5"` with 2 digits is 1050.

    Raises NotADecimal for anything else, and for digits that would be lost.
    """
    match = _DECIMAL.fullmatch(text)
    if _TOO_LONG.fullmatch(text):
        raise NotADecimal(f'must have at most 15 digits before the point, is "{text}"')
    if match is None:
        raise NotADecimal(f'must be a decimal number such as "10.00", is "{text}"')
    sign, whole, fraction = match[1], match[2], (match[3] or "").rstrip("0")
    if len(fraction) > digits:
        raise NotADecimal(f'must have at most {digits} decimals, is "{text}"')
    scale: int = 10**digits
    value = int(whole) * scale + int(fraction.ljust(digits, "0") or "0")
    return -value if sign else value


def format_decimal(value: int, digits: int, at_least: int | None = None) -> str:
    """Write a scaled integer as decimal text, with all digits or, given `at_least`, without further zeros."""
    sign, value = ("-", -value) if value < 0 else ("", value)
    if digits == 0:
        return f"{sign}{value}"
    whole, part = divmod(value, 10**digits)
    fraction = f"{part:0{digits}d}"
    if at_least is not None:
        fraction = fraction[:at_least] + fraction[at_least:].rstrip("0")
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def format_price(unit_price: int, currency_digits: int) -> str:
    """Write a unit price with the digits of its currency, and more only where it has more."""
    return format_decimal(unit_price, PRICE_DIGITS, at_least=currency_digits)


def divide_half_away(numerator: int, denominator: int) -> int:
    """Divide and round half away from zero (R4.3). The denominator is positive."""
    if numerator >= 0:
        return (2 * numerator + denominator) // (2 * denominator)
    return -((denominator - 2 * numerator) // (2 * denominator))


def divide_cut(numerator: int, denominator: int) -> int:
    """Divide and cut towards zero. The denominator is positive."""
    return numerator // denominator if numerator >= 0 else -(-numerator // denominator)
