"""What a record of the activity log says (PC 8): facts about subscriptions, and wishes to read what it names."""

import re
from datetime import datetime

from csp_partner_center.audit import AuditRecord, AuditStatus
from csp_partner_center.calls import path_of_link
from csp_partner_center.reading import member
from csp_partner_feed.adapters.microsoft import audited_subscription_state
from csp_partner_feed.domain.observation import AuditFact, Channel, Observation, Resource
from csp_partner_feed.domain.wishes import Wish

_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_TENANT_OPERATIONS = {
    "add_customer",
    "create_partner_relationship",
    "remove_partner_customer_relationship",
    "remove_partner_relationship",
    "update_customer_billing_profile",
    "update_customer_qualification",
    "update_customer_partner_contract_company_name",
    "create_transfer",
    "update_transfer",
    "resellerrelationshipacceptedbycustomer",
    "extend_relationship",
}


def facts_of(reseller: str, record: AuditRecord, began_at: datetime) -> list[Observation]:
    """What the record itself proves: a change of one subscription, at the record's own time.

    Orders name what was bought, not what became of it; users have their own channel. Both are only read again.
    """
    if record.operation_status is not AuditStatus.SUCCEEDED or record.customer_id is None:
        return []
    if record.operation_type.lower() != "update_subscription":
        return []
    details = {each.key: each.value for each in record.customized_data}
    details.setdefault("Quantity", record.detail("Quantity-0"))
    found: list[Observation] = []
    for subscription in _subscriptions(record):
        state = audited_subscription_state(record.new_value(), details, record.old_value())
        if state:
            found.append(
                Observation(
                    reseller=reseller,
                    resource=Resource.SUBSCRIPTION,
                    microsoft_tenant_id=record.customer_id,
                    microsoft_id=subscription,
                    channel=Channel.AUDIT,
                    began_at=began_at,
                    state=state,
                    changed_at=record.operation_date,
                    audit=AuditFact(
                        key=record.key,
                        operation=record.operation_type,
                        correlation_id=record.original_correlation_id,
                    ),
                )
            )
    return found


def wishes_of(reseller: str, record: AuditRecord, due_at: datetime) -> list[Wish]:
    """What to read because of this record; unknown operations read whatever they name."""
    if record.operation_status is not AuditStatus.SUCCEEDED or record.customer_id is None:
        return []
    tenant = record.customer_id
    named: list[tuple[Resource, str]] = [
        (Resource.SUBSCRIPTION, subscription) for subscription in _subscriptions(record)
    ]
    user = _user(record)
    if user is not None:
        named.append((Resource.USER, user))
        if "license" in record.operation_type.lower():
            named.append((Resource.LICENCES, tenant))
    if (
        record.operation_type.lower() in _TENANT_OPERATIONS
        or (record.resource_type or "").lower() == "customer"
    ):
        named.append((Resource.TENANT, tenant))
    return [
        Wish(
            reseller=reseller,
            resource=resource,
            microsoft_tenant_id=tenant,
            microsoft_id=microsoft_id,
            channel=Channel.AUDIT,
            due_at=due_at,
            is_repeated=True,
        )
        for resource, microsoft_id in named
    ]


def _subscriptions(record: AuditRecord) -> list[str]:
    """Ids of subscriptions that the record names, in its details, in the resource after the change, or in its own id."""
    found = [each.lower() for each in record.details("SubscriptionId") if _GUID.fullmatch(each)]
    value = record.new_value()
    kind = (record.resource_type or "").lower()
    own = member(value, "id")
    if kind == "subscription" and isinstance(own, str) and _GUID.fullmatch(own):
        found.append(own.lower())
    if kind == "order":
        for line in member(value, "lineItems") or []:
            listed = member(line, "subscriptionId")
            if isinstance(listed, str) and _GUID.fullmatch(listed):
                found.append(listed.lower())
    link = member(member(member(value, "links"), "self"), "uri")
    if kind == "subscription" and isinstance(link, str):
        parts = path_of_link(link).lower().split("/")
        if "subscriptions" in parts[:-1]:
            found.append(parts[parts.index("subscriptions") + 1])
    return list(dict.fromkeys(each for each in found if _GUID.fullmatch(each)))


def _user(record: AuditRecord) -> str | None:
    named = record.detail("CustomerUserId")
    if named is None and (record.resource_type or "").lower() == "customer_user":
        value = member(record.new_value(), "id") or member(record.old_value(), "id")
        named = value if isinstance(value, str) else None
    return named.lower() if named and _GUID.fullmatch(named) else None
