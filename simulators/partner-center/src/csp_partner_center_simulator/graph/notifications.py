"""Graph change notifications for users (PC 13.5): validated callbacks, expiry, delivery as a hint."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
from msgspec.structs import replace

from csp_partner_center_simulator.commerce.activity import post
from csp_partner_center_simulator.graph import lifecycle
from csp_partner_center_simulator.graph.delta import home
from csp_partner_center_simulator.graph.odata import bad_request
from csp_partner_center_simulator.state.customers import User
from csp_partner_center_simulator.state.directory import GraphSubscription
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.answer import Answer, instant
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import ApiError, GraphError
from csp_partner_center_simulator.wire.request import Request
from csp_partner_center_simulator.wire.router import GRAPH_READERS, HELPERS, Rights, Route

LONGEST = timedelta(minutes=41_760)
PATIENCE = 10.0  # seconds until a callback must have answered the validation
TOKEN = "Validation: Testing client application reachability for subscription Request-Id: {}"
EVENT = "graph.users"
CHANGES = frozenset({"updated", "deleted"})


async def validate(request: Request) -> None:
    """Ask the callback to repeat a token before the subscription is made; note what came of it."""
    try:
        url = request.object().text("notificationUrl")
        token = TOKEN.format(request.headers.get("client-request-id", "simulator"))
        async with httpx.AsyncClient(timeout=PATIENCE, trust_env=False) as client:
            answer = await client.post(
                f"{url}{'&' if '?' in url else '?'}{urlencode({'validationToken': token})}"
            )
        request.notes["validated"] = str(answer.status_code == 200 and answer.text == token)
    except (httpx.HTTPError, httpx.InvalidURL, ApiError):
        request.notes["validated"] = "False"


def subscription_json(call: Call, one: GraphSubscription) -> dict[str, Any]:
    """Write a subscription; the client state is not told."""
    return {
        "@odata.context": f"{call.base_url}/graph/v1.0/$metadata#subscriptions/$entity",
        "id": one.id,
        "resource": one.resource,
        "applicationId": one.application_id,
        "changeType": one.change_type,
        "clientState": None,
        "notificationUrl": one.notification_url,
        "lifecycleNotificationUrl": one.lifecycle_url or None,
        "expirationDateTime": instant(one.expires_at),
        "creatorId": one.partner_id,
        "latestSupportedTlsVersion": one.tls_version,
        "notificationContentType": "application/json",
    }


def create(call: Call) -> Answer:
    """Subscribe to changes of users: 201."""
    customer, body = home(call), call.request.object()
    resource = body.text("resource").strip("/").lower()
    if resource != "users":
        raise bad_request("Only the resource 'users' can be subscribed to here.", "InvalidRequest")
    kinds = [part.strip().lower() for part in body.text("changeType").split(",")]
    if not kinds or not set(kinds) <= CHANGES:
        raise bad_request(
            "changeType must be updated, deleted, or both; created is not supported for users.",
            "InvalidRequest",
        )
    if len(body.text("clientState")) > 128:
        raise bad_request("clientState must have at most 128 characters.", "InvalidRequest")
    if call.request.notes.get("validated") != "True":
        raise bad_request(
            "Subscription validation request failed. The callback must answer 200 with the token.",
            "ValidationError",
        )
    one = GraphSubscription(
        id=call.world.new_id("graph subscription"),
        customer_id=customer.id,
        partner_id=call.partner.id,
        application_id=call.caller.application_id,
        resource="users",
        change_type=",".join(kinds),
        notification_url=body.text("notificationUrl"),
        lifecycle_url=body.text("lifecycleNotificationUrl"),
        client_state=body.text("clientState"),
        expires_at=_expiry(call),
        tls_version=body.text("latestSupportedTlsVersion", "v1_2"),
    )
    call.world.graph_subscriptions.put(one)
    lifecycle.plan(call.world, one)
    return Answer(201, {**subscription_json(call, one), "clientState": one.client_state or None})


def _expiry(call: Call) -> Any:
    wished = call.request.object().at("expirationDateTime")
    if wished is None or wished <= call.now or wished > call.now + LONGEST:
        latest = instant(call.now + LONGEST)
        raise bad_request(f"expirationDateTime must lie between now and {latest}.", "ValidationError")
    return wished


def _find(call: Call) -> GraphSubscription:
    one = call.world.graph_subscriptions.get(call.params["subscription"])
    if one is None or one.customer_id != home(call).id or one.expires_at <= call.now:
        raise GraphError(404, "ResourceNotFound", "The object was not found.")
    return one


def list_subscriptions(call: Call) -> Answer:
    """List the subscriptions that have not expired."""
    found = [
        one
        for one in call.world.graph_subscriptions.by("customer", home(call).id)
        if one.expires_at > call.now
    ]
    return Answer(body={"value": [subscription_json(call, one) for one in found]})


def get(call: Call) -> Answer:
    """Read one subscription."""
    return Answer(body=subscription_json(call, _find(call)))


def renew(call: Call) -> Answer:
    """Move the expiry."""
    one = call.world.graph_subscriptions.put(replace(_find(call), expires_at=_expiry(call)))
    lifecycle.plan(call.world, one)
    return Answer(body=subscription_json(call, one))


def reauthorize(call: Call) -> Answer:
    """Answer a reminder without moving the expiry: 204."""
    _find(call)
    return Answer(204)


def delete(call: Call) -> Answer:
    """End a subscription."""
    one = _find(call)
    call.world.graph_subscriptions.remove(one.id)
    call.world.agenda.remove(f"graph.reauthorize/{one.id}")
    return Answer(204)


def user_changed(world: World, user: User, kind: str) -> None:
    """Queue a notification for every subscription that wants it; creation is reported as `updated`."""
    change = "deleted" if kind in {"deleted", "purged"} else "updated"
    if not world.channels.graph_delta:
        return
    for one in world.graph_subscriptions.by("customer", user.customer_id):
        if one.expires_at <= world.now or change not in one.change_type.split(","):
            continue
        body = {
            "value": [
                {
                    "subscriptionId": one.id,
                    "subscriptionExpirationDateTime": instant(one.expires_at),
                    "clientState": one.client_state or None,
                    "changeType": change,
                    "resource": f"Users/{user.id}",
                    "tenantId": user.customer_id,
                    "resourceData": {
                        "@odata.type": "#Microsoft.Graph.User",
                        "@odata.id": f"Users/{user.id}",
                        "id": user.id,
                    },
                }
            ]
        }
        due = world.now + world.delay("notification", 1, 120)
        post(
            world, one.partner_id, user.customer_id, EVENT, one.notification_url, json.dumps(body), due,
            subscription_id=one.id,
        )  # fmt: skip


_READ = Rights(roles=HELPERS, gdap=GRAPH_READERS)
_S = "/graph/v1.0/subscriptions"
ROUTES = (
    Route(method="POST", path=_S, operation="graph.subscriptions.create", handler=create, rights=_READ),
    Route(
        method="GET", path=_S, operation="graph.subscriptions.list", handler=list_subscriptions, rights=_READ
    ),
    Route(
        method="GET",
        path=f"{_S}/{{subscription}}",
        operation="graph.subscriptions.get",
        handler=get,
        rights=_READ,
    ),
    Route(
        method="PATCH",
        path=f"{_S}/{{subscription}}",
        operation="graph.subscriptions.update",
        handler=renew,
        rights=_READ,
    ),
    Route(
        method="POST",
        path=f"{_S}/{{subscription}}/reauthorize",
        operation="graph.subscriptions.reauthorize",
        handler=reauthorize,
        rights=_READ,
    ),
    Route(
        method="DELETE",
        path=f"{_S}/{{subscription}}",
        operation="graph.subscriptions.delete",
        handler=delete,
        rights=_READ,
    ),
)
