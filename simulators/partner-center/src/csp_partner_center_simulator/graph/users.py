"""Graph users of a customer's directory: listed, made, changed, deleted (PC 13.1)."""

from typing import Any

from msgspec.structs import replace

from csp_partner_center_simulator.commerce import people
from csp_partner_center_simulator.graph.delta import delta, home
from csp_partner_center_simulator.graph.odata import bad_request, filtered, page, selected
from csp_partner_center_simulator.graph.shared import body_of, entity, find, in_graph_words, log_change
from csp_partner_center_simulator.graph.user_json import KEPT, USUAL, everything
from csp_partner_center_simulator.state.customers import User
from csp_partner_center_simulator.wire.answer import Answer
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import GraphError
from csp_partner_center_simulator.wire.request import Body
from csp_partner_center_simulator.wire.router import (
    GRAPH_READERS,
    HELPERS,
    USER_ADMINS,
    USER_CREATORS,
    Rights,
    Route,
)

EVENTUAL = ("$search", "$count")


def list_users(call: Call) -> Answer:
    """List active users."""
    request = call.request
    advanced = (
        any(name in request.query for name in EVENTUAL)
        or "endswith" in (request.param("$filter") or "").lower()
    )
    if advanced and request.headers.get("consistencylevel", "").lower() != "eventual":
        raise bad_request(
            "Advanced queries need the header ConsistencyLevel: eventual.", "Request_UnsupportedQuery"
        )
    users = filtered(request, people.listed(call.world, home(call)), everything)
    search = (request.param("$search") or "").strip('"')
    if search:
        name, _, wanted = search.partition(":")
        users = [user for user in users if wanted.lower() in str(everything(user).get(name, "")).lower()]
    if (order := request.param("$orderby")) is not None:
        name, _, direction = order.partition(" ")
        users.sort(
            key=lambda user: str(everything(user).get(name, "")).lower(),
            reverse=direction.strip().lower() == "desc",
        )
    items = [selected(request, everything(user), USUAL) for user in users]
    return Answer(body=page(call, items, "/users", default=100, most=999, context="users"), nulls=True)


def count(call: Call) -> Answer:
    """Count the active users: a number as text; an advanced query."""
    if call.request.headers.get("consistencylevel", "").lower() != "eventual":
        raise bad_request(
            "Advanced queries need the header ConsistencyLevel: eventual.", "Request_UnsupportedQuery"
        )
    users = filtered(call.request, people.listed(call.world, home(call)), everything)
    return Answer(body=str(len(users)).encode(), content_type="text/plain")


def get(call: Call) -> Answer:
    """Read one user."""
    return Answer(body=entity(call, find(call)), nulls=True)


def create(call: Call) -> Answer:
    """Make a user: 201."""
    world, customer, body = call.world, home(call), body_of(call)
    for name in ("accountEnabled", "displayName", "mailNickname", "userPrincipalName", "passwordProfile"):
        if name not in body:
            raise bad_request(f"A value is required for property '{name}' of resource 'User'.")
    profile = body.object("passwordProfile")
    user = User(
        id=world.new_id("user"),
        customer_id=customer.id,
        user_principal_name=body.text("userPrincipalName"),
        display_name=body.text("displayName"),
        first_name=body.text("givenName"),
        last_name=body.text("surname"),
        usage_location=body.text("usageLocation").upper(),
        immutable_id=body.text("onPremisesImmutableId"),
        job_title=body.text("jobTitle"),
        account_enabled=body.flag("accountEnabled") is not False,
        force_change_password=profile.flag("forceChangePasswordNextSignIn") is not False,
        phone_number=next(iter(body.texts("businessPhones")), ""),
        more=_more(body),
        created_at=world.now,
        changed_at=world.now,
    )
    user = in_graph_words(lambda: people.create(world, customer, user, profile.text("password")))
    log_change(call, user, "create_customer_user")
    location = f"{call.base_url}/graph/v1.0/users/{user.id}"
    return Answer(201, entity(call, user), {"Location": location}, nulls=True)


def update(call: Call) -> Answer:
    """Change a user: 204 without a body; a new password needs a delegated token."""
    world, customer, before, body = call.world, home(call), find(call), body_of(call)
    changed = before
    names = {
        "userPrincipalName": "user_principal_name",
        "displayName": "display_name",
        "givenName": "first_name",
        "surname": "last_name",
        "onPremisesImmutableId": "immutable_id",
        "jobTitle": "job_title",
    }
    wished: dict[str, Any] = {own: body.text(name) for name, own in names.items() if name in body}
    if "usageLocation" in body:
        wished["usage_location"] = body.text("usageLocation").upper()
    if "accountEnabled" in body:
        wished["account_enabled"] = body.flag("accountEnabled") is not False
    if "businessPhones" in body:
        wished["phone_number"] = next(iter(body.texts("businessPhones")), "")
    wished["more"] = tuple((dict(before.more) | dict(_more(body))).items())
    if wished.get("user_principal_name", before.user_principal_name) != before.user_principal_name:
        in_graph_words(lambda: people.check_name(world, customer, wished["user_principal_name"]))
    in_graph_words(lambda: people.check_usage_location(wished.get("usage_location", "")))
    changed = replace(before, **wished)
    operation = "update_customer_user"
    if "passwordProfile" in body:
        if not call.caller.is_user:
            raise GraphError(
                403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."
            )
        profile = body.object("passwordProfile")
        if profile.text("password"):
            in_graph_words(lambda: people.check_password(profile.text("password"), changed))
        changed = replace(
            changed, force_change_password=profile.flag("forceChangePasswordNextSignIn") is not False
        )
        operation = "reset_customer_user_password"
    people.save(world, changed, "updated")
    log_change(call, changed, operation)
    return Answer(204)


def _more(body: Body) -> tuple[tuple[str, str | None], ...]:
    """Read the properties that are only kept, with the nickname of the mail address."""
    return tuple((name, body.text(name) or None) for name in (*KEPT, "mailNickname") if name in body)


def delete(call: Call) -> Answer:
    """Move a user to the deleted items: 204."""
    user = people.delete(call.world, find(call))
    log_change(call, user, "delete_customer_user")
    return Answer(204)


def _rights(gdap: frozenset[str]) -> Rights:
    return Rights(roles=HELPERS, gdap=gdap)


_READ, _WRITE, _NEW = _rights(GRAPH_READERS), _rights(USER_ADMINS), _rights(USER_CREATORS)
_G = "/graph/v1.0"
_U = f"{_G}/users/{{user}}"
ROUTES = (
    Route(method="GET", path=f"{_G}/users", operation="graph.users.list", handler=list_users, rights=_READ),
    Route(method="POST", path=f"{_G}/users", operation="graph.users.create", handler=create, rights=_NEW),
    Route(method="GET", path=f"{_G}/users/delta", operation="graph.users.delta", handler=delta, rights=_READ),
    Route(
        method="GET", path=f"{_G}/users/$count", operation="graph.users.count", handler=count, rights=_READ
    ),
    Route(method="GET", path=_U, operation="graph.users.get", handler=get, rights=_READ),
    Route(method="PATCH", path=_U, operation="graph.users.update", handler=update, rights=_WRITE),
    Route(method="DELETE", path=_U, operation="graph.users.delete", handler=delete, rights=_WRITE),
)
