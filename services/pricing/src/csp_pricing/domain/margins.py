"""Margin rules: a sales price out of a cost, or out of another price, by a formula that the row shows. Applied by a command, never
when a price is read (section 8.7: premiums are price rows, the tool may derive them)."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from csp_commerce_rules.money import PRICE_DIGITS, NotADecimal, divide_half_away, format_price, parse_decimal
from csp_pricing.domain.products import Product
from csp_pricing.domain.wishes import months_of
from csp_runtime.problems import InvalidParameter

Base = Literal["cost", "list"]
Rounding = Literal["nearest", "up", "down"]
PERCENT_DIGITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginRule:
    """For the products that match (None matches all): base, plus percent, plus amount, rounded to `round_to` with `ending`.

    `base`: `cost`, or the price in the global `list`; of the same product, term and segment, with `base_charge_cycle` where
    it names another, scaled by months. Decimal text; percent and amount may be negative. With step 0.10 and ending 0.09 a
    price ends in .x9.
    """

    category: str | None = None
    product_group: str | None = None
    product: str | None = None
    term: str | None = None
    charge_cycle: str | None = None
    segment: str | None = None
    base: Base = "cost"
    base_charge_cycle: str | None = None
    add_percent: str = "0"
    add_amount: str = "0"
    round_to: str = "0.01"
    ending: str = "0"
    rounding: Rounding = "nearest"

    def matches(self, product: Product) -> bool:
        """Whether the rule is for this product."""
        wanted = (
            (self.category, product.category),
            (self.product_group, product.product_group),
            (self.product, product.product),
            (self.term, product.term),
            (self.charge_cycle, product.charge_cycle),
            (self.segment, product.segment),
        )
        return all(want is None or want == has for want, has in wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """A derived price in millionths, and how it came to be."""

    unit_price_micro: int
    formula: str


def rule_faults(rule: MarginRule, prefix: str) -> list[InvalidParameter]:
    """Each field of a rule that makes no sense, its name behind `prefix`."""
    faults: list[InvalidParameter] = []
    numbers: dict[str, int] = {}
    for name, digits in (
        ("add_percent", PERCENT_DIGITS),
        ("add_amount", PRICE_DIGITS),
        ("round_to", PRICE_DIGITS),
        ("ending", PRICE_DIGITS),
    ):
        try:
            numbers[name] = parse_decimal(getattr(rule, name), digits)
        except NotADecimal as fault:
            faults.append(InvalidParameter(field=prefix + name, rule="decimal", reason=str(fault)))
    if faults:
        return faults
    if numbers["round_to"] <= 0:
        faults.append(
            InvalidParameter(field=f"{prefix}round_to", rule="range", reason="must be more than zero")
        )
    elif not 0 <= numbers["ending"] < numbers["round_to"]:
        reason = "must be zero or more, and less than round_to"
        faults.append(InvalidParameter(field=f"{prefix}ending", rule="range", reason=reason))
    return faults


def derive(rule: MarginRule, base_micro: int, base_cycle: str, product: Product, digits: int) -> Derived:
    """The price by a rule that has no faults; `digits` of the currency are for the formula's text. It can be negative."""
    percent, amount = (
        parse_decimal(rule.add_percent, PERCENT_DIGITS),
        parse_decimal(rule.add_amount, PRICE_DIGITS),
    )
    step, ending = parse_decimal(rule.round_to, PRICE_DIGITS), parse_decimal(rule.ending, PRICE_DIGITS)
    hundred = 100 * 10**PERCENT_DIGITS
    scale = Fraction(months_of(product.charge_cycle), months_of(base_cycle))
    exact = base_micro * scale * Fraction(hundred + percent, hundred) + amount
    return Derived(
        unit_price_micro=_rounded(exact - ending, step, rule.rounding) + ending,
        formula=_formula(rule, format_price(base_micro, digits), base_cycle, product),
    )


def _rounded(value: Fraction, step: int, rounding: Rounding) -> int:
    numerator, denominator = value.numerator, value.denominator * step
    if rounding == "up":
        return -(-numerator // denominator) * step
    if rounding == "down":
        return numerator // denominator * step
    return divide_half_away(numerator, denominator) * step


def _formula(rule: MarginRule, base: str, base_cycle: str, product: Product) -> str:
    text = f"{rule.base} {base}"
    if base_cycle != product.charge_cycle:
        text += f" of {base_cycle} x {months_of(product.charge_cycle)}/{months_of(base_cycle)}"
    if parse_decimal(rule.add_percent, PERCENT_DIGITS):
        text += f" {_signed(rule.add_percent)}%"
    if parse_decimal(rule.add_amount, PRICE_DIGITS):
        text += f" {_signed(rule.add_amount)}"
    text += f", {rule.rounding} to {rule.round_to}"
    return text if not parse_decimal(rule.ending, PRICE_DIGITS) else f"{text} ending in {rule.ending}"


def _signed(number: str) -> str:
    return f"- {number[1:]}" if number.startswith("-") else f"+ {number}"
