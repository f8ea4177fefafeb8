"""A line of the report as the core makes it, and the key that names it whatever is recomputed (R10.1)."""

from typing import Literal, NamedTuple

Kind = Literal["cycle_fee", "pro_rata", "refund", "adjustment"]
Reason = Literal[
    "purchase",
    "cycle",
    "renew",
    "add_quantity",
    "remove_quantity",
    "suspend",
    "reactivate",
    "cancel",
    "convert_out",
    "convert_in",
    "price_correction",
    "late_event",
    "anchor_change",
    "manual",
]


class LineKey(NamedTuple):
    """Charge-cycle index, role, and cause: the id of a fact, or `cycle:n`. Ledger and subscription stand beside it.

    Role is `fee`, `charge`, `adjustment`, or `refund of …` with the key refunded. No date and no counter is in it, so
    two changes on one day stay two lines, and a line keeps its name when earlier facts come late.
    """

    cycle: int
    role: str
    cause: str

    def __str__(self) -> str:
        return f"{self.cycle}/{self.role}/{self.cause}"


class Line(NamedTuple):
    """One should-be line. Amounts in minor units, prices in millionths, days as ordinals, `end` not included.

    `posted` is the day it is recognised on; `amount` is None while its price is missing (D-6). `days` of `of_days`
    are what the amount was computed from; `reverses` is the line a refund gives back or an adjustment belongs to.
    `price_ref` of an adjustment is the text that it was granted with.
    """

    key: LineKey
    subscription: str
    product: str
    kind: Kind
    reason: Reason
    posted: int
    start: int
    end: int
    quantity: int
    unit_price: int | None
    amount: int | None
    days: int
    of_days: int
    discount: int
    price_ref: str
    rule: str
    caused_by: tuple[str, ...]
    reverses: LineKey | None


def key_of(text: str) -> LineKey:
    """The key that a text of `str(key)` names."""
    cycle, role, cause = text.split("/", 2)
    return LineKey(int(cycle), role, cause)
