"""Delegated admin relationships in the partner's directory: ask, lock for approval, assign (PC 3.6)."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from csp_partner_center_simulator.commerce import delegation
from csp_partner_center_simulator.commerce.delegation import KIND, ROLES
from csp_partner_center_simulator.graph.odata import bad_request
from csp_partner_center_simulator.state.directory import Process
from csp_partner_center_simulator.wire.answer import Answer, instant
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import GraphError
from csp_partner_center_simulator.wire.request import Body
from csp_partner_center_simulator.wire.router import ADMINS, Rights, Route

LONGEST = 730  # days


def _home(call: Call) -> None:
    if call.caller.tenant_id != call.partner.id:
        raise GraphError(
            403, "Authorization_RequestDenied", "Relationships need a token for the partner's directory."
        )


def _roles(body: Body) -> list[str]:
    roles = [
        one.text("roleDefinitionId").lower() for one in body.object("accessDetails").objects("unifiedRoles")
    ]
    if not roles or any(role not in ROLES for role in roles):
        raise bad_request("accessDetails.unifiedRoles must name known role definitions.")
    return roles


def _days(text: str) -> int:
    """Read an ISO 8601 duration in whole days; 0 for anything else."""
    found = re.fullmatch(r"P(?=\d)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T0S)?", text)
    if found is None:
        return 0
    years, months, weeks, days = (int(part or 0) for part in found.groups())
    return 365 * years + 30 * months + 7 * weeks + days


def relationship_json(call: Call, one: Process) -> dict[str, Any]:
    """Write a relationship."""
    resource = one.resource
    customer = call.world.customers.get(one.customer_id)
    activated, end = resource.get("activated"), resource.get("end")
    return {
        "@odata.context": f"{call.base_url}/graph/v1.0/$metadata#tenantRelationships/delegatedAdminRelationships/$entity",
        "@odata.etag": f'W/"{one.id}-{one.status}"',
        "id": one.id,
        "displayName": resource["name"],
        "duration": f"P{resource['days']}D",
        "customer": {"tenantId": one.customer_id, "displayName": customer.company_name if customer else ""}
        if one.customer_id
        else None,
        "accessDetails": {"unifiedRoles": [{"roleDefinitionId": role} for role in resource["roles"]]},
        "status": one.status,
        "createdDateTime": instant(one.created_at),
        "lastModifiedDateTime": instant(one.created_at),
        "activatedDateTime": instant(datetime.fromisoformat(activated)) if activated else None,
        "endDateTime": instant(datetime.fromisoformat(end)) if end else None,
    }


def create(call: Call) -> Answer:
    """Make a relationship: not yet asked for."""
    _home(call)
    body = call.request.object()
    days = _days(body.text("duration"))
    if not 1 <= days <= LONGEST:
        raise bad_request(f"duration must be P1D to P{LONGEST}D.")
    if not body.text("displayName"):
        raise bad_request("displayName is required.")
    customer_id = body.object("customer").text("tenantId").lower()
    one = delegation.made(
        call.world,
        call.partner,
        {"name": body.text("displayName"), "days": days, "roles": _roles(body)},
        customer_id,
    )
    return Answer(201, relationship_json(call, one), {"Location": f"{call.base_url}{_R}/{one.id}"})


def _find(call: Call) -> Process:
    _home(call)
    one = call.world.processes.get(call.params["relationship"])
    if one is None or one.kind != KIND or one.partner_id != call.partner.id:
        raise GraphError(404, "ResourceNotFound", "The relationship does not exist.")
    return one


def list_relationships(call: Call) -> Answer:
    """List the partner's relationships."""
    _home(call)
    found = [one for one in call.world.processes.by("of_kind", KIND) if one.partner_id == call.partner.id]
    return Answer(body={"value": [relationship_json(call, one) for one in found]})


def get(call: Call) -> Answer:
    """Read one relationship."""
    return Answer(body=relationship_json(call, _find(call)))


def request(call: Call) -> Answer:
    """Lock a relationship for approval, or end it."""
    one, action = _find(call), call.request.object().text("action")
    made = {
        "id": call.world.new_id("gdap request"),
        "action": action,
        "status": "succeeded",
        "createdDateTime": instant(call.now),
        "lastModifiedDateTime": instant(call.now),
    }
    one = replace(one, events=(*one.events, made))
    if action == "lockForApproval" and one.status == "created":
        one = call.world.processes.put(replace(one, status="approvalPending"))
    elif action == "terminate" and one.status == "active":
        delegation.end(call.world, one, "terminated", call.actor)
    else:
        raise bad_request(f"The action {action[:40]} is not possible: the relationship is {one.status}.")
    return Answer(201, made)


def requests(call: Call) -> Answer:
    """List what was asked of a relationship."""
    return Answer(body={"value": list(_find(call).events)})


def remove(call: Call) -> Answer:
    """Delete a relationship that nobody was asked to approve yet: 204."""
    one = _find(call)
    if one.status != "created":
        raise bad_request(f"The relationship is {one.status}; only a created one can be deleted.")
    call.world.processes.remove(one.id)
    return Answer(204)


