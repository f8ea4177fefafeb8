"""Subscribed SKUs, a user's licenses and their updates (PC 7.6 to 7.8)."""

from typing import Any

from csp_partner_center_simulator.commerce import activity, licensing, people
from csp_partner_center_simulator.commerce.licensing import Plan, SkuCount
from csp_partner_center_simulator.state.customers import Customer, User
from csp_partner_center_simulator.wire.answer import Answer, attributes, collection
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import ApiError, invalid
from csp_partner_center_simulator.wire.request import Body
from csp_partner_center_simulator.wire.router import DIRECTORY_READERS, HELPERS, LICENSE_ADMINS, Rights, Route


def _groups(call: Call) -> set[str]:
    # The Java SDK writes `?null=group1&null=group2` by mistake (PC 7.6).
    names = call.request.query.get("licensegroupids", []) + call.request.query.get("null", [])
    return {name.lower() for name in names if name} or {"group1"}


def _sku_json(count: SkuCount) -> dict[str, Any]:
    return {
        "id": count.sku_id,
        "name": count.name,
        "skuPartNumber": count.part_number,
        "targetType": "User",
        "licenseGroupId": count.group,
    }


def _plan_json(plan: Plan, capability: str) -> dict[str, Any]:
    return {
        "displayName": plan.display_name,
        "serviceName": plan.name,
        "id": plan.id,
        "capabilityStatus": capability,
        "targetType": "User",
    }


def subscribed_skus(call: Call) -> Answer:
    """Count per directory SKU, not per subscription (the trap of PC 7.6)."""
    groups = _groups(call)
    items = [
        {
            "availableUnits": count.total - count.consumed,
            "activeUnits": count.active,
            "consumedUnits": count.consumed,
            "suspendedUnits": count.suspended,
            "totalUnits": count.total,
            "warningUnits": count.warning,
            "productSku": _sku_json(count),
            "servicePlans": [
                _plan_json(plan, count.capability)
                for plan in licensing.plans_of(count.part_number, count.name)
            ],
            "capabilityStatus": count.capability,
            "attributes": attributes("SubscribedSku"),
        }
        for count in licensing.counts(call.world, call.customer)
        if count.group in groups
    ]
    return Answer(body=collection(items, f"/customers/{call.customer.id}/subscribedskus"))


def user_licenses(call: Call) -> Answer:
    """List the licenses of a user."""
    user = people.find(call.world, call.customer, call.params["user"])
    counts = {count.sku_id: count for count in licensing.counts(call.world, call.customer)}
    groups = _groups(call)
    items = []
    for sku_id, disabled in user.licenses:
        count = counts.get(sku_id)
        if count is None or count.group not in groups:
            continue
        plans = [
            _plan_json(plan, "Disabled" if plan.id in disabled else "Assigned")
            for plan in licensing.plans_of(count.part_number, count.name)
        ]
        items.append(
            {"productSku": _sku_json(count), "servicePlans": plans, "attributes": attributes("License")}
        )
    return Answer(body=collection(items, f"/customers/{call.customer.id}/users/{user.id}/licenses"))


def update_licenses(call: Call) -> Answer:
    """Assign and remove in one step (PC 7.8)."""
    world, customer, body = call.world, call.customer, call.request.object()
    before = people.find(world, customer, call.params["user"])
    if not before.active:
        raise ApiError(404, 60002, f"The user {before.id} was not found.")
    assign = [(_sku_of(one), tuple(one.texts("excludedPlans"))) for one in body.objects("licensesToAssign")]
    remove = body.texts("licensesToRemove")
    if not assign and not remove:
        raise invalid("licensesToAssign or licensesToRemove is required.", code=3000)
    user = licensing.update(world, customer, before, assign=assign, remove=remove)
    log_update(call, customer, user, [sku for sku, _ in assign], remove)
    return Answer(
        201,
        {
            "licensesToAssign": [
                {"skuId": sku, "excludedPlans": list(excluded) or None} for sku, excluded in assign
            ],
            "licensesToRemove": remove or None,
            "licenseWarnings": [],
            "attributes": attributes("LicenseUpdate"),
        },
    )


def log_update(call: Call, customer: Customer, user: User, added: list[str], removed: list[str]) -> None:
    """Write the audit record of a license update."""
    activity.record(
        call.world,
        call.actor,
        customer,
        "license",
        "update_customer_user_licenses",
        new={
            "licensesToAssign": [{"skuId": sku} for sku in added],
            "licensesToRemove": removed,
            "licenseWarnings": [],
            "attributes": {"objectType": "LicenseUpdate"},
        },
        data=(
            ("CustomerUserId", user.id),
            *(("AddedLicenseSkuId", sku) for sku in added),
            *(("RemovedLicenseSkuId", sku) for sku in removed),
        ),
        partner_id=call.partner.id,
    )


def _sku_of(one: Body) -> str:
    return one.required("skuId")


def _rights(gdap: frozenset[str]) -> Rights:
    return Rights(app_only=False, roles=HELPERS, gdap=gdap)


_C = "/v1/customers/{customer}"
ROUTES = (
    Route(
        method="GET",
        path=f"{_C}/subscribedskus",
        operation="customers.subscribedskus.list",
        handler=subscribed_skus,
        rights=_rights(DIRECTORY_READERS),
    ),
    Route(
        method="GET",
        path=f"{_C}/users/{{user}}/licenses",
        operation="customers.users.licenses.list",
        handler=user_licenses,
        rights=_rights(DIRECTORY_READERS),
    ),
    Route(
        method="POST",
        path=f"{_C}/users/{{user}}/licenseupdates",
        operation="users.licenseupdates.create",
        handler=update_licenses,
        rights=Rights(app_only=False, app_only_refusal=(400, 900316), roles=HELPERS, gdap=LICENSE_ADMINS),
    ),
)
