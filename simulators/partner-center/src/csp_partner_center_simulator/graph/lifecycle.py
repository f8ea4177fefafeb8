"""Lifecycle notifications of Graph subscriptions: renew me, I am gone, something was missed (PC 13.5)."""

import json
from datetime import timedelta

from csp_partner_center_simulator.commerce.activity import post
from csp_partner_center_simulator.state.directory import GraphSubscription
from csp_partner_center_simulator.state.logs import Task
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.answer import instant

EVENT = "graph.lifecycle"
BEFORE_EXPIRY = timedelta(hours=24)


def tell(world: World, one: GraphSubscription, event: str) -> None:
    """Post a lifecycle event to the subscription's lifecycle address; without one nobody is told."""
    if not one.lifecycle_url or not world.channels.graph_delta:
        return
    body = {
        "value": [
            {
                "lifecycleEvent": event,
                "subscriptionId": one.id,
                "subscriptionExpirationDateTime": instant(one.expires_at),
                "resource": one.resource,
                "clientState": one.client_state or None,
                "organizationId": one.customer_id,
                "tenantId": one.customer_id,
            }
        ]
    }
    post(world, one.partner_id, one.customer_id, EVENT, one.lifecycle_url, json.dumps(body), world.now)


def plan(world: World, one: GraphSubscription) -> None:
    """Plan the reminder to renew: a day before the expiry, or halfway when it is nearer than that."""
    left = one.expires_at - world.now
    at = one.expires_at - min(BEFORE_EXPIRY, left / 2)
    world.later(
        at, "graph.reauthorize", ref=one.id, partner_id=one.partner_id, customer_id=one.customer_id, at_once=False
    )  # fmt: skip


def due(world: World, task: Task) -> None:
    """Remind of a subscription that will expire (agenda: `graph.reauthorize`)."""
    one = world.graph_subscriptions.get(task.ref)
    if one is not None and one.expires_at > world.now:
        tell(world, one, "reauthorizationRequired")


def relation_ended(world: World, partner_id: str, customer_id: str) -> None:
    """Remove the partner's subscriptions in a tenant that it has no rights in any more."""
    for one in list(world.graph_subscriptions.by("customer", customer_id)):
        if one.partner_id == partner_id:
            world.graph_subscriptions.remove(one.id)
            world.agenda.remove(f"graph.reauthorize/{one.id}")
            tell(world, one, "subscriptionRemoved")


def missed(world: World, subscription_id: str) -> None:
    """Tell that notifications of a subscription were dropped after the last attempt."""
    one = world.graph_subscriptions.get(subscription_id)
    if one is not None and one.expires_at > world.now:
        tell(world, one, "missed")
