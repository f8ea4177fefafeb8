"""Application consents in customer tenants (PC 1.3): what control-panel vendors register."""

from typing import Any

from csp_partner_center_simulator.state.directory import Process
from csp_partner_center_simulator.wire.answer import Answer, attributes
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import ApiError
from csp_partner_center_simulator.wire.router import ADMINS, Rights, Route

KIND = "consent"
CONSENTERS = frozenset(
    {
        "Global Administrator",
        "Application Administrator",
        "Cloud Application Administrator",
    }
)


def create(call: Call) -> Answer:
    """Consent to an application on behalf of the customer: 201, 409 for the same again."""
    body, world = call.request.object(), call.world
    application = body.required("applicationId").lower()
    grants = [
        {"enterpriseApplicationId": one.required("enterpriseApplicationId"), "scope": one.required("scope")}
        for one in body.objects("applicationGrants")
    ]
    identifier = f"{KIND}/{call.customer.id}/{application}"
    if identifier in world.processes:
        raise ApiError(409, 409, "The application has consent already.")
    resource: dict[str, Any] = {
        "applicationId": application,
        "displayName": body.text("displayName"),
        "applicationGrants": grants,
    }
    world.processes.put(
        Process(
            id=identifier,
            kind=KIND,
            customer_id=call.customer.id,
            partner_id=call.partner.id,
            created_at=world.now,
            status="active",
            resource=resource,
        )
    )
    return Answer(201, {**resource, "attributes": attributes("ApplicationConsent")})


def delete(call: Call) -> Answer:
    """Take a consent back."""
    identifier = f"{KIND}/{call.customer.id}/{call.params['application'].lower()}"
    if identifier not in call.world.processes:
        raise ApiError(404, 1000, "The application has no consent.")
    call.world.processes.remove(identifier)
    return Answer(204)


_RIGHTS = Rights(app_only=False, roles=ADMINS, gdap=CONSENTERS)
_C = "/v1/customers/{customer}/applicationconsents"
ROUTES = (
    Route(
        method="POST",
        path=_C,
        operation="customers.applicationconsents.create",
        handler=create,
        rights=_RIGHTS,
    ),
    Route(
        method="DELETE",
        path=f"{_C}/{{application}}",
        operation="customers.applicationconsents.delete",
        handler=delete,
        rights=_RIGHTS,
    ),
)
