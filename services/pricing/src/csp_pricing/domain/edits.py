"""Historic edits of a sales price (R5.4): what a wish must be, and which price ruled a service day before it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from csp_contracts.envelope import Recorded
from csp_contracts.pricing_v1 import SubscriptionPriceEdited, SubscriptionPriceLocked
from csp_pricing.domain.rows import read_price
from csp_runtime.problems import InvalidParameter

EARLIEST = date(2000, 1, 1)
FURTHEST_AHEAD = timedelta(days=1100)


@dataclass(frozen=True, slots=True, kw_only=True)
class EditHistoricSalesPrice:
    """A command: one seat and one full charge cycle cost `unit_price` (decimal text) on service days `[from_on, until_on)`.

    `until_on` None: for good, over renewals too, until another edit says otherwise.
    """

    subscription_id: str
    from_on: date
    until_on: date | None
    unit_price: str
    currency: str
    reason: str


def price_and_faults(
    command: EditHistoricSalesPrice, currency: str, today: date
) -> tuple[int, list[InvalidParameter]]:
    """The new price in millionths, and each field that breaks a rule; `currency` is that of the subscription."""
    price, faults = read_price(command.unit_price, "unit_price")
    if command.currency != currency:
        faults.append(_fault("currency", "currency", f"must be {currency}, as the subscription is billed"))
    if command.from_on < EARLIEST or command.from_on > today + FURTHEST_AHEAD:
        faults.append(_fault("from_on", "range", f"must lie between {EARLIEST} and {today + FURTHEST_AHEAD}"))
    if command.until_on is not None and command.until_on <= command.from_on:
        faults.append(_fault("until_on", "order", "must be after from_on"))
    if not command.reason.strip():
        faults.append(_fault("reason", "missing", "must say why the price changes"))
    return price, faults


def price_on(history: Sequence[Recorded[Any]], day: date) -> int | None:
    """What the events of a subscription's prices say of a service day, in millionths; None before the first lock.

    The newest edit that covers the day, else the lock that began last.
    """
    locked: tuple[date, int] | None = None
    edited: int | None = None
    for event in history:
        match event.data:
            case SubscriptionPriceLocked() as lock if lock.from_on <= day:
                if locked is None or lock.from_on >= locked[0]:
                    locked = (lock.from_on, lock.unit_price_micro)
            case SubscriptionPriceEdited() as edit:
                if edit.from_on <= day and (edit.until_on is None or day < edit.until_on):
                    edited = edit.unit_price_micro
            case _:
                continue
    if edited is not None:
        return edited
    return None if locked is None else locked[1]


def _fault(field: str, rule: str, reason: str) -> InvalidParameter:
    return InvalidParameter(field=field, rule=rule, reason=reason)
