"""Historic edits of a subscription's sales price."""

from datetime import date, datetime

from pydantic import Field

from csp_gateway.models.base import Body, Money, Resource, View
from csp_gateway.models.billing_reports import ThoughtLine


class NewPriceEdit(Body):
    """The sales price of one seat for one full charge cycle on the service days from `from_on` until before `until_on`.

    `until_on` null: for good, over renewals too, until another edit says otherwise.
    """

    from_on: date
    until_on: date | None
    unit_price: str = Field(max_length=30, examples=["12.40"])
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    reason: str = Field(min_length=1, max_length=500, examples=["agreed discount, contract of 3 March"])


class PriceEdited(View):
    """The edit that was made."""

    id: str


class PriceEdit(Resource):
    """An edit; `previous_unit_price` ruled its first day before."""

    from_on: date
    until_on: date | None
    unit_price: Money
    previous_unit_price: Money | None
    reason: str
    actor: str
    on_behalf_of: str | None
    edited_at: datetime


class PriceEditPreview(View):
    """`lines` would be added to reports that are not issued yet, `instead_of` are those there that they replace."""

    from_on: date
    until_on: date | None
    unit_price: Money
    previous_unit_price: Money | None
    lines: list[ThoughtLine]
    instead_of: list[ThoughtLine]
    net: Money
