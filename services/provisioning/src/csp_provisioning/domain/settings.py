"""The dated settings of a reseller, which of them a customer can have otherwise, and what holds on a day (rulebook 19)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSetting:
    """A setting, its values, and the one that holds where nobody has set it."""

    name: str
    values: Sequence[str]
    default: str
    is_customers_too: bool = False


SETTINGS: dict[str, KnownSetting] = {
    each.name: each
    for each in (
        KnownSetting(name="close_day", values=[str(day) for day in range(1, 32)], default="15"),
        KnownSetting(name="negative_report", values=("issue", "carry_forward"), default="issue"),
        KnownSetting(name="cost_ledger", values=("on", "off"), default="on"),
        KnownSetting(name="credit_note", values=("on", "off"), default="off"),
        KnownSetting(name="collapse_pairs", values=("on", "off"), default="off"),
        KnownSetting(name="invoice_import", values=("manual", "automatic"), default="manual"),
        KnownSetting(
            name="price_change_policy",
            values=("at_renewal", "at_next_cycle", "immediate_prorated"),
            default="at_renewal",
            is_customers_too=True,
        ),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A value from a UTC day on: who set it, when and why. `scope` is `reseller` or `customer`."""

    setting: str
    value: str
    effective_on: date
    changed_at: datetime
    changed_by: str
    reason: str | None
    scope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a setting is on a day, and all that was ever said of it, in the order in which it holds."""

    known: KnownSetting
    value: str
    effective_on: date | None
    source: str
    changes: Sequence[Change]


def standing(known: KnownSetting, changes: Iterable[Change], today: date) -> Standing:
    """Of changes given in the order of their making: the latest day counts, of one day the last word; a customer's wins."""
    of_it = [each for each in changes if each.setting == known.name]
    dated = sorted(of_it, key=lambda each: (each.effective_on, each.changed_at))
    holding = [each for each in dated if each.effective_on <= today]
    own = [each for each in holding if each.scope == "customer"]
    now = (own or holding)[-1] if holding else None
    return Standing(
        known=known,
        value=known.default if now is None else now.value,
        effective_on=None if now is None else now.effective_on,
        source="default" if now is None else now.scope,
        changes=dated,
    )
