"""Graph users, deleted items, delta and licenses of a customer's directory (PC 13.1 to 13.3, 13.5)."""

from typing import Any

from msgspec.structs import replace

from csp_partner_center_simulator.commerce import activity, licensing, people
from csp_partner_center_simulator.graph.delta import delta, home
from csp_partner_center_simulator.graph.odata import (
    bad_request,
    filtered,
    page,
    selected,
)
from csp_partner_center_simulator.graph.user_json import USUAL, everything
from csp_partner_center_simulator.state.customers import User
from csp_partner_center_simulator.wire.answer import Answer
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

EVENTUAL = ("$search", "$count")
AFTER_ASSIGNMENT = (
    "accountEnabled", "usageLocation", "assignedLicenses", "assignedPlans", "city", "companyName",
)  # fmt: skip


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
    return Answer(body=_entity(call, find(call)), nulls=True)


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
    location = f"{call.base_url}/graph/v1.0/users/{user.id}"
    return Answer(201, _entity(call, user), {"Location": location}, nulls=True)


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
        ),
        nulls=True,
    )


def _deleted(call: Call) -> User:
    user = call.world.users.get(call.params["user"])
    if (
        user is None
        or user.customer_id != home(call).id
        or user.deleted_at is None
        or user.purged_at is not None
    ):
        raise GraphError(404, "Request_ResourceNotFound", "The deleted user does not exist.")
    return user


def _directory_object(call: Call, user: User) -> dict[str, Any]:
    body = _entity(call, user, (*USUAL, "deletedDateTime"))
    context = f"{call.base_url}/graph/v1.0/$metadata#directoryObjects/$entity"
    return {**body, "@odata.context": context, "@odata.type": "#microsoft.graph.user"}


def get_deleted(call: Call) -> Answer:
    """Read a deleted user that can still be restored."""
    return Answer(body=_directory_object(call, _deleted(call)), nulls=True)


def purge(call: Call) -> Answer:
    """Delete a deleted user for good: 204."""
    user = _deleted(call)
    call.world.agenda.remove(f"user.purge/{user.id}")
    people.save(call.world, replace(user, purged_at=call.now), "purged")
    return Answer(204)


def restore(call: Call) -> Answer:
    """Bring a deleted user back: 200, as a directory object."""
    user = _deleted(call)
    restored = _translated(lambda: people.restore(call.world, user))
    _log(call, restored, "restore_customer_user")
    return Answer(body=_directory_object(call, restored), nulls=True)


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
    return Answer(body=_entity(call, user, (*USUAL, *AFTER_ASSIGNMENT)), nulls=True)


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
    Route(
        method="GET", path=f"{_G}/users/$count", operation="graph.users.count", handler=count, rights=_READ
    ),
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
        method="GET",
        path=f"{_DELETED}/{{user}}",
        operation="graph.directory.deletedItems.get",
        handler=get_deleted,
        rights=_READ,
    ),
    Route(
        method="DELETE",
        path=f"{_DELETED}/{{user}}",
        operation="graph.directory.deletedItems.delete",
        handler=purge,
        rights=_WRITE,
    ),
    Route(
        method="POST",
        path=f"{_DELETED}/{{user}}/restore",
        operation="graph.directory.deletedItems.restore",
        handler=restore,
        rights=_WRITE,
    ),
)
