"""Bodies of the control API."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Strict(BaseModel):
    """Unknown members are errors: a typing mistake in a test should be told."""

    model_config = ConfigDict(extra="forbid")


class NewPartner(Strict):
    """A further partner tenant."""

    name: str = Field(min_length=1)
    country: str = Field(pattern="^[A-Za-z]{2}$")
    currency: str = Field(default="", pattern="^([A-Za-z]{3})?$")
    kind: Literal["direct", "provider"] = "direct"
    billing_day: int = Field(default=15, ge=1, le=28)


class TokenWish(Strict):
    """A token as the real endpoint would issue it; `customer_id` makes it one for the customer's directory."""

    tenant_id: str
    kind: Literal["app", "app_user"] = "app"
    mfa: bool = True
    roles: list[str] = Field(default_factory=lambda: ["AdminAgents"])
    lifetime_seconds: int = Field(default=3600, ge=1, le=10_000_000_000)
    audience: Literal["partner_center", "graph", "retired"] = "partner_center"
    customer_id: str | None = None


class ClockSetting(Strict):
    """The time to set."""

    now: datetime


class ClockMove(Strict):
    """How far to move: by an ISO 8601 duration, to a time, or until nothing is settling."""

    by: str | None = None
    to: datetime | None = None
    until: Literal["idle"] | None = None


class ActBody(BaseModel):
    """An act of somebody outside; the action's arguments are further members."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)

    as_: Literal["portal_user", "customer_admin"] = Field(alias="as")
    tenant_id: str
    customer_id: str | None = None
    action: str


class FaultWish(Strict):
    """A fault to arm; `count` null means for ever."""

    operation: str
    kind: str
    customer_id: str | None = None
    probability: float = Field(default=1.0, gt=0, le=1)
    count: int | None = Field(default=1, ge=1)
    delay_seconds: float = Field(default=0.0, ge=0)
    retry_after: float | None = Field(default=None, ge=0)
    code: int | None = None


class Emission(Strict):
    """A webhook to send out of turn, with defects on request."""

    tenant_id: str
    event: str
    resource_uri: str | None = None
    resource_name: str | None = None
    audit_uri: str | None = None
    copies: int = Field(default=1, ge=1, le=10_000)
    shuffle: bool = False
    delay_seconds: float = Field(default=0.0, ge=0)
    defect: (
        Literal[
            "bad_signature",
            "expired_certificate",
            "foreign_certificate",
            "foreign_certificate_url",
            "huge",
            "http_uri",
            "unknown_event",
            "null_audit_uri",
        ]
        | None
    ) = None


class Reset(Strict):
    """The world to start anew; its clock may stand earlier than now."""

    world: str = "demo"
    now: datetime | None = None


class ProfileChange(BaseModel):
    """Switches to change; see `GET /_control/profile` for all of them."""

    model_config = ConfigDict(extra="allow")


class ChannelChange(Strict):
    """Ways of learning of changes to switch on or off."""

    webhooks: bool | None = None
    audit: bool | None = None
    graph_delta: bool | None = None


Json = dict[str, Any]
