"""Products and quotes."""

from datetime import datetime

from pydantic import Field

from csp_gateway.models.base import Body, Cycle, Money, View


class CatalogueProduct(View):
    """Something that can be bought, for one term and one charge cycle, with the sales price of one seat."""

    product: str
    title: str
    product_group: str
    category: str
    commerce: str
    segment: str
    term: str
    charge_cycle: str
    is_addon: bool
    is_trial: bool
    minimum_quantity: int
    maximum_quantity: int | None
    prerequisites: list[str]
    price: Money | None
    price_reason: str | None = Field(
        description="why there is no price: `not_in_a_price_list`; null where there is one"
    )
    price_scope: str | None


class ResellerProduct(CatalogueProduct):
    """With cost and margin."""

    cost: Money | None
    cost_reason: str | None = Field(
        description="why there is no cost: `not_in_a_price_sheet`; null where there is one"
    )
    margin: Money | None
    margin_percent: str | None


class NewQuote(Body):
    """What is to be priced."""

    product: str = Field(max_length=100)
    term: Cycle
    charge_cycle: Cycle
    quantity: int = Field(ge=1, le=10_000_000)


class ResellerNewQuote(NewQuote):
    """For which customer."""

    customer_id: str


class Quote(View):
    """A price that holds until it expires."""

    id: str
    product: str
    title: str
    term: str
    charge_cycle: str
    quantity: int
    unit_price: Money | None
    price_reason: str | None = Field(
        description="why there is no price: `not_in_a_price_list`; null where there is one"
    )
    total: Money | None
    minimum_quantity: int
    maximum_quantity: int | None
    quantity_fits: bool = Field(description="whether an order of this quantity is allowed")
    is_addon: bool
    prerequisites: list[str]
    segment: str
    expires_at: datetime


class ResellerQuote(Quote):
    """With cost and margin of all seats, for one charge cycle; percent of the sales price."""

    unit_cost: Money | None
    cost_reason: str | None = Field(
        description="why there is no cost: `not_in_a_price_sheet`; null where there is one"
    )
    total_cost: Money | None
    margin: Money | None
    margin_percent: str | None
