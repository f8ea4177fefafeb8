"""Registration for webhooks and validation events (PC 9.1)."""

import json
from typing import Any
from urllib.parse import urlsplit

from csp_partner_center_simulator.commerce.activity import enqueue
from csp_partner_center_simulator.state.logs import Registration
from csp_partner_center_simulator.wire.answer import Answer, instant
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import ApiError, invalid
from csp_partner_center_simulator.wire.router import ADMINS, Rights, Route

EVENTS = (
    "test-created",
    "subscription-updated",
    "subscription-active",
    "reseller-relationship-accepted-by-customer",
    "dap-admin-relationship-approved",
    "dap-admin-relationship-terminated",
    "dap-admin-relationship-terminated-by-microsoft",
    "granular-admin-relationship-activated",
    "granular-admin-relationship-approved",
    "granular-admin-relationship-expired",
    "granular-admin-relationship-terminated",
    "granular-admin-relationship-created",
    "granular-admin-relationship-updated",
    "granular-admin-access-assignment-created",
    "granular-admin-access-assignment-activated",
    "granular-admin-access-assignment-updated",
    "granular-admin-access-assignment-deleted",
    "invoice-ready",
    "new-commerce-migration-created",
    "new-commerce-migration-completed",
    "new-commerce-migration-failed",
    "new-commerce-migration-schedule-failed",
    "usagerecords-thresholdExceeded",
    "azure-fraud-event-detected",
    "referral-created",
    "referral-updated",
    "related-referral-created",
    "related-referral-updated",
)
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def registration_json(one: Registration) -> dict[str, Any]:
    """Write a registration in the mixed casing of the service (PC 9.1)."""
    return {
        "SubscriberId": one.subscriber_id,
        "WebhookUrl": one.url,
        "WebhookEvents": list(one.events),
        "signatureTokenToMsSignatureHeader": one.signature_in_ms_header,
        "lastModifiedTimestamp": instant(one.changed_at),
    }


def events(call: Call) -> Answer:
    """List the events a tenant may register for: a bare array."""
    del call  # every partner may register for the same events
    return Answer(body=list(EVENTS))


def _registration(call: Call) -> Registration:
    one = call.world.registrations.get(call.partner.id)
    if one is None:
        raise ApiError(404, 1000, "The partner has no webhook registration.")
    return one


def get(call: Call) -> Answer:
    """Read the registration; 404 when there is none."""
    return Answer(body=registration_json(_registration(call)))


def create(call: Call) -> Answer:
    """Register: 200, and 409 for a second one (PC 9.1)."""
    if call.partner.id in call.world.registrations:
        raise ApiError(409, 409, "The partner has a webhook registration already; use PUT.")
    return _save(call, call.world.new_id("subscriber"))


def update(call: Call) -> Answer:
    """Change the registration."""
    return _save(call, _registration(call).subscriber_id)


def _save(call: Call, subscriber_id: str) -> Answer:
    body = call.request.object()
    url, wanted = body.required("webhookUrl"), body.texts("webhookEvents")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise invalid("WebhookUrl is not an address.", code=3000) from None
    # Callbacks to loopback may be plain http; in reality https is required.
    if not parts.hostname or (
        parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK)
    ):
        raise invalid("WebhookUrl must be an https address.", code=3000)
    if not wanted:
        raise invalid("WebhookEvents must name at least one event.", code=3000)
    known = {name.lower(): name for name in EVENTS}
    if unknown := [name for name in wanted if name.lower() not in known]:
        raise invalid(f"WebhookEvents: '{unknown[0][:60]}' is not an event.", code=3000)
    one = call.world.registrations.put(
        Registration(
            id=call.partner.id,
            subscriber_id=subscriber_id,
            url=url,
            events=tuple(dict.fromkeys(known[name.lower()] for name in wanted)),
            signature_in_ms_header=body.flag("signatureTokenToMsSignatureHeader") or False,
            changed_at=call.now,
        )
    )
    return Answer(body=registration_json(one))


def create_validation_event(call: Call) -> Answer:
    """Send a `test-created` event to the callback; needs the registration for it."""
    one = _registration(call)
    if "test-created" not in one.events:
        raise invalid("The registration does not include test-created.", code=3000)
    correlation_id = call.world.new_id("validation")
    body = {
        "EventName": "test-created",
        "ResourceUri": f"{call.base_url}/webhooks/v1/registration/validationEvents/{correlation_id}",
        "ResourceName": "test",
        "AuditUri": None,
        "ResourceChangeUtcDate": (instant(call.now) or "").replace("Z", "+00:00"),
    }
    enqueue(call.world, call.partner.id, "test-created", json.dumps(body), validation_id=correlation_id)
    return Answer(body={"correlationId": correlation_id})


def get_validation_event(call: Call) -> Answer:
    """Tell how the validation event was delivered."""
    wanted = call.params["validation"].lower()
    found = [
        one for one in call.world.deliveries.by("partner", call.partner.id) if one.validation_id == wanted
    ]
    if not found:
        raise ApiError(404, 1000, "The validation event was not found.")
    one = found[0]
    status = {"pending": "pending", "delivered": "completed", "offline": "failed"}[one.state]
    results = [
        {
            "responseCode": "OK" if attempt.status == 200 else str(attempt.status or ""),
            "responseMessage": "" if attempt.status else attempt.outcome,
            "systemError": attempt.status is None,
            "dateTimeUtc": (instant(attempt.at) or "").removesuffix("Z"),
        }
        for attempt in one.attempts
    ]
    return Answer(
        body={
            "correlationId": wanted,
            "partnerId": one.partner_id,
            "status": status,
            "callbackUrl": one.url,
            "results": results,
        }
    )


_ADMIN = Rights(roles=ADMINS)
_R = "/webhooks/v1/registration"
ROUTES = (
    Route(method="GET", path=f"{_R}/events", operation="webhooks.events.list", handler=events),
    Route(method="GET", path=_R, operation="webhooks.registration.get", handler=get),
    Route(method="POST", path=_R, operation="webhooks.registration.create", handler=create, rights=_ADMIN),
    Route(method="PUT", path=_R, operation="webhooks.registration.update", handler=update, rights=_ADMIN),
    Route(
        method="POST",
        path=f"{_R}/validationEvents",
        operation="webhooks.validationEvents.create",
        handler=create_validation_event,
        rights=_ADMIN,
    ),
    Route(
        method="GET",
        path=f"{_R}/validationEvents/{{validation}}",
        operation="webhooks.validationEvents.get",
        handler=get_validation_event,
    ),
)
