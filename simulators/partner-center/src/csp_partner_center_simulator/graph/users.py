"""Graph users, deleted items, delta and licenses of a customer's directory (PC 13.1 to 13.3, 13.5)."""

import copy
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from csp_partner_center_simulator.commerce import activity, licensing, people
from csp_partner_center_simulator.graph.odata import (
    bad_request,
    filtered,
    page,
    read_token,
    selected,
    write_token,
)
from csp_partner_center_simulator.state.customers import Customer, User
from csp_partner_center_simulator.state.directory import Note
from csp_partner_center_simulator.wire.answer import Answer, instant
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import ApiError, GraphError
from csp_partner_center_simulator.wire.request import Body
from csp_partner_center_simulator.wire.router import (
    DIRECTORY_READERS,
    HELPERS,
    LICENSE_ADMINS,
    USER_ADMINS,
    USER_CREATORS,
    Rights,
    Route,
)

# usageLocation, accountEnabled and assignedLicenses must be asked for (PC 13.1).
USUAL = (
    "businessPhones", "displayName", "givenName", "jobTitle", "mail", "mobilePhone", "officeLocation",
    "preferredLanguage", "surname", "userPrincipalName", "id",
)  # fmt: skip
DELTA_PAGE = 200
TOKEN_KEPT = timedelta(days=30)
EVENTUAL = ("$search", "$count")


def home(call: Call) -> Customer:
    """Give the customer whose directory the token is for; 403 for any other directory."""
    if "customer" not in call.params:
        raise GraphError(403, "Authorization_RequestDenied", "The token is not for a customer's directory.")
    return call.customer


def everything(user: User) -> dict[str, Any]:
    """Give all properties of a user."""
    return {
        "id": user.id,
        "businessPhones": [user.phone_number] if user.phone_number else [],
        "displayName": user.display_name,
        "givenName": user.first_name or None,
        "surname": user.last_name or None,
        "jobTitle": user.job_title or None,
        "mail": user.user_principal_name,
        "mailNickname": user.user_principal_name.partition("@")[0],
        "mobilePhone": None,
        "officeLocation": None,
        "preferredLanguage": None,
        "userPrincipalName": user.user_principal_name,
        "usageLocation": user.usage_location or None,
        "accountEnabled": user.account_enabled,
        "onPremisesImmutableId": user.immutable_id or None,
        "onPremisesSyncEnabled": True if user.last_directory_sync else None,
        "createdDateTime": instant(user.created_at),
        "deletedDateTime": instant(user.deleted_at),
        "userType": "Member",
        "assignedLicenses": [{"disabledPlans": list(plans), "skuId": sku} for sku, plans in user.licenses],
    }


def _entity(call: Call, user: User, usual: tuple[str, ...] = USUAL) -> dict[str, Any]:
    body = selected(call.request, everything(user), usual)
    return {"@odata.context": f"{call.base_url}/graph/v1.0/$metadata#users/$entity", **body}


def find(call: Call) -> User:
    """Find an active user by id or sign-in name; Graph's 404 when there is none."""
    wanted = call.params["user"]
    try:
        user = people.find(call.world, home(call), wanted)
    except ApiError:
        user = None
    if user is None or not user.active:
        raise GraphError(
            404,
            "Request_ResourceNotFound",
            f"Resource '{wanted[:64]}' does not exist or one of its queried reference-property objects are not present.",
        )
    return user


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
    return Answer(body=page(call, items, "/users", default=100, most=999, context="users"))


def get(call: Call) -> Answer:
    """Read one user."""
    return Answer(body=_entity(call, find(call)))


def create(call: Call) -> Answer:
    """Make a user: 201."""
    world, customer, body = call.world, home(call), _body(call)
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
        created_at=world.now,
        changed_at=world.now,
    )
    user = _translated(lambda: people.create(world, customer, user, profile.text("password")))
    _log(call, user, "create_customer_user")
    return Answer(201, _entity(call, user), {"Location": f"{call.base_url}/graph/v1.0/users/{user.id}"})


def _body(call: Call) -> Body:
    try:
        return call.request.object()
    except ApiError as refusal:
        raise bad_request(refusal.description, "BadRequest") from None


def _translated(do: Any) -> Any:
    """Say in Graph's words what the directory's rules refuse."""
    try:
        return do()
    except GraphError:
        raise
    except ApiError as refusal:
        if refusal.status == 409:
            raise bad_request(
                "Another object with the same value for property userPrincipalName already exists."
            ) from None
        if refusal.code == 60010:
            raise bad_request(
                "The specified password does not comply with password complexity requirements."
            ) from None
        if refusal.code == 60012:
            raise bad_request("Subscription does not have any available licenses.") from None
        if refusal.code == 60013:
            raise bad_request(
                "License assignment cannot be done for user with invalid usage location."
            ) from None
        raise bad_request(refusal.description) from None


