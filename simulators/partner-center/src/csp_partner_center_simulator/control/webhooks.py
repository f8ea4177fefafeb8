"""Webhooks seen from behind: registrations, deliveries, certificates, and events out of turn."""

import json
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from fastapi.responses import Response

from csp_partner_center_simulator.commerce.activity import AUDIT_HOST, enqueue
from csp_partner_center_simulator.control.models import Emission
from csp_partner_center_simulator.partner_center.webhooks import registration_json
from csp_partner_center_simulator.state.logs import Delivery
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.answer import instant, without_nulls
from csp_partner_center_simulator.wire.errors import ApiError, invalid

if TYPE_CHECKING:
    from csp_partner_center_simulator.simulator import Simulator

# What the service calls the resource of an event (PC 9.3), by how the event's name begins.
RESOURCE_NAMES = {
    "test-": "test",
    "subscription-": "subscription",
    "invoice-": "invoice",
    "reseller-relationship-": "Customer",
    "dap-admin-relationship-": "PartnerCustomerDap",
    "granular-admin-relationship-": "GranularAdminRelationship",
    "granular-admin-access-assignment-": "GranularAdminAccessAssignment",
    "new-commerce-migration-": "migration",
    "usagerecords-": "usagerecords",
    "azure-fraud-event-": "fraudEvent",
}


def _resource_name(event: str) -> str:
    return next((name for begin, name in RESOURCE_NAMES.items() if event.startswith(begin)), event)


def _newest_record(world: World, partner_id: str, uri: str | None) -> str | None:
    """Give the address of the newest record about the resource, as a real event names one; None when there is none."""
    wanted = (uri or "").lower()
    if not wanted:
        return None
    whose = wanted.rpartition("/subscriptions/")[2] if "/subscriptions/" in wanted else ""
    for one in reversed(list(world.audit.by("partner", partner_id))):
        if not one.customer_id or one.customer_id not in wanted:
            continue
        told = f"{one.new_value} {one.customized_data}".lower()
        if whose in told:
            return f"{AUDIT_HOST}/{one.id}"
    return None


def router(simulator: "Simulator") -> APIRouter:
    """Build the routes."""
    routes = APIRouter()
    world = simulator.world

    def told(one: Delivery) -> dict[str, Any]:
        return {
            "id": one.id,
            "tenant_id": one.partner_id,
            "event": one.event,
            "url": one.url,
            "state": one.state,
            "created_at": instant(one.created_at),
            "due_at": instant(one.due_at),
            "defect": one.defect or None,
            "body": json.loads(one.body),
            "attempts": [
                {"at": instant(attempt.at), "outcome": attempt.outcome, "status": attempt.status}
                for attempt in one.attempts
            ],
        }

    @routes.get("/webhooks")
    async def webhooks(tenant_id: str | None = None) -> dict[str, Any]:
        deliveries = [one for one in world.deliveries if tenant_id is None or one.partner_id == tenant_id]
        return {
            "registrations": [
                {"tenant_id": one.id, **without_nulls(registration_json(one))} for one in world.registrations
            ],
            "deliveries": [told(one) for one in deliveries],
            "offline": [told(one) for one in deliveries if one.state == "offline"],
        }

    @routes.post("/webhooks/emit")
    async def emit(wish: Emission) -> dict[str, Any]:
        if wish.tenant_id not in world.partners:
            raise ApiError(404, 404, f"tenant_id: there is no partner {wish.tenant_id[:64]}.")
        if wish.tenant_id not in world.registrations:
            raise invalid("tenant_id: the partner has no webhook registration.")
        uri = wish.resource_uri
        if wish.defect == "http_uri" and uri:
            uri = uri.replace("https://", "http://", 1)
        audit_uri = wish.audit_uri or _newest_record(world, wish.tenant_id, uri)
        body = {
            "EventName": "something-unheard-of" if wish.defect == "unknown_event" else wish.event,
            "ResourceUri": uri,
            "ResourceName": wish.resource_name or _resource_name(wish.event),
            "AuditUri": None if wish.defect == "null_audit_uri" else audit_uri,
            "ResourceChangeUtcDate": (instant(world.now) or "").replace("Z", "+00:00"),
        }
        random = world.random("shuffle")
        with world.transaction():
            delays = [wish.delay_seconds] * wish.copies
            if wish.shuffle:
                delays = [wish.delay_seconds + random.random() / 1000 for _ in delays]
            made = [
                enqueue(
                    world, wish.tenant_id, wish.event, json.dumps(body), delay=delay, defect=wish.defect or ""
                )
                for delay in delays
            ]
        return {"deliveries": [one.id for one in made if one is not None]}

    @routes.get("/webhooks/certificates/{name}", response_class=Response)
    async def certificate(name: str) -> Response:
        content = simulator.authority().named(name)
        if content is None:
            raise ApiError(404, 404, f"There is no certificate {name[:80]}.")
        kind = "application/x-pem-file" if name.endswith(".pem") else "application/pkix-cert"
        return Response(content, media_type=kind)

    return routes
