"""Use cases of users and licences."""

from typing import Any

from csp_contracts.ids import Kind, named_id
from csp_identity_sync.domain.forms import user_faults
from csp_identity_sync.ports import Directory, Tenant, UserRow
from csp_runtime.clock import Clock
from csp_runtime.commands import command_meta, key_of
from csp_runtime.http import Command
from csp_runtime.operations import Beginning, Operations
from csp_runtime.operations.beginning import Begun
from csp_runtime.passwords import generate
from csp_runtime.positions import position_of
from csp_runtime.problems import Problem, invalid, not_found
from csp_runtime.scope import Scope

CONTEXT = "identity-sync"


class IdentityUseCases:
    """Commands and questions of this context."""

    def __init__(self, *, directory: Directory, operations: Operations, clock: Clock) -> None:
        self._directory = directory
        self._operations = operations
        self._clock = clock

    async def create_user(
        self,
        scope: Scope,
        tenant_id: str,
        *,
        user_name: str,
        first_name: str,
        last_name: str,
        usage_location: str | None,
        password_mode: str,
        password: str | None,
        mail_to: str | None,
        command: Command,
    ) -> Begun:
        """Begin the creation of a user; every fault of the form is named at once."""
        tenant = await self._tenant(scope, tenant_id)
        faults = user_faults(
            user_name=user_name,
            first_name=first_name,
            last_name=last_name,
            password_mode=password_mode,
            password=password,
            mail_to=mail_to,
        )
        location = usage_location or tenant.country
        if not location:
            raise Problem(
                "usage-location-missing", "The user needs a usage location before licences can be held"
            )
        if faults:
            raise Problem("validation", "The form is not complete", invalid=faults)
        principal = f"{user_name}@{tenant.domain}".lower()
        payload = {
            "user_principal_name": principal,
            "display_name": f"{first_name} {last_name}",
            "first_name": first_name,
            "last_name": last_name,
            "usage_location": location,
            "password": password or generate(),
            "mail_to": mail_to if password_mode != "specify" else None,  # noqa: S105 - a mode
        }
        # The subject is the name's hash: two creations of one name meet, and no name stands in an event.
        subject = named_id(Kind.USER, scope.reseller, f"{tenant.microsoft_tenant_id}/{principal}")
        return await self._begin(
            scope, tenant, "user.create", {"password_mode": password_mode}, command, payload, subject
        )

    async def change_licence(
        self, scope: Scope, user_id: str, subscription_id: str, command: Command, *, assign: bool
    ) -> Begun:
        """Begin to assign or remove the licence of a subscription's product."""
        user, tenant = await self._user(scope, user_id)
        sku = await self._directory.sku_of(scope, user.tenant_id, subscription_id)
        if sku is None:
            raise invalid(
                "subscription_id", "same_tenant", "is no subscription of the user's tenant with licences"
            )
        if assign and not user.usage_location:
            raise Problem(
                "usage-location-missing", "The user needs a usage location before licences can be held"
            )
        kind = "user.assign_licence" if assign else "user.unassign_licence"
        target = {"sku_id": sku, "microsoft_user_id": user.microsoft_user_id, "user_id": user_id}
        return await self._begin(scope, tenant, kind, target, command, {}, user_id)

    async def delete_user(self, scope: Scope, user_id: str, command: Command) -> Begun:
        """Begin to delete a user; it can be restored for 30 days."""
        user, tenant = await self._user(scope, user_id)
        target = {"microsoft_user_id": user.microsoft_user_id, "user_id": user_id}
        return await self._begin(scope, tenant, "user.delete", target, command, {}, user_id)

    async def restore_user(self, scope: Scope, user_id: str, command: Command) -> Begun:
        """Begin to take a deleted user back."""
        user, tenant = await self._user(scope, user_id)
        target = {"microsoft_user_id": user.microsoft_user_id, "user_id": user_id}
        return await self._begin(scope, tenant, "user.restore", target, command, {}, user_id)

    async def users(
        self, scope: Scope, tenant_id: str, status: str | None, *, after: str | None, limit: int
    ) -> list[dict[str, Any]]:
        """A page of users with their names."""
        await self._tenant(scope, tenant_id)
        behind = position_of(after, 2)
        return await self._directory.users(scope, tenant_id, status, after=behind, limit=limit)

    async def user(self, scope: Scope, user_id: str) -> dict[str, Any]:
        """One user with the name, as in the list."""
        found = await self._directory.shown_user(scope, user_id)
        if found is None:
            raise not_found("user")
        return found

    async def _begin(
        self,
        scope: Scope,
        tenant: Tenant,
        kind: str,
        target: dict[str, Any],
        command: Command,
        payload: dict[str, Any],
        subject: str,
    ) -> Begun:
        now = self._clock.now()
        return await self._operations.begin(
            Beginning(
                kind=kind,
                context=CONTEXT,
                subject=subject,
                target={
                    **target,
                    "tenant_id": tenant.tenant_id,
                    "microsoft_tenant_id": tenant.microsoft_tenant_id,
                },
                payload=payload,
                meta=command_meta(
                    scope,
                    command,
                    now,
                    partition_key=tenant.tenant_id,
                    customer=tenant.customer_id,
                    tenant=tenant.tenant_id,
                ),
                match_keys=[subject],
            ),
            key=key_of(command, now),
            now=now,
        )

    async def _tenant(self, scope: Scope, tenant_id: str) -> Tenant:
        tenant = await self._directory.tenant(scope, tenant_id)
        if tenant is None:
            raise not_found("tenant")
        return tenant

    async def _user(self, scope: Scope, user_id: str) -> tuple[UserRow, Tenant]:
        user = await self._directory.user(scope, user_id)
        if user is None:
            raise not_found("user")
        return user, await self._tenant(scope, user.tenant_id)
