"""Dated settings of a reseller and of its customers."""

from datetime import date

from pydantic import Field

from csp_gateway.models.base import Body, View


class NewSetting(Body):
    """A setting and the UTC day from which it holds, for example `price_change_policy`: when a changed price of a list
    counts for running subscriptions (`at_renewal`, `at_next_cycle`, `immediate_prorated`)."""

    setting: str = Field(max_length=50, examples=["price_change_policy"])
    value: str = Field(max_length=50, examples=["at_next_cycle"])
    effective_on: date


class Setting(View):
    """The setting as it was changed."""

    setting: str
    value: str
    effective_on: date
