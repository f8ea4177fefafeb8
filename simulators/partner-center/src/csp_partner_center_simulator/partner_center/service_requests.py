"""Service requests of the partner to Microsoft, for itself or for a customer; nobody answers them here.

The reference does not describe them; names and types are those of Microsoft's SDKs (PC 15.1, 15.5).
"""

from typing import Any

from msgspec.structs import replace

from csp_partner_center_simulator.state.directory import Process
from csp_partner_center_simulator.wire.answer import Answer, attributes, collection, instant
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import ApiError, invalid
from csp_partner_center_simulator.wire.filters import operator, predicate
from csp_partner_center_simulator.wire.paging import by_offset
from csp_partner_center_simulator.wire.request import Body
from csp_partner_center_simulator.wire.router import HELPERS, Rights, Route

KIND = "service_request"
SEVERITIES = ("critical", "moderate", "minimal")
STATES = ("open", "closed", "attention_needed")
TOPICS = {
    "1": ("Billing", "Invoices, charges and credits."),
    "2": ("Orders and subscriptions", "Buying, changing and ending subscriptions."),
    "3": ("Customer access", "Relationships and delegated privileges."),
    "4": ("Accounts and onboarding", "The partner's own account."),
}


def topics(call: Call) -> Answer:
    """List what a request can be about."""
    del call  # the same for everybody
    items = [
        {"id": int(key), "name": name, "description": text, "attributes": attributes("SupportTopic")}
        for key, (name, text) in TOPICS.items()
    ]
    return Answer(body=collection(items, "/servicerequests/supporttopics"))


def request_json(one: Process) -> dict[str, Any]:
    """Write a service request."""
    return {
        "id": one.id,
        **one.resource,
        "status": one.status,
        "createdDate": instant(one.created_at),
        "notes": list(one.events),
        "attributes": attributes("ServiceRequest"),
    }


def create(call: Call) -> Answer:
    """Open a request; `locale` of the path is the language of the agent."""
    world, body = call.world, call.request.object()
    topic = body.required("supportTopicId")
    if topic not in TOPICS:
        raise invalid(f"supportTopicId must be one of {', '.join(TOPICS)}.", code=3000)
    organization = body.object("organization")
    customer_id = organization.text("id").lower()
    if customer_id in {"", call.partner.id}:
        customer_id, name = "", call.partner.name
    else:
        customer = world.customers.get(customer_id)
        if customer is None or customer.relation(call.partner.id) is None:
            raise ApiError(403, 20002, "The partner has no relationship with this customer.")
        name = customer.company_name
    one = world.processes.put(
        Process(
            id=f"6{world.next_number():014d}",
            kind=KIND,
            customer_id=customer_id,
            partner_id=call.partner.id,
            created_at=world.now,
            status="open",
            resource={
                "title": body.required("title"),
                "description": body.required("description"),
                "severity": _known(body, "severity", SEVERITIES, "minimal"),
                "supportTopicId": topic,
                "supportTopicName": TOPICS[topic][0],
                "organization": {"id": customer_id or call.partner.id, "name": name},
                "primaryContact": _contact(call),
                "lastUpdatedBy": _contact(call),
                "countryCode": body.text("countryCode", call.partner.country),
                "lastModifiedDate": instant(world.now),
            },
        )
    )
    return Answer(201, request_json(one))


def _contact(call: Call) -> dict[str, Any]:
    return {
        "contactId": call.caller.user_id,
        "firstName": "Alex",
        "lastName": "Partner",
        "email": call.caller.user_principal_name,
        "organization": {"id": call.partner.id, "name": call.partner.name},
    }


def _known(body: Body, name: str, values: tuple[str, ...], default: str) -> str:
    wanted = operator(body.text(name, default))
    found = next((value for value in values if operator(value) == wanted), None)
    if found is None:
        raise ApiError(400, 900126, f"{name} must be one of {', '.join(values)}.")
    return found


def list_requests(call: Call) -> Answer:
    """List the partner's requests, or those for one customer; by `status`, or by a filter on it."""
    customer_id = call.customer.id if "customer" in call.params else None
    status = call.request.param("status")
    test = predicate(call.request.param("filter"), {"Status": lambda one: one.status})
    found = [
        one
        for one in call.world.processes.by("of_kind", KIND)
        if one.partner_id == call.partner.id
        and customer_id in {None, one.customer_id}
        and (status is None or operator(status) == operator(one.status))
        and test(one)
    ]
    prefix = f"/customers/{customer_id}" if customer_id else ""
    return Answer(body=by_offset(call.request, found, f"{prefix}/servicerequests", request_json, most=1000))


def _find(call: Call) -> Process:
    one = call.world.processes.get(call.params["request"])
    wanted = call.customer.id if "customer" in call.params else None
    if (
        one is None
        or one.kind != KIND
        or one.partner_id != call.partner.id
        or wanted not in {None, one.customer_id}
    ):
        raise ApiError(404, 1000, f"The service request {call.params['request'][:40]} was not found.")
    return one


def get(call: Call) -> Answer:
    """Read a request."""
    return Answer(body=request_json(_find(call)))


def update(call: Call) -> Answer:
    """Change a request: add a note, change its severity, close it or open it again."""
    one, body, world = _find(call), call.request.object(), call.world
    status = _known(body, "status", STATES, one.status)
    resource = {
        **one.resource,
        "severity": _known(body, "severity", SEVERITIES, one.resource["severity"]),
        "lastUpdatedBy": _contact(call),
        "lastModifiedDate": instant(world.now),
    }
    if status == "closed" and one.status != "closed":
        resource["lastClosedDate"] = instant(world.now)
    notes = one.events
    if text := body.object("newNote").text("text"):
        note = {"createdByName": "Alex Partner", "createdDate": instant(world.now), "text": text}
        notes = (*notes, note)
    return Answer(
        body=request_json(world.processes.put(replace(one, status=status, resource=resource, events=notes)))
    )


_RIGHTS = Rights(app_only=False, roles=HELPERS)
_S = "/v1/servicerequests"
_C = "/v1/customers/{customer}/servicerequests"


def _routes(path: str, operation: str) -> tuple[Route, ...]:
    one = f"{path}/{{request}}"
    return (
        Route(method="GET", path=path, operation=f"{operation}.list", handler=list_requests, rights=_RIGHTS),
        Route(method="GET", path=one, operation=f"{operation}.get", handler=get, rights=_RIGHTS),
        Route(method="PATCH", path=one, operation=f"{operation}.update", handler=update, rights=_RIGHTS),
    )


ROUTES = (
    Route(
        method="GET",
        path=f"{_S}/supporttopics",
        operation="servicerequests.supporttopics.list",
        handler=topics,
        rights=_RIGHTS,
    ),
    Route(
        method="POST",
        path=f"{_S}/{{locale}}",
        operation="servicerequests.create",
        handler=create,
        rights=_RIGHTS,
    ),
    *_routes(_S, "servicerequests"),
    *_routes(_C, "customers.servicerequests"),
)
