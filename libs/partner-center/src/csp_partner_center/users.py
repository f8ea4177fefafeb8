"""Users of a customer's directory, through Partner Center (PC 7). All app+user. Names of persons are kept out of reprs."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from csp_partner_center.answers import Answer, RequestIds
from csp_partner_center.calls import Access, Call, path
from csp_partner_center.paging import Page, everything, seek
from csp_partner_center.reading import Guid, OpenEnum
from csp_partner_center.secrets import Secret
from csp_partner_center.session import Session
from csp_partner_center.writing import encode


class UserState(OpenEnum):
    """`inactive` is deleted, for 30 days."""

    ACTIVE = "active"
    INACTIVE = "inactive"


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordProfile:
    """A password to set; `force_change_password` asks for another one at the first sign-in."""

    password: Secret
    force_change_password: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    """`usage_location` (two letters) is needed before a licence can be assigned."""

    user_principal_name: str = field(repr=False)
    display_name: str = field(repr=False)
    password_profile: PasswordProfile
    first_name: str | None = field(default=None, repr=False)
    last_name: str | None = field(default=None, repr=False)
    usage_location: str | None = None
    immutable_id: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user as Partner Center shows it; a password in an answer is not read."""

    id: Guid
    user_principal_name: str | None = field(default=None, repr=False)
    display_name: str | None = field(default=None, repr=False)
    first_name: str | None = field(default=None, repr=False)
    last_name: str | None = field(default=None, repr=False)
    phone_number: str | None = field(default=None, repr=False)
    usage_location: str | None = None
    immutable_id: str | None = field(default=None, repr=False)
    last_directory_sync_time: datetime | None = None
    user_domain_type: str | None = None
    state: UserState | None = None
    soft_deletion_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryRole:
    """Ids differ from tenant to tenant: find a role by its name."""

    id: Guid
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleMember:
    """A user in a role."""

    id: Guid
    display_name: str | None = field(default=None, repr=False)
    user_principal_name: str | None = field(default=None, repr=False)
    role_id: Guid | None = None