def customers(call: Call) -> Answer:
    """List the customers with an active relationship."""
    _home(call)
    found = {
        one.customer_id: call.world.customers[one.customer_id]
        for one in call.world.processes.by("of_kind", KIND)
        if one.partner_id == call.partner.id and one.status == "active"
    }
    value = [
        {"id": customer.id, "tenantId": customer.id, "displayName": customer.company_name}
        for customer in found.values()
    ]
    return Answer(body={"value": value})


def assignment_json(identifier: str, assignment: dict[str, Any]) -> dict[str, Any]:
    """Write an access assignment."""
    return {
        "@odata.etag": f'W/"{identifier}-{len(assignment["roles"])}"',
        "id": identifier,
        "status": "active",
        "accessContainer": {"accessContainerId": assignment["group"], "accessContainerType": "securityGroup"},
        "accessDetails": {"unifiedRoles": [{"roleDefinitionId": role} for role in assignment["roles"]]},
    }


def assign(call: Call) -> Answer:
    """Give some of the relationship's roles to a security group of the partner."""
    one, body = _find(call), call.request.object()
    if one.status != "active":
        raise bad_request("The relationship is not active.")
    roles = _roles(body)
    if not set(roles) <= set(one.resource["roles"]):
        raise bad_request("The relationship does not grant these roles.")
    identifier = call.world.new_id("gdap assignment")
    assignment = {"group": body.object("accessContainer").text("accessContainerId"), "roles": roles}
    _save(call, one, {**one.resource["assignments"], identifier: assignment})
    delegation.announce(call.world, one, "created", call.actor, f"/accessAssignments/{identifier}")
    return Answer(201, assignment_json(identifier, assignment))


def _save(call: Call, one: Process, assignments: dict[str, Any]) -> None:
    one = call.world.processes.put(replace(one, resource={**one.resource, "assignments": assignments}))
    delegation.refresh_roles(call.world, one)


def assignments(call: Call) -> Answer:
    """List the access assignments."""
    found = _find(call).resource["assignments"]
    return Answer(body={"value": [assignment_json(identifier, one) for identifier, one in found.items()]})


def _assignment(call: Call) -> tuple[Process, str]:
    one, wanted = _find(call), call.params["assignment"].lower()
    if wanted not in one.resource["assignments"]:
        raise GraphError(404, "ResourceNotFound", "The access assignment does not exist.")
    return one, wanted


def assignment(call: Call) -> Answer:
    """Read one access assignment."""
    one, wanted = _assignment(call)
    return Answer(body=assignment_json(wanted, one.resource["assignments"][wanted]))


def reassign(call: Call) -> Answer:
    """Change the roles of an access assignment: 202, in force at once."""
    one, wanted = _assignment(call)
    roles = _roles(call.request.object())
    if not set(roles) <= set(one.resource["roles"]):
        raise bad_request("The relationship does not grant these roles.")
    known = one.resource["assignments"]
    _save(call, one, {**known, wanted: {**known[wanted], "roles": roles}})
    delegation.announce(call.world, one, "updated", call.actor, f"/accessAssignments/{wanted}")
    return Answer(202)


def unassign(call: Call) -> Answer:
    """Take an access assignment back."""
    one, wanted = _assignment(call)
    _save(call, one, {key: value for key, value in one.resource["assignments"].items() if key != wanted})
    delegation.announce(call.world, one, "deleted", call.actor, f"/accessAssignments/{wanted}")
    return Answer(204)


_R = "/graph/v1.0/tenantRelationships/delegatedAdminRelationships"
_ONE = f"{_R}/{{relationship}}"


def _route(method: str, path: str, verb: str, handler: Callable[[Call], Answer]) -> Route:
    name = f"graph.tenantRelationships.delegatedAdminRelationships.{verb}"
    return Route(method=method, path=path, operation=name, handler=handler, rights=Rights(roles=ADMINS))


ROUTES = (
    _route("POST", _R, "create", create),
    _route("GET", _R, "list", list_relationships),
    _route("GET", _ONE, "get", get),
    _route("DELETE", _ONE, "delete", remove),
    _route("POST", f"{_ONE}/requests", "requests.create", request),
    _route("GET", f"{_ONE}/requests", "requests.list", requests),
    _route("POST", f"{_ONE}/accessAssignments", "accessAssignments.create", assign),
    _route("GET", f"{_ONE}/accessAssignments", "accessAssignments.list", assignments),
    _route("GET", f"{_ONE}/accessAssignments/{{assignment}}", "accessAssignments.get", assignment),
    _route("PATCH", f"{_ONE}/accessAssignments/{{assignment}}", "accessAssignments.update", reassign),
    _route("DELETE", f"{_ONE}/accessAssignments/{{assignment}}", "accessAssignments.delete", unassign),
    Route(
        method="GET",
        path="/graph/v1.0/tenantRelationships/delegatedAdminCustomers",
        operation="graph.tenantRelationships.delegatedAdminCustomers.list",
        handler=customers,
        rights=Rights(roles=ADMINS),
    ),
)
