"""Whole price lists at once."""

from datetime import date
from typing import Literal

from pydantic import Field

from csp_gateway.models.base import Body, Cycle, Money, View


class MarginRule(Body):
    """For the products that match (null matches all): base, plus percent, plus amount, rounded to `round_to` with `ending`.

    With `round_to` 0.10 and `ending` 0.09 prices end in .x9. `base_charge_cycle` takes the base price of another charge cycle,
    scaled by months.
    """

    category: str | None = Field(None, max_length=200)
    product_group: str | None = Field(None, max_length=200)
    product: str | None = Field(None, max_length=100)
    term: Cycle | None = None
    charge_cycle: Cycle | None = None
    segment: str | None = Field(None, max_length=50)
    base: Literal["cost", "list"] = Field("cost", description="the cost, or the price in the global list")
    base_charge_cycle: Cycle | None = None
    add_percent: str = Field("0", max_length=30, examples=["20"])
    add_amount: str = Field("0", max_length=30)
    round_to: str = Field("0.01", max_length=30)
    ending: str = Field("0", max_length=30)
    rounding: Literal["nearest", "up", "down"] = "nearest"


class MarginRules(Body):
    """Of several rules that match a product the first one counts."""

    currency: str = Field(pattern=r"^[A-Z]{3}$")
    valid_from: date
    rules: list[MarginRule] = Field(min_length=1, max_length=100)


class ImportedLine(View):
    """What became, or would become, of a line: `new`, `changed`, `unchanged` or `refused`."""

    line: int
    result: str
    rule_id: str | None
    unit_price: Money | None
    previous_unit_price: Money | None
    formula: str | None
    note: str | None
    faults: list[dict[str, str]]


class PriceListImport(View):
    """A result for each line; `without_base` are products that margin rules found no base price for."""

    new: int
    changed: int
    unchanged: int
    refused: int
    rows: list[ImportedLine]
    without_base: list[dict[str, str]]


class PriceSheetImport(View):
    """What became of a price sheet's rows; `without_charge` are trials."""

    new: int
    changed: int
    unchanged: int
    without_charge: int
    refused: int
    markets: list[str]
    faults: list[dict[str, str]]
