"""Directory roles and who holds them (PC 7.4)."""

import uuid
from typing import Any

from msgspec.structs import replace

from csp_partner_center_simulator.commerce import activity, people
from csp_partner_center_simulator.state.customers import Customer, User
from csp_partner_center_simulator.state.world import NAMESPACE
from csp_partner_center_simulator.wire.answer import Answer, attributes, collection
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import ApiError
from csp_partner_center_simulator.wire.router import DIRECTORY_READERS, HELPERS, ROLE_ADMINS, Rights, Route


def role_id(customer: Customer, name: str) -> str:
    """Give the id of a directory role; it is per tenant (PC 7.4)."""
    return str(uuid.uuid5(NAMESPACE, f"role/{customer.id}/{name}"))


def _role_name(call: Call) -> str:
    for name in people.DIRECTORY_ROLES:
        if role_id(call.customer, name) == call.params["role"].lower():
            return name
    raise ApiError(404, 60004, f"The directory role {call.params['role'][:40]} was not found.")


def _role_json(customer: Customer, name: str) -> dict[str, Any]:
    return {"name": name, "id": role_id(customer, name), "attributes": attributes("DirectoryRole")}


def _member_json(customer: Customer, name: str, user: User) -> dict[str, Any]:
    return {
        "displayName": user.display_name,
        "userPrincipalName": user.user_principal_name,
        "roleId": role_id(customer, name),
        "id": user.id,
        "attributes": attributes("UserMember"),
    }


def roles(call: Call) -> Answer:
    """List the tenant's directory roles."""
    items = [_role_json(call.customer, name) for name in people.DIRECTORY_ROLES]
    return Answer(body=collection(items, f"/customers/{call.customer.id}/directoryroles"))


def user_roles(call: Call) -> Answer:
    """List the roles of a user."""
    user = people.find(call.world, call.customer, call.params["user"])
    items = [_role_json(call.customer, name) for name in user.roles]
    return Answer(body=collection(items, f"/customers/{call.customer.id}/users/{user.id}/directoryroles"))


def role_members(call: Call) -> Answer:
    """List the users that hold a role."""
    name = _role_name(call)
    items = [
        _member_json(call.customer, name, user)
        for user in people.listed(call.world, call.customer)
        if name in user.roles
    ]
    return Answer(
        body=collection(
            items, f"/customers/{call.customer.id}/directoryroles/{call.params['role']}/usermembers"
        )
    )


def add_role_member(call: Call) -> Answer:
    """Give a role to a user."""
    name = _role_name(call)
    user = people.find(call.world, call.customer, call.request.object().required("id"))
    if name not in user.roles:
        user = people.save(call.world, replace(user, roles=(*user.roles, name)), "updated")
    _log_role(call, user, "add_user_member", name)
    return Answer(201, _member_json(call.customer, name, user))


def remove_role_member(call: Call) -> Answer:
    """Take a role from a user."""
    name = _role_name(call)
    user = people.find(call.world, call.customer, call.params["user"])
    if name not in user.roles:
        raise ApiError(404, 60002, f"The user {user.id} does not hold the role.")
    user = people.save(
        call.world, replace(user, roles=tuple(one for one in user.roles if one != name)), "updated"
    )
    _log_role(call, user, "remove_user_member", name)
    return Answer(204)


def _log_role(call: Call, user: User, operation: str, name: str) -> None:
    activity.record(
        call.world,
        call.actor,
        call.customer,
        "customer_directory_role",
        operation,
        data=(("CustomerUserId", user.id), ("RoleName", name)),
        partner_id=call.partner.id,
    )


def _rights(gdap: frozenset[str]) -> Rights:
    return Rights(app_only=False, roles=HELPERS, gdap=gdap)


_C = "/v1/customers/{customer}"
_READ, _WRITE = _rights(DIRECTORY_READERS), _rights(ROLE_ADMINS)
_MEMBERS = f"{_C}/directoryroles/{{role}}/usermembers"
_N = "customers.directoryroles"
ROUTES = (
    Route(method="GET", path=f"{_C}/directoryroles", operation=f"{_N}.list", handler=roles, rights=_READ),
    Route(
        method="GET",
        path=f"{_C}/users/{{user}}/directoryroles",
        operation="customers.users.directoryroles.list",
        handler=user_roles,
        rights=_READ,
    ),
    Route(
        method="GET", path=_MEMBERS, operation=f"{_N}.usermembers.list", handler=role_members, rights=_READ
    ),
    Route(
        method="POST",
        path=_MEMBERS,
        operation=f"{_N}.usermembers.create",
        handler=add_role_member,
        rights=_WRITE,
    ),
    Route(
        method="DELETE",
        path=f"{_MEMBERS}/{{user}}",
        operation=f"{_N}.usermembers.delete",
        handler=remove_role_member,
        rights=_WRITE,
    ),
)