class Users:
    """App+user, with the delegated right that the operation needs (PC 1.2)."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def pages(
        self, customer_id: str, *, size: int = 500, continuation: str | None = None
    ) -> AsyncIterator[Page[User]]:
        """Active users; the tenant's administrator is among them."""
        return seek(
            self._session,
            User,
            self._call("list", "GET", path("customers", customer_id, "users"), query=(("size", str(size)),)),
            continuation=continuation,
        )

    def deleted_pages(self, customer_id: str, *, size: int = 500) -> AsyncIterator[Page[User]]:
        """Users that can still be restored."""
        wanted = msgspec.json.encode(
            {"Field": "UserState", "Value": "Inactive", "Operator": "equals"}
        ).decode()
        return seek(
            self._session,
            User,
            self._call(
                "list",
                "GET",
                path("customers", customer_id, "users"),
                query=(("size", str(size)), ("filter", wanted)),
            ),
        )

    async def get(self, customer_id: str, user_id: str) -> Answer[User]:
        """Raises `NotFound` (60002)."""
        return await self._session.ask(
            User, self._call("get", "GET", path("customers", customer_id, "users", user_id))
        )

    async def create(self, customer_id: str, new: NewUser, ids: RequestIds) -> Answer[User]:
        """Not repeated after an unknown outcome: look for the name first. Raises `AlreadyExists` for a taken name."""
        body = {**_plain(new), "attributes": {"objectType": "CustomerUser"}}
        return await self._session.ask(
            User,
            self._call("create", "POST", path("customers", customer_id, "users"), body=encode(body)),
            ids,
        )

    async def update(
        self, customer_id: str, user_id: str, changes: dict[str, object], ids: RequestIds
    ) -> Answer[User]:
        """Some members by their wire names, for example `{"displayName": "…"}`."""
        return await self._session.ask(User, self._patch(customer_id, user_id, changes), ids)

    async def delete(self, customer_id: str, user_id: str, ids: RequestIds) -> Answer[None]:
        """Becomes inactive and frees its licences; can be restored for 30 days."""
        call = self._call(
            "delete", "DELETE", path("customers", customer_id, "users", user_id), is_repeatable=True
        )
        return (await self._session.send(call, ids)).answer

    async def restore(self, customer_id: str, user_id: str, ids: RequestIds) -> Answer[User]:
        """Active again, without licences."""
        return await self._session.ask(
            User,
            self._patch(
                customer_id, user_id, {"state": "active", "attributes": {"objectType": "CustomerUser"}}
            ),
            ids,
        )

    async def reset_password(
        self, customer_id: str, user_id: str, profile: PasswordProfile, ids: RequestIds
    ) -> Answer[None]:
        """Set a password. The same password again is harmless, so it is repeated."""
        call = self._call(
            "resetpassword",
            "PATCH",
            path("customers", customer_id, "users", user_id, "resetpassword"),
            body=encode({"passwordProfile": profile, "attributes": {"objectType": "CustomerUser"}}),
            is_repeatable=True,
        )
        return (await self._session.send(call, ids)).answer

    async def roles(self, customer_id: str, user_id: str | None = None) -> list[DirectoryRole]:
        """The tenant's roles, or those of one user."""
        where = (
            path("customers", customer_id, "directoryroles")
            if user_id is None
            else path("customers", customer_id, "users", user_id, "directoryroles")
        )
        call = Call(
            operation="customers.directoryroles.list"
            if user_id is None
            else "customers.users.directoryroles.list",
            method="GET",
            path=where,
            access=Access.APP_USER,
        )
        return (await everything(self._session, DirectoryRole, call)).items

    async def add_to_role(
        self, customer_id: str, role_id: str, user: User, ids: RequestIds
    ) -> Answer[RoleMember]:
        """Give a user a role."""
        return await self._session.ask(
            RoleMember,
            Call(
                operation="customers.directoryroles.usermembers.create",
                method="POST",
                path=path("customers", customer_id, "directoryroles", role_id, "usermembers"),
                body=encode(
                    {
                        "id": user.id,
                        "displayName": user.display_name,
                        "userPrincipalName": user.user_principal_name,
                        "attributes": {"objectType": "UserMember"},
                    }
                ),
                access=Access.APP_USER,
                is_repeatable=True,
            ),
            ids,
        )

    async def remove_from_role(
        self, customer_id: str, role_id: str, user_id: str, ids: RequestIds
    ) -> Answer[None]:
        """Take the role away."""
        call = Call(
            operation="customers.directoryroles.usermembers.delete",
            method="DELETE",
            path=path("customers", customer_id, "directoryroles", role_id, "usermembers", user_id),
            access=Access.APP_USER,
            is_repeatable=True,
        )
        return (await self._session.send(call, ids)).answer

    def _patch(self, customer_id: str, user_id: str, changes: dict[str, object]) -> Call:
        return self._call(
            "update",
            "PATCH",
            path("customers", customer_id, "users", user_id),
            body=encode(changes),
            is_repeatable=True,
        )

    def _call(
        self,
        verb: str,
        method: str,
        where: str,
        *,
        query: tuple[tuple[str, str], ...] = (),
        body: bytes | None = None,
        is_repeatable: bool = False,
    ) -> Call:
        return Call(
            operation=f"customers.users.{verb}",
            method=method,
            path=where,
            query=query,
            body=body,
            access=Access.APP_USER,
            is_repeatable=is_repeatable,
        )


def _plain(new: NewUser) -> dict[str, object]:
    found = {
        "usageLocation": new.usage_location,
        "userPrincipalName": new.user_principal_name,
        "firstName": new.first_name,
        "lastName": new.last_name,
        "displayName": new.display_name,
        "immutableId": new.immutable_id,
        "passwordProfile": new.password_profile,
    }
    return {name: value for name, value in found.items() if value is not None}
