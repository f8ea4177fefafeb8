"""Dated settings of the reseller, and of one customer where it has them otherwise."""

from fastapi import APIRouter

from csp_gateway.models.settings import NewSetting, Setting
from csp_gateway.surfaces.common import ResellerScope, UseCaller, UseParts
from csp_gateway.surfaces.documented import problems
from csp_runtime.http import AnyCommand

OWNER = "provisioning"


def routes() -> APIRouter:
    """The reseller's routes."""
    router = APIRouter(tags=["customers and tenants"])

    @router.post("/settings", status_code=201, responses=problems(400), operation_id="change_setting")
    async def change_setting(
        body: NewSetting, scope: ResellerScope, command: AnyCommand, caller: UseCaller, parts: UseParts
    ) -> Setting:
        """Change a setting of the reseller from a day on; a value that is not known is refused with those that are."""
        given = body.model_dump(mode="json")
        return Setting(**await parts.owners.command(OWNER, "/settings", caller, command, given))

    @router.post(
        "/customers/{customer_id}/settings",
        status_code=201,
        responses=problems(400, 404),
        operation_id="change_customer_setting",
    )
    async def change_customer_setting(
        customer_id: str,
        body: NewSetting,
        scope: ResellerScope,
        command: AnyCommand,
        caller: UseCaller,
        parts: UseParts,
    ) -> Setting:
        """Change a setting for one customer from a day on; it wins over the reseller's."""
        path = f"/customers/{customer_id}/settings"
        given = body.model_dump(mode="json")
        return Setting(**await parts.owners.command(OWNER, path, caller, command, given))

    return router
