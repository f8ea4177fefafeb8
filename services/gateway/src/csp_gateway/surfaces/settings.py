"""Dated settings of the reseller, and of one customer where it has them otherwise."""

from typing import Any

from fastapi import APIRouter, Request, Response

from csp_gateway.adapters.owners import Caller
from csp_gateway.domain import etag
from csp_gateway.models.base import ListOf
from csp_gateway.models.settings import NewSetting, Setting, SettingChanged
from csp_gateway.surfaces.changes import add_change
from csp_gateway.surfaces.common import RESELLER, Parts, ResellerReading, UseCaller
from csp_gateway.surfaces.documented import problems
from csp_gateway.surfaces.listing import Listing
from csp_gateway.surfaces.lists import answer_whole

OWNER = "provisioning"
LIST = Listing(model=Setting, is_compared_here=True)
_RESELLERS = "/settings"
_CUSTOMERS = "/customers/{customer_id}/settings"


def routes() -> APIRouter:
    """The reseller's routes."""
    router = APIRouter(tags=["customers and tenants"])
    _add_reads(router)
    add_change(
        router,
        RESELLER,
        _RESELLERS,
        owner=OWNER,
        operation_id="change_setting",
        description="Change a setting of the reseller from a day on; a value that is not known is refused with those that are.",
        status=201,
        failures=(400,),
        body=NewSetting,
        model=SettingChanged,
        versions=_versions,
        if_match="taken",
    )
    add_change(
        router,
        RESELLER,
        _CUSTOMERS,
        owner=OWNER,
        operation_id="change_customer_setting",
        description="Change a setting for one customer from a day on; it wins over the reseller's.",
        status=201,
        failures=(400, 404),
        body=NewSetting,
        model=SettingChanged,
        versions=_versions,
        if_match="taken",
    )
    return router


def _add_reads(router: APIRouter) -> None:
    @router.get(
        _RESELLERS,
        responses=problems(404),
        operation_id="list_settings",
        openapi_extra=LIST.documented,
        response_model=ListOf[Setting],
    )
    async def settings(request: Request, caller: UseCaller, read: ResellerReading) -> Response:
        """Every setting as it stands today, its default and values, and who said what of it from which day on."""
        return await _listed(request, read.parts, caller, _RESELLERS)

    @router.get(
        _CUSTOMERS,
        responses=problems(404),
        operation_id="list_customer_settings",
        openapi_extra=LIST.documented,
        response_model=ListOf[Setting],
    )
    async def customer_settings(
        customer_id: str, request: Request, caller: UseCaller, read: ResellerReading
    ) -> Response:
        """The settings that this customer can have otherwise: its own value, else the reseller's, else the default."""
        return await _listed(request, read.parts, caller, f"/customers/{customer_id}/settings")


async def _listed(request: Request, parts: Parts, caller: Caller, path: str) -> Response:
    found = await parts.owners.get(OWNER, path, caller)
    tag = {"ETag": etag({"version": found["version"]})}
    return answer_whole(request, parts, LIST, found["settings"], lambda each: str(each["setting"]), tag)


def _versions(found: dict[str, Any]) -> dict[str, int]:
    return {found["stream"]: found["version"]}