def update(call: Call) -> Answer:
    """Change a user: 204 without a body; a new password needs a delegated token."""
    world, customer, before, body = call.world, home(call), find(call), _body(call)
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
    if wished.get("user_principal_name", before.user_principal_name) != before.user_principal_name:
        _translated(lambda: people.check_name(world, customer, wished["user_principal_name"]))
    _translated(lambda: people.check_usage_location(wished.get("usage_location", "")))
    changed = replace(before, **wished)
    operation = "update_customer_user"
    if "passwordProfile" in body:
        if not call.caller.is_user:
            raise GraphError(
                403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."
            )
        profile = body.object("passwordProfile")
        if profile.text("password"):
            _translated(lambda: people.check_password(profile.text("password"), changed))
        changed = replace(
            changed, force_change_password=profile.flag("forceChangePasswordNextSignIn") is not False
        )
        operation = "reset_customer_user_password"
    people.save(world, changed, "updated")
    _log(call, changed, operation)
    return Answer(204)


def delete(call: Call) -> Answer:
    """Move a user to the deleted items: 204."""
    user = people.delete(call.world, find(call))
    _log(call, user, "delete_customer_user")
    return Answer(204)


def deleted_items(call: Call) -> Answer:
    """List deleted users that can still be restored."""
    users = people.listed(call.world, home(call), deleted=True)
    items = [selected(call.request, everything(user), (*USUAL, "deletedDateTime")) for user in users]
    return Answer(
        body=page(
            call,
            items,
            "/directory/deletedItems/microsoft.graph.user",
            default=100,
            most=999,
            context="users",
        )
    )


def restore(call: Call) -> Answer:
    """Bring a deleted user back: 200."""
    user = call.world.users.get(call.params["user"])
    if (
        user is None
        or user.customer_id != home(call).id
        or user.deleted_at is None
        or user.purged_at is not None
    ):
        raise GraphError(404, "Request_ResourceNotFound", "The deleted user does not exist.")
    restored = _translated(lambda: people.restore(call.world, user))
    _log(call, restored, "restore_customer_user")
    return Answer(body=_entity(call, restored))


def assign_license(call: Call) -> Answer:
    """Assign and remove licenses: both lists are required, each may be empty (PC 13.3)."""
    world, customer, user, body = call.world, home(call), find(call), _body(call)
    if "addLicenses" not in body or "removeLicenses" not in body:
        raise bad_request("Both addLicenses and removeLicenses are required.")
    assign = [(one.text("skuId"), tuple(one.texts("disabledPlans"))) for one in body.objects("addLicenses")]
    remove = body.texts("removeLicenses")
    user = _translated(lambda: licensing.update(world, customer, user, assign=assign, remove=remove))
    activity.record(
        world,
        call.actor,
        customer,
        "license",
        "update_customer_user_licenses",
        data=(
            ("CustomerUserId", user.id),
            *(("AddedLicenseSkuId", sku) for sku, _ in assign),
            *(("RemovedLicenseSkuId", sku) for sku in remove),
        ),
        partner_id=call.partner.id,
    )
    return Answer(body=_entity(call, user, (*USUAL, "accountEnabled", "usageLocation", "assignedLicenses")))


def subscribed_skus(call: Call) -> Answer:
    """List the tenant's SKUs; available = enabled + warning - consumed (PC 13.2)."""
    customer = home(call)
    items = [
        {
            "capabilityStatus": count.capability,
            "consumedUnits": count.consumed,
            "id": f"{customer.id}_{count.sku_id}",
            "prepaidUnits": {"enabled": count.active, "suspended": count.suspended, "warning": count.warning},
            "servicePlans": [
                {
                    "servicePlanId": plan.id,
                    "servicePlanName": plan.name,
                    "provisioningStatus": "Success" if count.active else "Disabled",
                    "appliesTo": "User",
                }
                for plan in licensing.plans_of(count.part_number, count.name)
            ],
            "skuId": count.sku_id,
            "skuPartNumber": count.part_number,
            "appliesTo": "User",
        }
        for count in licensing.counts(call.world, customer)
    ]
    context = f"{call.base_url}/graph/v1.0/$metadata#subscribedSkus"
    return Answer(body={"@odata.context": context, "value": items})


