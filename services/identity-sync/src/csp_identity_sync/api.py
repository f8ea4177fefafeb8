"""The internal HTTP edge: parse, authorise, call, answer. The gateway is its only caller from outside."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from csp_identity_sync.application import IdentityUseCases
from csp_identity_sync.outcomes import SEAL_PURPOSE
from csp_runtime.clock import Clock
from csp_runtime.http import AnyCommand, AnyScope
from csp_runtime.operations.beginning import Begun
from csp_runtime.problems import Problem
from csp_runtime.scope import Role, Scope
from csp_runtime.seals import Seals

_MAY_CHANGE = frozenset(
    {
        Role.RESELLER_ADMIN,
        Role.RESELLER_SUPPORT,
        Role.CUSTOMER_ADMIN,
        Role.CUSTOMER_USER_MANAGER,
        Role.SERVICE,
    }
)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class UserBody(_Body):
    """A new user."""

    user_name: str = Field(max_length=64)
    first_name: str = Field(max_length=64)
    last_name: str = Field(max_length=64)
    usage_location: str | None = Field(None, pattern=r"^[A-Z]{2}$")
    password_mode: Literal["generate_and_mail", "specify_and_mail", "specify"] = "generate_and_mail"  # noqa: S105 - a mode
    password: str | None = Field(None, max_length=256, repr=False)
    mail_to: str | None = Field(None, max_length=200)


class LicenceBody(_Body):
    """The subscription whose product is meant."""

    subscription_id: str


def routes(use_cases: IdentityUseCases, seals: Seals, clock: Clock) -> APIRouter:
    """The routes of this context."""
    router = APIRouter(prefix="/internal/v1")

    @router.get("/tenants/{tenant_id}/users")
    async def users(
        tenant_id: str,
        scope: AnyScope,
        status: str | None = None,
        after: str | None = None,
        limit: Annotated[int, Query(ge=1, le=501)] = 50,
    ) -> list[dict[str, Any]]:
        return await use_cases.users(scope, tenant_id, status, after=after, limit=limit)

    @router.get("/users/{user_id}")
    async def user(user_id: str, scope: AnyScope) -> dict[str, Any]:
        return await use_cases.user(scope, user_id)

    @router.post("/tenants/{tenant_id}/users", status_code=202)
    async def create_user(
        tenant_id: str, body: UserBody, scope: AnyScope, command: AnyCommand
    ) -> dict[str, Any]:
        _may_change(scope)
        return _begun(await use_cases.create_user(scope, tenant_id, **body.model_dump(), command=command))

    @router.post("/users/{user_id}/assign-licence", status_code=202)
    async def assign(user_id: str, body: LicenceBody, scope: AnyScope, command: AnyCommand) -> dict[str, Any]:
        _may_change(scope)
        return _begun(
            await use_cases.change_licence(scope, user_id, body.subscription_id, command, assign=True)
        )

    @router.post("/users/{user_id}/unassign-licence", status_code=202)
    async def unassign(
        user_id: str, body: LicenceBody, scope: AnyScope, command: AnyCommand
    ) -> dict[str, Any]:
        _may_change(scope)
        return _begun(
            await use_cases.change_licence(scope, user_id, body.subscription_id, command, assign=False)
        )

    @router.post("/users/{user_id}/delete", status_code=202)
    async def delete(user_id: str, scope: AnyScope, command: AnyCommand) -> dict[str, Any]:
        _may_change(scope)
        return _begun(await use_cases.delete_user(scope, user_id, command))

    @router.post("/users/{user_id}/restore", status_code=202)
    async def restore(user_id: str, scope: AnyScope, command: AnyCommand) -> dict[str, Any]:
        _may_change(scope)
        return _begun(await use_cases.restore_user(scope, user_id, command))

    @router.post("/retrievals/{seal_id}")
    async def retrieve(seal_id: str, key: str) -> dict[str, str]:
        """The link in the mail is the right to see the secret, once; no token is asked for."""
        return {"secret": await seals.redeem_by_link(seal_id, key, purpose=SEAL_PURPOSE, now=clock.now())}

    return router


def _may_change(scope: Scope) -> None:
    if not scope.roles & _MAY_CHANGE:
        raise Problem("forbidden", "Your role does not allow changes to users")


def _begun(begun: Begun) -> dict[str, Any]:
    return {"operation_id": begun.operation_id, "version": begun.version, "is_replay": begun.is_replay}
