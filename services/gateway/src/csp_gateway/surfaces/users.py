"""Users and licences: identity-sync's own read models, forwarded; no name or address is kept here."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from csp_gateway.adapters.paging import cursor_of, key_of
from csp_gateway.models import LicenceChange, ListOf, NewUser, Operation, User
from csp_gateway.surfaces.common import (
    Prefer,
    UseCaller,
    UsePage,
    UseParts,
    Waited,
    answer_operation,
    customer_scope,
    list_meta,
    problems,
    reseller_scope,
)
from csp_runtime.http import AnyCommand
from csp_runtime.problems import not_found
from csp_runtime.scope import Scope

CHANGED: dict[int | str, dict[str, Any]] = {200: {"model": Operation}, **problems(400, 404, 409)}


def routes(surface: str, *, with_cost: bool) -> APIRouter:
    """The routes of one surface."""
    router = APIRouter(tags=["users and licences"])
    scoped = Depends(reseller_scope if with_cost else customer_scope)

    @router.get(
        "/tenants/{tenant_id}/users",
        responses=problems(404),
        operation_id="list_users",
        dependencies=[Waited],
    )
    async def list_users(
        tenant_id: str,
        request: Request,
        caller: UseCaller,
        parts: UseParts,
        page: UsePage,
        scope: Scope = scoped,
        status: Annotated[str | None, Query(alias="filter[status]")] = None,
    ) -> ListOf[User]:
        """Users of a tenant by name, with the licences they hold."""
        if await parts.screens.one(scope, "tenants", "tenant_id", tenant_id) is None:
            raise not_found("tenant")
        filters = {"tenant_id": tenant_id, "status": status}
        after = key_of(page.after, filters)
        rows = await parts.owners.get(
            "identity-sync",
            f"/tenants/{tenant_id}/users",
            caller,
            status=status,
            after=None if after is None else after[0],
            limit=page.size + 1,
        )
        cursor = None
        if len(rows) > page.size:
            rows = rows[: page.size]
            cursor = cursor_of([rows[-1]["cursor"]], filters)
        return ListOf(data=[_view(row) for row in rows], meta=list_meta(request, parts, page, cursor))

    @router.post("/tenants/{tenant_id}/users", status_code=202, responses=CHANGED, operation_id="create_user")
    async def create_user(
        tenant_id: str,
        body: NewUser,
        command: AnyCommand,
        caller: UseCaller,
        parts: UseParts,
        response: Response,
        scope: Scope = scoped,
        prefer: Prefer = None,
    ) -> Operation:
        """Make a user; a generated password goes by a one-time link, never in clear."""
        begun = await parts.owners.command(
            "identity-sync", f"/tenants/{tenant_id}/users", caller, command, body.model_dump()
        )
        return await answer_operation(parts, scope, begun, prefer, response, surface)

    def licence_action(name: str, operation_id: str, description: str) -> None:
        async def act(
            user_id: str,
            body: LicenceChange,
            command: AnyCommand,
            caller: UseCaller,
            parts: UseParts,
            response: Response,
            scope: Scope = scoped,
            prefer: Prefer = None,
        ) -> Operation:
            row = await parts.screens.one(scope, "subscriptions", "subscription_id", body.subscription_id)
            if row is None:
                raise not_found("subscription")
            begun = await parts.owners.command(
                "identity-sync",
                f"/users/{user_id}/{name}",
                caller,
                command,
                {"subscription_id": body.subscription_id},
            )
            return await answer_operation(parts, scope, begun, prefer, response, surface)

        router.add_api_route(
            f"/users/{{user_id}}/{name}",
            act,
            methods=["POST"],
            status_code=202,
            responses=CHANGED,
            operation_id=operation_id,
            description=description,
            response_model=Operation,
        )

    licence_action("assign-licence", "assign_licence", "Give the user a licence of a subscription's product.")
    licence_action(
        "unassign-licence", "unassign_licence", "Take the licence of a subscription's product away."
    )

    def user_action(name: str, operation_id: str, description: str) -> None:
        async def act(
            user_id: str,
            command: AnyCommand,
            caller: UseCaller,
            parts: UseParts,
            response: Response,
            scope: Scope = scoped,
            prefer: Prefer = None,
        ) -> Operation:
            begun = await parts.owners.command(
                "identity-sync", f"/users/{user_id}/{name}", caller, command, {}
            )
            return await answer_operation(parts, scope, begun, prefer, response, surface)

        router.add_api_route(
            f"/users/{{user_id}}/{name}",
            act,
            methods=["POST"],
            status_code=202,
            responses=CHANGED,
            operation_id=operation_id,
            description=description,
            response_model=Operation,
        )

    user_action("delete", "delete_user", "Delete the user; it can be restored for 30 days.")
    user_action("restore", "restore_user", "Take a deleted user back within 30 days.")

    return router


def _view(row: dict[str, Any]) -> User:
    return User.model_validate({name: row[name] for name in User.model_fields})