def delta(call: Call) -> Answer:
    """Give all users, then what changed since the last delta link (PC 13.5)."""
    world, request, customer = call.world, call.request, home(call)
    state = read_token(request.param("$deltatoken") or request.param("$skiptoken"))
    if request.param("$deltatoken") is not None:
        if not {"upto", "issued"} <= set(state):
            raise bad_request("The delta token is malformed.")
        if (
            call.fault == "page_token_expired"
            or world.now - datetime.fromisoformat(state["issued"]) > TOKEN_KEPT
        ):
            fresh = f"{call.base_url}/graph/v1.0/users/delta"
            raise GraphError(
                410,
                "syncStateNotFound",
                "The delta token is too old; start anew.",
                headers={"Location": fresh},
            )
        state = {"since": state["upto"], "select": state.get("select"), "at": 0}
    elif not state:
        state = {"since": None, "select": request.param("$select"), "at": 0}
    select = state.get("select")
    chosen = request
    if select is not None:
        chosen = replace_query(call, select)
    visible, upto = _changes(call, customer, state["since"])
    at = int(state["at"])
    items = [_delta_item(call, chosen, note) for note in visible[at : at + DELTA_PAGE]]
    answer: dict[str, Any] = {
        "@odata.context": f"{call.base_url}/graph/v1.0/$metadata#users",
        "value": [item for item in items if item is not None],
    }
    base = f"{call.base_url}/graph/v1.0/users/delta"
    if at + DELTA_PAGE < len(visible):
        answer["@odata.nextLink"] = f"{base}?$skiptoken={write_token({**state, 'at': at + DELTA_PAGE})}"
    else:
        token = {"upto": upto, "select": select, "issued": world.now.isoformat()}
        answer["@odata.deltaLink"] = f"{base}?$deltatoken={write_token(token)}"
    return Answer(body=answer)


def replace_query(call: Call, select: str) -> Any:
    """Give the request with the `$select` that the first delta call had."""
    request = copy.copy(call.request)
    request.query = {**request.query, "$select": [select]}
    return request


def _changes(call: Call, customer: Customer, since: int | None) -> tuple[list[Note], int]:
    """Give the visible changes after a number, and the number up to which nothing is hidden any more."""
    world = call.world
    notes = sorted(world.notes.by("customer", customer.id), key=lambda note: note.number)
    if not world.channels.graph_delta and since is not None:
        return [], since
    hidden = [note.number for note in notes if note.listed_at > world.now]
    shown = [note for note in notes if note.listed_at <= world.now and (since is None or note.number > since)]
    if since is None:
        shown = [note for note in shown if note.kind not in {"deleted", "purged"}]
    upto = min(hidden) - 1 if hidden else max((note.number for note in notes), default=since or 0)
    return shown, max(upto, since or 0)


def _delta_item(call: Call, request: Any, note: Note) -> dict[str, Any] | None:
    user = call.world.users.get(note.user_id)
    if user is None or note.kind == "purged":
        return {"id": note.user_id, "@removed": {"reason": "deleted"}}
    if not user.active:
        return {"id": user.id, "@removed": {"reason": "changed"}}
    item = selected(request, everything(user), USUAL)
    if "return=minimal" in call.request.headers.get("prefer", "").lower():
        item = {name: value for name, value in item.items() if value not in (None, [])}
    return item


def _log(call: Call, user: User, operation: str) -> None:
    """Write the audit record: the partner did it, through Graph (PC 8)."""
    activity.record(
        call.world,
        call.actor,
        call.customer,
        "customer_user",
        operation,
        new=people.audit_copy(user),
        data=(("CustomerUserId", user.id),),
        partner_id=call.partner.id,
    )


def _rights(gdap: frozenset[str]) -> Rights:
    return Rights(roles=HELPERS, gdap=gdap)


_READ, _WRITE, _NEW, _SEATS = (
    _rights(DIRECTORY_READERS),
    _rights(USER_ADMINS),
    _rights(USER_CREATORS),
    _rights(LICENSE_ADMINS),
)
_G = "/graph/v1.0"
_U = f"{_G}/users/{{user}}"
_DELETED = f"{_G}/directory/deletedItems"
ROUTES = (
    Route(method="GET", path=f"{_G}/users", operation="graph.users.list", handler=list_users, rights=_READ),
    Route(method="POST", path=f"{_G}/users", operation="graph.users.create", handler=create, rights=_NEW),
    Route(method="GET", path=f"{_G}/users/delta", operation="graph.users.delta", handler=delta, rights=_READ),
    Route(method="GET", path=_U, operation="graph.users.get", handler=get, rights=_READ),
    Route(method="PATCH", path=_U, operation="graph.users.update", handler=update, rights=_WRITE),
    Route(method="DELETE", path=_U, operation="graph.users.delete", handler=delete, rights=_WRITE),
    Route(
        method="POST",
        path=f"{_U}/assignLicense",
        operation="graph.users.assignLicense",
        handler=assign_license,
        rights=_SEATS,
    ),
    Route(
        method="GET",
        path=f"{_G}/subscribedSkus",
        operation="graph.subscribedSkus.list",
        handler=subscribed_skus,
        rights=_READ,
    ),
    Route(
        method="GET",
        path=f"{_DELETED}/microsoft.graph.user",
        operation="graph.directory.deletedItems.list",
        handler=deleted_items,
        rights=_READ,
    ),
    Route(
        method="POST",
        path=f"{_DELETED}/{{user}}/restore",
        operation="graph.directory.deletedItems.restore",
        handler=restore,
        rights=_WRITE,
    ),
)
