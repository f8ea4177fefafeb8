"""Users and licences."""

from typing import Literal

from pydantic import Field

from csp_gateway.models.base import Body, Resource, View


class NewUser(Body):
    """A user of a tenant."""

    user_name: str = Field(max_length=64, examples=["ada"])
    first_name: str = Field(max_length=64)
    last_name: str = Field(max_length=64)
    usage_location: str | None = Field(None, pattern=r"^[A-Z]{2}$")
    password_mode: Literal["generate_and_mail", "specify_and_mail", "specify"] = "generate_and_mail"  # noqa: S105 - a mode
    password: str | None = Field(None, max_length=256)
    mail_to: str | None = Field(None, max_length=200)


class User(Resource):
    """A user of a tenant's directory."""

    tenant_id: str
    user_principal_name: str | None
    display_name: str | None
    usage_location: str | None
    status: str
    is_administrator: bool
    licences: list[str]


class LicenceChange(Body):
    """Directory SKUs by id, or subscriptions whose SKU is meant."""

    subscription_id: str


class Secret(View):
    """Shown once."""

    secret: str
