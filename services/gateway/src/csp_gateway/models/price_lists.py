"""Price lists and their rows."""

from datetime import date, datetime

from pydantic import Field

from csp_gateway.models.base import Body, Cycle, Money, Resource, View


class PriceList(Resource):
    """The global price list, or a customer's own, which wins. `id` is what it is called in paths."""

    customer_id: str | None


class PriceRule(Body):
    """The price of one seat for one full charge cycle, from a UTC day on."""

    product: str = Field(min_length=1, max_length=100)
    term: Cycle
    charge_cycle: Cycle
    unit_price: str = Field(max_length=30, examples=["12.40"])
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    valid_from: date
    valid_until: date | None = None
    segment: str = Field("commercial", max_length=50)
    preview: bool = Field(False, description="shown, not chargeable")


class PriceRules(Body):
    """Rows to set; each becomes a new version of its row."""

    rules: list[PriceRule] = Field(min_length=1, max_length=400)


class PriceRuleView(Resource):
    """A row of a price list."""

    product: str
    term: str
    charge_cycle: str
    segment: str
    valid_from: date
    valid_until: date | None
    unit_price: Money
    preview: bool
    formula: str | None = Field(description="how a margin rule came to the price; null for others")


class PriceRuleVersion(PriceRuleView):
    """A version of a row: who made it, when and why."""

    made_at: datetime
    actor: str
    reason: str | None


class PriceRuleVersions(PriceRuleView):
    """A row with all its versions, oldest first."""

    versions: list[PriceRuleVersion]


class PriceRowEnd(Body):
    """The first day on which the row holds no more."""

    valid_until: date


class PriceListChanged(View):
    """The list after the change."""

    id: str
    version: int
    rules: list[str]
