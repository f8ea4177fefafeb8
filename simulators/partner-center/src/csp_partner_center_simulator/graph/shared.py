"""What the Graph operations on users share: found, written, refused in Graph's words, logged (PC 13)."""

from typing import Any

from csp_partner_center_simulator.commerce import activity, people
from csp_partner_center_simulator.graph.delta import home
from csp_partner_center_simulator.graph.odata import bad_request, selected
from csp_partner_center_simulator.graph.user_json import USUAL, everything
from csp_partner_center_simulator.state.customers import User
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import ApiError, GraphError
from csp_partner_center_simulator.wire.request import Body


def entity(call: Call, user: User, usual: tuple[str, ...] = USUAL) -> dict[str, Any]:
    """Write one user with its context: what `$select` names, else the usual properties."""
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


def body_of(call: Call) -> Body:
    """Read the body as an object; Graph's 400 when it is none."""
    try:
        return call.request.object()
    except ApiError as refusal:
        raise bad_request(refusal.description, "BadRequest") from None


def in_graph_words(do: Any) -> Any:
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


def log_change(call: Call, user: User, operation: str) -> None:
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
