"""Licenses of Graph users, and the SKUs of their tenant (PC 13.2, 13.3)."""

from csp_partner_center_simulator.commerce import activity, licensing
from csp_partner_center_simulator.graph.delta import home
from csp_partner_center_simulator.graph.odata import bad_request
from csp_partner_center_simulator.graph.shared import body_of, entity, find, in_graph_words
from csp_partner_center_simulator.graph.user_json import USUAL
from csp_partner_center_simulator.wire.answer import Answer
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.router import GRAPH_READERS, HELPERS, LICENSE_ADMINS, Rights, Route

AFTER_ASSIGNMENT = (
    "accountEnabled", "usageLocation", "assignedLicenses", "assignedPlans", "city", "companyName",
)  # fmt: skip


def assign_license(call: Call) -> Answer:
    """Assign and remove licenses: both lists are required, each may be empty (PC 13.3)."""
    world, customer, user, body = call.world, home(call), find(call), body_of(call)
    if "addLicenses" not in body or "removeLicenses" not in body:
        raise bad_request("Both addLicenses and removeLicenses are required.")
    assign = [(one.text("skuId"), tuple(one.texts("disabledPlans"))) for one in body.objects("addLicenses")]
    remove = body.texts("removeLicenses")
    user = in_graph_words(lambda: licensing.update(world, customer, user, assign=assign, remove=remove))
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
    return Answer(body=entity(call, user, (*USUAL, *AFTER_ASSIGNMENT)), nulls=True)


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


def license_details(call: Call) -> Answer:
    """List the licenses of a user with their service plans."""
    customer, user = home(call), find(call)
    have = dict(user.licenses)
    items = [
        {
            "id": f"{user.id}_{count.sku_id}",
            "skuId": count.sku_id,
            "skuPartNumber": count.part_number,
            "servicePlans": [
                {
                    "servicePlanId": plan.id,
                    "servicePlanName": plan.name,
                    "provisioningStatus": "Disabled" if plan.id in have[count.sku_id] else "Success",
                    "appliesTo": "User",
                }
                for plan in licensing.plans_of(count.part_number, count.name)
            ],
        }
        for count in licensing.counts(call.world, customer)
        if count.sku_id in have
    ]
    context = f"{call.base_url}/graph/v1.0/$metadata#users('{user.id}')/licenseDetails"
    return Answer(body={"@odata.context": context, "value": items})


_READ, _SEATS = Rights(roles=HELPERS, gdap=GRAPH_READERS), Rights(roles=HELPERS, gdap=LICENSE_ADMINS)
_G = "/graph/v1.0"

_U = f"{_G}/users/{{user}}"
ROUTES = (
    Route(
        method="POST",
        path=f"{_U}/assignLicense",
        operation="graph.users.assignLicense",
        handler=assign_license,
        rights=_SEATS,
    ),
    Route(
        method="GET",
        path=f"{_U}/licenseDetails",
        operation="graph.users.licenseDetails.list",
        handler=license_details,
        rights=_READ,
    ),
    Route(
        method="GET",
        path=f"{_G}/subscribedSkus",
        operation="graph.subscribedSkus.list",
        handler=subscribed_skus,
        rights=_READ,
    ),
)
