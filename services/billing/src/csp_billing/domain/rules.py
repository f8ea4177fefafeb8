"""Under which policy a subscription is billed: the settings of the rulebook's section 19, resolved per rule set."""

from dataclasses import dataclass
from typing import Literal

from csp_commerce_rules.charge_cycles import MONTHS, Frequency, NceMonthEnd, Term
from csp_commerce_rules.prices import PriceChangePolicy
from csp_commerce_rules.rounding import RoundingProfile
from csp_commerce_rules.seat_lots import RuleSet

Recognition = Literal["on_the_day", "next_anniversary"]
ChangeStyle = Literal["reverse_and_segment", "refund_and_recharge_remaining"]
RefundPolicy = Literal["prorated", "full_in_first_month_then_prorated", "window_7d", "none"]
Ledger = Literal["sell", "cost"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Resolved settings of one subscription; `rules_for` fills what a rule set decides.

    `anchor` is a date, `anchor_day` a day of the month; neither = the purchase decides. `term` None: no commitment,
    each charge cycle stands alone. `microsoft_rounding` takes Microsoft's profile per reason (D-5, new-commerce cost).
    """

    rule_set: RuleSet
    frequency: Frequency
    term: Term | None
    digits: int
    anchor: int | None
    anchor_day: int | None
    recognition: Recognition
    change_style: ChangeStyle
    refund_policy: RefundPolicy
    price_policy: PriceChangePolicy
    rounding: RoundingProfile
    microsoft_rounding: bool
    free_stub: bool
    suspension_stops_billing: bool
    upgrade_keeps_cycle: bool | None
    auto_renew: bool
    month_end: NceMonthEnd
    billing_from: int | None

    @property
    def legacy(self) -> bool:
        """Either of the two legacy rule sets."""
        return self.rule_set in {"legacy_aligned", "legacy_anniversary"}


def rules_for(
    rule_set: RuleSet,
    *,
    frequency: Frequency = "P1M",
    term: Term | None = None,
    digits: int = 2,
    anchor: int | None = None,
    anchor_day: int | None = None,
    recognition: Recognition | None = None,
    change_style: ChangeStyle | None = None,
    refund_policy: RefundPolicy | None = None,
    price_policy: PriceChangePolicy = "at_renewal",
    rounding: RoundingProfile = "line_half_up",
    microsoft_rounding: bool = False,
    free_stub: bool | None = None,
    suspension_stops_billing: bool | None = None,
    upgrade_keeps_cycle: bool | None = None,
    auto_renew: bool = True,
    month_end: NceMonthEnd = "documented_2022",
    billing_from: int | None = None,
) -> Rules:
    """Settings with the defaults of their rule set (section 19).

    A legacy or new-commerce subscription without a stated term has one of a year, or of its longer charge cycle.
    """
    legacy = rule_set in {"legacy_aligned", "legacy_anniversary"}
    if term is None and rule_set != "flex":
        term = "P3Y" if frequency == "P3Y" else "P1Y"
    if term is not None and MONTHS[term] < MONTHS[frequency]:
        raise ValueError(f"a term of {term} is shorter than its charge cycle of {frequency}")
    default_refund: RefundPolicy = "prorated"
    if legacy:
        default_refund = "full_in_first_month_then_prorated"
    elif rule_set == "nce":
        default_refund = "window_7d"
    return Rules(
        rule_set=rule_set,
        frequency=frequency,
        term=term,
        digits=digits,
        anchor=anchor,
        anchor_day=anchor_day,
        recognition=recognition or ("next_anniversary" if legacy else "on_the_day"),
        change_style=change_style or ("reverse_and_segment" if legacy else "refund_and_recharge_remaining"),
        refund_policy=refund_policy or default_refund,
        price_policy=price_policy,
        rounding=rounding,
        microsoft_rounding=microsoft_rounding,
        free_stub=free_stub if free_stub is not None else rule_set == "legacy_aligned",
        suspension_stops_billing=(
            suspension_stops_billing if suspension_stops_billing is not None else rule_set != "nce"
        ),
        upgrade_keeps_cycle=upgrade_keeps_cycle,
        auto_renew=auto_renew,
        month_end=month_end,
        billing_from=billing_from,
    )
