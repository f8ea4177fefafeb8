"""Writes the audit log and raises webhook events, with their delays (PC 8, 9.3, 14.3)."""

import json
from datetime import datetime, timedelta
from typing import Any

from csp_partner_center_simulator.state.customers import Customer
from csp_partner_center_simulator.state.logs import AuditRecord, Delivery, Task
from csp_partner_center_simulator.state.subscriptions import Subscription
from csp_partner_center_simulator.state.world import World, ticks
from csp_partner_center_simulator.wire.answer import instant_of_ticks, pascal, without_nulls
from csp_partner_center_simulator.wire.call import Actor

MINUTE = 60.0
HOUR = 3600.0
AUDIT_HOST = "https://api.partnercenter.microsoft.com/auditactivity/v1/auditrecords"
API_HOST = "https://api.partnercenter.microsoft.com"


def record(
    world: World,
    actor: Actor,
    customer: Customer | None,
    resource_type: str,
    operation_type: str,
    *,
    new: Any = None,
    old: Any = None,
    data: tuple[tuple[str, str | None], ...] = (),
    partner_id: str = "",
) -> AuditRecord:
    """Write an audit record; it shows after a delay in the realistic profile."""
    partner_id = partner_id or actor.partner_id
    at = world.now
    tick = (
        ticks(at) + world.next_number() % 9_000_000
    )  # unique and in order, even while the clock stands still
    customer_id = customer.id if customer else ""
    resource = resource_type.replace("_", "")
    operation = operation_type.replace("_", "")
    delay = world.delay("audit", MINUTE, 6 * HOUR)
    if delay:
        world.later(at + delay, "audit.listed", ref=str(tick), partner_id=partner_id, customer_id=customer_id)
    return world.audit.put(
        AuditRecord(
            id=f"{partner_id}_{customer_id}_{resource}_{operation}_{tick}",
            partner_id=partner_id,
            customer_id=customer_id,
            customer_name=customer.company_name if customer else "",
            resource_type=resource_type,
            operation_type=operation_type,
            at=at,
            ticks=tick,
            listed_at=at + delay,
            user_principal_name=actor.user_principal_name,
            application_id=actor.application_id,
            old_value=_copy(old),
            new_value=_copy(new),
            correlation_id=actor.correlation_id,
            customized_data=data,
        )
    )


def _copy(resource: Any) -> str | None:
    """Give the PascalCase copy of a resource as text; passwords are empty in it (PC 3.4, 8)."""
    if resource is None:
        return None

    def blank(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: "" if k.lower() == "password" else blank(v) for k, v in value.items()}
        return [blank(one) for one in value] if isinstance(value, list) else value

    return json.dumps(pascal(blank(without_nulls(resource))), separators=(",", ":"), default=str)


def subscription_changed(world: World, subscription: Subscription, audit: AuditRecord | None) -> None:
    """Raise `subscription-updated`, whoever changed it (PC 9.3); up to 48 hours late by documentation."""
    uri = (
        f"http://api.partnercenter.microsoft.com/webhooks/v1/customers/{subscription.customer_id}"
        f"/subscriptions/{subscription.id.upper() if subscription.commerce == 'legacy' else subscription.id}"
    )
    announce(
        world,
        subscription.partner_id,
        "subscription-updated",
        "subscription",
        uri,
        audit,
        latest=48 * HOUR,
        refs=(subscription.customer_id, subscription.id),
    )


def post(
    world: World,
    partner_id: str,
    customer_id: str,
    event: str,
    url: str,
    body: str,
    due: datetime,
    *,
    subscription_id: str = "",
) -> None:
    """Queue a Graph notification; `subscription_id`: the change-notification subscription it is for."""
    delivery = world.deliveries.put(
        Delivery(
            id=world.new_id("delivery"),
            partner_id=partner_id,
            event=event,
            url=url,
            body=body,
            created_at=world.now,
            due_at=due,
            subscription_id=subscription_id,
        )
    )
    world.agenda.add(
        Task(
            id=f"graph.notify/{delivery.id}",
            at=due,
            number=world.next_number(),
            what="graph.notify",
            customer_id=customer_id,
            ref=delivery.id,
        )
    )


def announce(
    world: World,
    partner_id: str,
    event: str,
    resource_name: str,
    uri: str | None,
    audit: AuditRecord | None = None,
    *,
    latest: float = 10 * MINUTE,
    refs: tuple[str, str] = ("", ""),
) -> None:
    """Raise an event for a partner; it is delivered if the partner has registered for it."""
    registration = world.registrations.get(partner_id)
    if registration is None or event not in registration.events or not world.channels.webhooks:
        return
    at = world.now
    body = {
        "EventName": event,
        "ResourceUri": uri,
        "ResourceName": resource_name,
        "AuditUri": f"{AUDIT_HOST}/{audit.id}" if audit else None,
        "ResourceChangeUtcDate": instant_of_ticks(at, audit.ticks if audit else ticks(at)).replace(
            "Z", "+00:00"
        ),
    }
    enqueue(
        world,
        partner_id,
        event,
        json.dumps(body),
        delay=world.delay("webhook", MINUTE, latest).total_seconds(),
        refs=refs,
    )


def enqueue(
    world: World,
    partner_id: str,
    event: str,
    body: str,
    *,
    delay: float = 0.0,
    defect: str = "",
    validation_id: str = "",
    refs: tuple[str, str] = ("", ""),
) -> Delivery | None:
    """Put a webhook on its way; None when the partner has no registration."""
    registration = world.registrations.get(partner_id)
    if registration is None:
        return None
    due = world.now + timedelta(seconds=delay)
    delivery = world.deliveries.put(
        Delivery(
            id=world.new_id("delivery"),
            partner_id=partner_id,
            event=event,
            url=registration.url,
            body=body,
            created_at=world.now,
            due_at=due,
            defect=defect,
            validation_id=validation_id,
            signature_in_ms_header=registration.signature_in_ms_header,
        )
    )
    world.agenda.add(
        Task(
            id=f"webhook.deliver/{delivery.id}",
            at=due,
            number=world.next_number(),
            what="webhook.deliver",
            partner_id=partner_id,
            customer_id=refs[0],
            subscription_id=refs[1],
            ref=delivery.id,
        )
    )
    return delivery
