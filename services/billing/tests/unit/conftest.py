"""A story in a few words, and its lines as text rows that read like the tables they come from."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from csp_billing.rating.output import as_json
from csp_billing.rating.rate import rate
from csp_billing.rating.story_file import parse

_EVENTS = {
    "bought": "subscription_purchased",
    "addon": "addon_purchased",
    "quantity": "quantity_changed",
    "request": "quantity_change_requested",
    "product": "product_changed",
    "suspended": "subscription_suspended",
    "cancelled": "subscription_cancelled",
    "reactivated": "subscription_reactivated",
    "anchor": "anchor_changed",
    "price": "price_changed",
    "edited": "historic_price_edited",
    "credit": "manual_credit",
    "moved": "seats_moved",
    "plan": "billing_plan_changed",
    "scheduled": "change_scheduled",
    "transferred": "subscription_transferred_in",
    "corrected": "effective_time_corrected",
}


class Told:
    """A rated story: `rows` per run, each `kind reason from..to quantity amount` (subscription first if there are several)."""

    def __init__(self, result: dict[str, Any], *, several: bool) -> None:
        self.result = result
        self.several = several

    @property
    def rows(self) -> list[list[str]]:
        return [[self._row(line) for line in run["lines"]] for run in self.result["runs"]]

    @property
    def all(self) -> list[str]:
        return [row for run in self.rows for row in run]

    @property
    def nets(self) -> list[str]:
        return [run["net"] for run in self.result["runs"]]

    @property
    def total(self) -> str:
        return self.result["total_net"]

    @property
    def rejections(self) -> list[dict[str, Any]]:
        return self.result["rejections"]

    def _row(self, line: dict[str, Any]) -> str:
        row = f"{line['kind']} {line['from']}..{line['to']} {line['quantity']} {line['amount']}"
        return f"{line['subscription']} {row}" if self.several else row


def story(
    events: Sequence[tuple[Any, ...]],
    runs: Sequence[str],
    *,
    rule_set: str = "nce",
    prices: dict[str, str] | list[dict[str, Any]] | str = "10.00",
    frequency: str = "P1M",
    anchor: str = "purchase",
    close_day: int | None = None,
    currency: str = "EUR",
    digits: int = 2,
    **settings: Any,
) -> dict[str, Any]:
    """`events` are (day, name, fields) or (day known on, day effective, name, fields); S1 and P1 where not named."""
    if isinstance(prices, str):
        prices = {"P1": prices}
    if isinstance(prices, dict):
        prices = [
            {"product": product, "unit_price": price, "per": frequency, "scope": "global"}
            for product, price in prices.items()
        ]
    timeline = []
    for seq, event in enumerate(events, start=1):
        recorded, effective, name, fields = event if len(event) == 4 else (event[0], *event)
        entry = {
            "seq": seq,
            "recorded_on": recorded,
            "effective_on": effective,
            "event": _EVENTS.get(name, name),
        }
        entry["subscription"] = "S1"
        if name in {"bought", "transferred"}:
            entry["product"] = "P1"
        timeline.append(entry | fields)
    return {
        "rule_set": rule_set,
        "calendar": {"frequency": frequency, "anchor": anchor, "report_close_day": close_day},
        "currency": currency,
        "minor_digits": digits,
        "prices": prices,
        "settings": settings,
        "timeline": timeline,
        "runs": [{"as_of": day} for day in runs],
    }


@pytest.fixture(name="story")
def _story() -> Callable[..., dict[str, Any]]:
    return story


@pytest.fixture
def tell() -> Callable[..., Told]:
    def told(*args: Any, **settings: Any) -> Told:
        read = parse(json.dumps(story(*args, **settings)))
        result = as_json(rate(read), read.digits, why=False)
        several = len({line["subscription"] for run in result["runs"] for line in run["lines"]}) > 1
        return Told(result, several=several)

    return told
