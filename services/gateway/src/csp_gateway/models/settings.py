"""Dated settings of a reseller and of its customers."""

from datetime import date, datetime

from pydantic import Field

from csp_gateway.models.base import Body, View


class NewSetting(Body):
    """A setting and the UTC day from which it holds, for example `price_change_policy`: when a changed price of a list
    counts for running subscriptions (`at_renewal`, `at_next_cycle`, `immediate_prorated`)."""

    setting: str = Field(max_length=50, examples=["price_change_policy"])
    value: str = Field(max_length=50, examples=["at_next_cycle"])
    effective_on: date


class SettingChanged(View):
    """The setting as it was changed."""

    setting: str
    value: str
    effective_on: date


class SettingChange(View):
    """A value from a day on: who set it, for whom, when and why."""

    value: str
    effective_on: date
    scope: str = Field(description="`reseller`, or `customer` where it is the customer's own")
    changed_at: datetime
    changed_by: str
    reason: str | None


class Setting(View):
    """A setting as it stands today."""

    setting: str
    value: str
    effective_on: date | None = Field(description="the day from which it holds; null where nobody has set it")
    source: str = Field(description="where the value is from: `default`, `reseller` or `customer`")
    default: str
    choices: list[str]
    changes: list[SettingChange] = Field(
        description="all that was ever said of it, by the day from which it holds"
    )
