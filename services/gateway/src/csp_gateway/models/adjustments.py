"""Credits and charges by hand."""

from datetime import datetime

from pydantic import Field

from csp_gateway.models.base import Body, Money, Resource


class AdjustmentAmount(Body):
    """Decimal text and its currency: below zero a credit, above it a charge."""

    amount: str = Field(pattern=r"^-?\d{1,12}(\.\d{1,4})?$", max_length=20)
    currency: str = Field(pattern="^[A-Z]{3}$")


class NewAdjustment(Body):
    """A credit or a charge by hand. The customer reads `text`; it must not name a person."""

    subscription_id: str = Field(max_length=100)
    amount: AdjustmentAmount
    text: str = Field(min_length=1, max_length=200, pattern=r'^[^"\\\x00-\x1f]*$')
    line_id: str | None = Field(
        None, max_length=100, description="The charge that a credit belongs to: it is capped by it"
    )


class Adjustment(Resource):
    """A credit or a charge that was granted by hand."""

    customer_id: str
    subscription_id: str
    amount: Money
    text: str
    line_id: str | None
    granted_at: datetime
    granted_by: str
