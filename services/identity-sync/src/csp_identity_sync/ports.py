"""What the use cases need from outside."""

from dataclasses import dataclass
from typing import Any, Protocol

from csp_runtime.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """A tenant as this service needs it."""

    tenant_id: str
    reseller_id: str
    customer_id: str
    microsoft_tenant_id: str
    domain: str
    country: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRow:
    """A user without its names."""

    user_id: str
    tenant_id: str
    microsoft_user_id: str
    usage_location: str | None
    status: str
    sku_ids: list[str]
    version: int


class Directory(Protocol):
    """Rows of this service, inside the scope."""

    async def tenant(self, scope: Scope, tenant_id: str) -> Tenant | None:
        """A tenant."""

    async def user(self, scope: Scope, user_id: str) -> UserRow | None:
        """A user."""

    async def sku_of(self, scope: Scope, tenant_id: str, subscription_id: str) -> str | None:
        """The directory SKU of a subscription of this tenant."""

    async def users(
        self, scope: Scope, tenant_id: str, status: str | None, *, after: list[str] | None, limit: int
    ) -> list[dict[str, Any]]:
        """A page of users with their names."""

    async def shown_user(self, scope: Scope, user_id: str) -> dict[str, Any] | None:
        """A user with the name, as in the list."""
