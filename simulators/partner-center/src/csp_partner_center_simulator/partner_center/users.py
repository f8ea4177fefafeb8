"""Customer users and their passwords (PC 7.1, 7.2)."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from csp_partner_center_simulator.commerce import activity, people
from csp_partner_center_simulator.state.customers import User
from csp_partner_center_simulator.wire.answer import Answer, attributes, instant, link
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import ApiError, invalid
from csp_partner_center_simulator.wire.filters import predicate
from csp_partner_center_simulator.wire.paging import by_seek
from csp_partner_center_simulator.wire.request import Body
from csp_partner_center_simulator.wire.router import (
    HELPERS,
    PASSWORD_ADMINS,
    USER_ADMINS,
    USER_CREATORS,
    USER_LISTERS,
    Rights,
    Route,
)

SORTS = {
    "displayname": lambda user: user.display_name.lower(),
    "userprincipalname": lambda user: user.user_principal_name.lower(),
}

FILTERS: dict[str, Callable[[User], str]] = {
    "DisplayName": lambda user: user.display_name,
    "UserPrincipalName": lambda user: user.user_principal_name,
    "UserState": lambda user: "active" if user.active else "inactive",
    "UserStatus": lambda user: "active" if user.active else "inactive",
}


def user_json(user: User, *, password: str | None = None) -> dict[str, Any]:
    """Write a user; the password only where the request brought it."""
    return {
        "usageLocation": user.usage_location or None,
        "id": user.id,
        "userPrincipalName": user.user_principal_name,
        "firstName": user.first_name or None,
        "lastName": user.last_name or None,
        "displayName": user.display_name,
        "immutableId": user.immutable_id or None,
        "passwordProfile": None
        if password is None
        else {"forceChangePassword": user.force_change_password, "password": password},
        "phoneNumber": user.phone_number or None,
        "lastDirectorySyncTime": instant(user.last_directory_sync),
        "userDomainType": "none",
        "state": "active" if user.active else "inactive",
        "softDeletionTime": instant(user.deleted_at),
        "links": {"self": link(f"/customers/{user.customer_id}/users/{user.id}")},
        "attributes": attributes("CustomerUser"),
    }


def list_users(call: Call) -> Answer:
    """List the active users, or with a filter on UserState the deleted ones (PC 7.2)."""
    customer, request = call.customer, call.request
    wishes = {
        name: request.param(name)
        for name in ("filter", "sortField", "sortDirection")
        if request.param(name) is not None
    }

    def select(chosen: dict[str, Any]) -> list[User]:
        return _select(call, chosen)

    return Answer(
        body=by_seek(
            request,
            f"users/{customer.id}",
            f"/customers/{customer.id}/users",
            select,
            user_json,
            default=100,
            most=500,
            wishes=wishes,
        )
    )


def _select(call: Call, wishes: dict[str, Any]) -> list[User]:
    text = wishes.get("filter")
    test = predicate(text, FILTERS)
    # Who does not ask for a state gets the active ones; `userstate` and `userstatus` are one (PC 7.2, 16).
    both = text is not None and any(name in text.lower() for name in ("userstate", "userstatus"))
    users = [
        user
        for deleted in ((False, True) if both else (False,))
        for user in people.listed(call.world, call.customer, deleted=deleted)
        if test(user)
    ]
    sort = wishes.get("sortField")
    if sort:
        key = SORTS.get(str(sort).lower())
        if key is None:
            raise invalid("sortField must be DisplayName or UserPrincipalName.")
        users.sort(key=key, reverse=str(wishes.get("sortDirection", "")).lower() == "descending")
    return users


def get(call: Call) -> Answer:
    """Read one user, a deleted one too."""
    return Answer(body=user_json(people.find(call.world, call.customer, call.params["user"])))


def create(call: Call) -> Answer:
    """Make a user: 200 as documented (PC 16)."""
    world, customer, body = call.world, call.customer, call.request.object()
    profile = body.object("passwordProfile")
    password = profile.required("password")
    user = people.create(
        world,
        customer,
        User(
            id=world.new_id("user"),
            customer_id=customer.id,
            user_principal_name=body.required("userPrincipalName"),
            display_name=body.required("displayName"),
            created_at=world.now,
            changed_at=world.now,
            first_name=body.text("firstName"),
            last_name=body.text("lastName"),
            usage_location=body.text("usageLocation").upper(),
            immutable_id=body.text("immutableId"),
            phone_number=body.text("phoneNumber"),
            force_change_password=profile.flag("forceChangePassword") or False,
        ),
        password,
    )
    _log(call, user, "create_customer_user")
    return Answer(200, user_json(user, password=password))


def update(call: Call) -> Answer:
    """Change a user: fields, `state: active` to restore, or (the old way) its password."""
    world, customer, body = call.world, call.customer, call.request.object()
    before = people.find(world, customer, call.params["user"])
    if not before.active:
        if body.text("state").lower() != "active":
            raise ApiError(404, 60002, f"The user {before.id} was not found.")
        user = people.restore(world, before)
        _log(call, user, "restore_customer_user", before)
        return Answer(body=user_json(user))
    if before.last_directory_sync is not None:
        raise invalid("The user is synchronized from on-premises; most fields are read-only.", code=60016)
    if "passwordProfile" in body and body.object("passwordProfile").text("password"):
        return _reset(call, before, body.object("passwordProfile"))
    name = body.text("userPrincipalName", before.user_principal_name)
    if name.lower() != before.user_principal_name.lower():
        people.check_name(world, customer, name)
    location = body.text("usageLocation", before.usage_location).upper()
    people.check_usage_location(location)
    changed = replace(
        before,
        user_principal_name=name,
        display_name=body.text("displayName", before.display_name),
        first_name=body.text("firstName", before.first_name),
        last_name=body.text("lastName", before.last_name),
        usage_location=location,
        immutable_id=body.text("immutableId", before.immutable_id),
        phone_number=body.text("phoneNumber", before.phone_number),
    )
    if changed != before:
        changed = people.save(world, changed, "updated")
        renamed = name != before.user_principal_name
        _log(
            call,
            changed,
            "update_customer_user_principal_name" if renamed else "update_customer_user",
            before,
        )
    return Answer(body=user_json(changed))


def reset_password(call: Call) -> Answer:
    """Set a new password (PC 7.2)."""
    user = people.find(call.world, call.customer, call.params["user"])
    if not user.active:
        raise ApiError(404, 60002, f"The user {user.id} was not found.")
    return _reset(call, user, call.request.object().object("passwordProfile"))


def _reset(call: Call, user: User, profile: Body) -> Answer:
    password = profile.required("password")
    people.check_password(password, user)
    user = people.save(
        call.world,
        replace(user, force_change_password=profile.flag("forceChangePassword") or False),
        "updated",
    )
    _log(call, user, "reset_customer_user_password")
    return Answer(body=user_json(user, password=password))


def delete(call: Call) -> Answer:
    """Delete a user: it goes inactive, its licenses are freed."""
    user = people.delete(call.world, people.find(call.world, call.customer, call.params["user"]))
    _log(call, user, "delete_customer_user")
    return Answer(204)


def _log(call: Call, user: User, operation: str, before: User | None = None) -> None:
    activity.record(
        call.world,
        call.actor,
        call.customer,
        "customer_user",
        operation,
        new=people.audit_copy(user),
        old=people.audit_copy(before) if before else None,
        data=(("CustomerUserId", user.id),),
        partner_id=call.partner.id,
    )


def _rights(gdap: frozenset[str]) -> Rights:
    return Rights(app_only=False, roles=HELPERS, gdap=gdap)


_C = "/v1/customers/{customer}/users"
_U = f"{_C}/{{user}}"
ROUTES = (
    Route(
        method="GET",
        path=_C,
        operation="customers.users.list",
        handler=list_users,
        rights=_rights(USER_LISTERS),
    ),
    Route(
        method="POST",
        path=_C,
        operation="customers.users.create",
        handler=create,
        rights=_rights(USER_CREATORS),
    ),
    Route(method="GET", path=_U, operation="customers.users.get", handler=get, rights=_rights(USER_LISTERS)),
    Route(
        method="PATCH",
        path=_U,
        operation="customers.users.update",
        handler=update,
        rights=_rights(USER_ADMINS),
    ),
    Route(
        method="DELETE",
        path=_U,
        operation="customers.users.delete",
        handler=delete,
        rights=_rights(USER_ADMINS),
    ),
    Route(
        method="PATCH",
        path=f"{_U}/resetpassword",
        operation="customers.users.resetpassword",
        handler=reset_password,
        rights=_rights(PASSWORD_ADMINS),
    ),
)
