"""The internal routes of settings: to a customer's people they do not exist."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Header
from pydantic import BaseModel, ConfigDict, Field

from csp_provisioning.api import check_reseller_admin
from csp_provisioning.labels import CustomerLabels
from csp_provisioning.reseller_settings import SettingUseCases
from csp_runtime.http import AnyCommand, AnyScope
from csp_runtime.problems import not_found
from csp_runtime.scope import Scope

Text = Annotated[str, Field(max_length=200)]
Expected = Annotated[int | None, Header(alias="X-Expected-Version")]


class SettingBody(BaseModel):
    """A dated setting."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    setting: Text
    value: Text
    effective_on: date


class LabelsBody(BaseModel):
    """A merge patch of labels."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: dict[str, str | None]


def routes(settings: SettingUseCases, labels: CustomerLabels) -> APIRouter:
    """List and change, for the reseller and for one customer; a customer's labels."""
    router = APIRouter(prefix="/internal/v1")

    @router.get("/settings")
    async def listed(scope: AnyScope) -> dict[str, Any]:
        _check_reseller(scope)
        return await settings.listed(scope)

    @router.get("/customers/{customer_id}/settings")
    async def listed_of_customer(customer_id: str, scope: AnyScope) -> dict[str, Any]:
        _check_reseller(scope)
        return await settings.listed(scope, customer_id)

    @router.post("/settings", status_code=201)
    async def change(
        body: SettingBody, scope: AnyScope, command: AnyCommand, expected: Expected = None
    ) -> dict[str, Any]:
        check_reseller_admin(scope)
        return await settings.change(scope, **body.model_dump(), command=command, expected=expected)

    @router.post("/customers/{customer_id}/settings", status_code=201)
    async def change_customers(
        customer_id: str, body: SettingBody, scope: AnyScope, command: AnyCommand, expected: Expected = None
    ) -> dict[str, Any]:
        check_reseller_admin(scope)
        return await settings.change_customers(
            scope, customer_id, **body.model_dump(), command=command, expected=expected
        )

    @router.post("/customers/{customer_id}/labels")
    async def change_labels(
        customer_id: str, body: LabelsBody, scope: AnyScope, command: AnyCommand, expected: Expected = None
    ) -> dict[str, Any]:
        check_reseller_admin(scope)
        return await labels.change(scope, customer_id, body.labels, command, expected=expected)

    return router


def _check_reseller(scope: Scope) -> None:
    if scope.is_customer:
        raise not_found("setting")
