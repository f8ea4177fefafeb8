"""Users and licences: identity-sync's own read models, forwarded; no name or address is kept here."""

from functools import partial
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response

from csp_gateway.adapters.screens import SUBSCRIPTIONS, TENANTS
from csp_gateway.models.base import ListOf
from csp_gateway.models.users import LicenceChange, NewUser, User
from csp_gateway.surfaces import standard
from csp_gateway.surfaces.answers import answer_document
from csp_gateway.surfaces.commands import add_command
from csp_gateway.surfaces.common import Parts, Reading, Surface, UseCaller, row_of
from csp_gateway.surfaces.documented import ONE, ONE_ASKED, problems
from csp_gateway.surfaces.filters import equal
from csp_gateway.surfaces.listing import Listing
from csp_gateway.surfaces.lists import answer_owned
from csp_runtime.scope import Scope

OWNER = "identity-sync"
LIST = Listing((equal("status"),), model=User, is_compared_here=True)


def routes(surface: Surface) -> APIRouter:
    """The routes of one surface."""
    router = APIRouter(tags=["users and licences"])
    reads = Depends(surface.reading)
    show = partial(standard.user, surface)

    @router.get(
        "/tenants/{tenant_id}/users",
        responses=problems(404),
        openapi_extra=LIST.documented,
        operation_id="list_users",
        response_model=ListOf[User],
    )
    async def list_users(
        tenant_id: str, request: Request, caller: UseCaller, read: Reading = reads
    ) -> Response:
        """Users of a tenant by name, with the licences they hold."""
        await row_of(read, TENANTS, tenant_id, "tenant")
        return await answer_owned(
            request, read.parts, caller, LIST, OWNER, f"/tenants/{tenant_id}/users", show=show
        )

    @router.get(
        "/users/{user_id}",
        responses=ONE,
        openapi_extra=ONE_ASKED,
        operation_id="get_user",
        response_model=User,
    )
    async def get_user(user_id: str, request: Request, caller: UseCaller, read: Reading = reads) -> Response:
        """A user of whichever tenant, with the licences held."""
        path = f"/users/{quote(user_id, safe='')}"
        found = await read.parts.owners.get(OWNER, path, caller)
        return answer_document(request, User, show(found))  # a name changes without a new version

    add_command(
        router,
        surface,
        "/tenants/{tenant_id}/users",
        owner=OWNER,
        operation_id="create_user",
        description="Make a user; a generated password goes by a one-time link, never in clear.",
        body=NewUser,
    )
    add_command(
        router,
        surface,
        "/users/{user_id}/assign-licence",
        owner=OWNER,
        operation_id="assign_licence",
        description="Give the user a licence of a subscription's product.",
        body=LicenceChange,
        check=_subscription_is_in_scope,
    )
    add_command(
        router,
        surface,
        "/users/{user_id}/unassign-licence",
        owner=OWNER,
        operation_id="unassign_licence",
        description="Take the licence of a subscription's product away.",
        body=LicenceChange,
        check=_subscription_is_in_scope,
    )
    add_command(
        router,
        surface,
        "/users/{user_id}/delete",
        owner=OWNER,
        operation_id="delete_user",
        description="Delete the user; it can be restored for 30 days.",
    )
    add_command(
        router,
        surface,
        "/users/{user_id}/restore",
        owner=OWNER,
        operation_id="restore_user",
        description="Take a deleted user back within 30 days.",
    )
    return router


async def _subscription_is_in_scope(parts: Parts, scope: Scope, given: dict[str, Any]) -> None:
    await row_of(Reading(parts=parts, scope=scope), SUBSCRIPTIONS, given["subscription_id"], "subscription")
