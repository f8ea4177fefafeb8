"""What a hint (notification, activity record, request) asks us to read."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from csp_partner_feed.domain.observation import Channel, Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One resource to read. `is_repeated`: read once more after the span of late visibility if nothing new shows."""

    reseller: str
    resource: Resource
    microsoft_tenant_id: str
    microsoft_id: str
    channel: Channel
    due_at: datetime
    changed_at: datetime | None = None
    is_forced: bool = False
    is_repeated: bool = False


CLOCKS_DIFFER = timedelta(minutes=10)
"""How far Microsoft's clock and ours may be apart."""


class Ignored(StrEnum):
    """Why a notification asks for nothing."""

    TEST = "a test"
    NOT_OURS = "about something this platform does not manage"
    UNKNOWN_EVENT = "an event that is not known here"
    NO_ID = "names no resource that can be read"


# PC 9.3. Everything else is parked for a person, with its payload.
_KNOWN_BUT_NOT_OURS = (
    "usagerecords-",
    "azure-fraud-event",
    "referral-",
    "related-referral-",
    "invoice-ready",
)


def wish_of_notification(
    reseller: str,
    event_name: str,
    ids: dict[str, str],
    *,
    due_at: datetime,
    changed_at: datetime | None,
) -> Wish | Ignored:
    """What a notification asks for: it carries no data, only the address of what changed (PC 9.3).

    A change that lies in the future of `due_at` by more than clocks differ has no time that could be believed.
    """
    if changed_at is not None and changed_at > due_at + CLOCKS_DIFFER:
        changed_at = None
    name = event_name.lower()
    tenant, subscription = ids.get("customers"), ids.get("subscriptions")
    if name == "test-created":
        return Ignored.TEST
    if name.startswith("subscription-"):
        if not tenant or not subscription:
            return Ignored.NO_ID
        return Wish(
            reseller=reseller,
            resource=Resource.SUBSCRIPTION,
            microsoft_tenant_id=tenant,
            microsoft_id=subscription,
            channel=Channel.WEBHOOK,
            due_at=due_at,
            changed_at=changed_at,
            is_repeated=True,
        )
    if name.startswith(("reseller-relationship-", "indirect-", "dap-admin-", "granular-admin-")):
        if not tenant:
            return Ignored.NOT_OURS
        return _tenant(reseller, tenant, due_at, changed_at)
    if name.startswith("new-commerce-migration-"):
        return _tenant(reseller, tenant, due_at, changed_at) if tenant else Ignored.NO_ID
    if name.startswith(_KNOWN_BUT_NOT_OURS):
        return Ignored.NOT_OURS
    return Ignored.UNKNOWN_EVENT


def _tenant(reseller: str, tenant: str, due_at: datetime, changed_at: datetime | None) -> Wish:
    return Wish(
        reseller=reseller,
        resource=Resource.TENANT,
        microsoft_tenant_id=tenant,
        microsoft_id=tenant,
        channel=Channel.WEBHOOK,
        due_at=due_at,
        changed_at=changed_at,
        is_repeated=True,
    )
