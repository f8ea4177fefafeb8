"""Rounding profiles: how one line's amount comes from price, quantity and days (rulebook section 4).

`line_half_up` is the default and the one profile that real files support. The others exist because Microsoft's
published examples follow several rules (section 4.1); the match with Microsoft's files tries them all. `daily_3dp_unit` is how legacy
files print prorated lines: a day's rate to three decimals, the seat's price of the days to two, times seats.
"""

from typing import Literal, assert_never, get_args

from csp_commerce_rules.money import PRICE_DIGITS, divide_cut, divide_half_away

RoundingProfile = Literal[
    "line_half_up",
    "daily_2dp",
    "daily_3dp",
    "unit_half_up",
    "line_down",
    "unit_down",
    "formula_2021",
    "daily_3dp_unit",
]
ROUNDING_PROFILES: tuple[RoundingProfile, ...] = get_args(RoundingProfile)

# D-5: Microsoft's own examples cut at the line for these reasons and at the unit for the rest.
_NCE_CUT_AT_THE_UNIT = frozenset({"cancel", "convert_out", "convert_in"})


def line_amount(
    profile: RoundingProfile, unit_price: int, quantity: int, days: int, of_days: int, digits: int
) -> int:
    """Amount in minor units of `quantity` seats for `days` of a full charge cycle of `of_days` (R4.1, R4.2).

    `unit_price` is the price of one seat for one full cycle, in millionths. A full cycle is price × quantity in
    every profile; only its parts differ.
    """
    to_minor = 10 ** (PRICE_DIGITS - digits)
    match profile:
        case "line_half_up":
            return divide_half_away(unit_price * quantity * days, of_days * to_minor)
        case "line_down":
            return divide_cut(unit_price * quantity * days, of_days * to_minor)
        case "unit_half_up":
            return divide_half_away(unit_price * days, of_days * to_minor) * quantity
        case "unit_down":
            return divide_cut(unit_price * days, of_days * to_minor) * quantity
        case "daily_2dp":
            return _by_daily_rate(unit_price, quantity, days, of_days, digits, rate_digits=2)
        case "daily_3dp":
            return _by_daily_rate(unit_price, quantity, days, of_days, digits, rate_digits=3)
        case "daily_3dp_unit":
            if days == of_days:
                return divide_half_away(unit_price, to_minor) * quantity
            rate = divide_half_away(unit_price, of_days * 10 ** (PRICE_DIGITS - 3))
            return divide_half_away(rate * days * 10**digits, 10**3) * quantity
        case "formula_2021":
            if days == of_days or quantity == 0:
                return divide_half_away(unit_price * quantity, to_minor)
            daily = divide_half_away(unit_price * quantity, of_days * to_minor)
            return divide_half_away(daily * days, quantity) * quantity
        case _:
            assert_never(profile)


def _by_daily_rate(
    unit_price: int, quantity: int, days: int, of_days: int, digits: int, *, rate_digits: int
) -> int:
    if days == of_days:
        return divide_half_away(unit_price * quantity, 10 ** (PRICE_DIGITS - digits))
    rate = divide_half_away(unit_price, of_days * 10 ** (PRICE_DIGITS - rate_digits))
    return divide_half_away(rate * days * quantity * 10**digits, 10**rate_digits)


def kept_of(charged: int, used_days: int, line_days: int) -> int:
    """What stays of a charged line after `used_days` of its `line_days` (R4.4).

    The refund is `charged - kept`, never rounded on its own, so both parts add up to what was charged.
    """
    return divide_half_away(charged * used_days, line_days)


def discount_of(gross: int, basis_points: int) -> int:
    """Discount in minor units on a gross amount, for a promotion in hundredths of a percent (R5.6)."""
    return divide_half_away(gross * basis_points, 10_000)


def best_promotion(*basis_points: int) -> int:
    """Where several promotions fit, the highest one wins (R5.6)."""
    return max(basis_points, default=0)


def nce_cost_profile(reason: str) -> RoundingProfile:
    """Profile that explains Microsoft's new-commerce figures for a line of this reason (D-5)."""
    return "unit_down" if reason in _NCE_CUT_AT_THE_UNIT else "line_down"
