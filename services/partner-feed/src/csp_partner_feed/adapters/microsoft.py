"""Microsoft's resources as the state of an observation. These keys are what the owning services read.

`subscription`: commerce, product, product_title, status, quantity, auto_renew, term, charge_cycle (both ISO durations), started_at,
created_at, commitment_ends_on, seat_lots, order_id, friendly_name, is_trial, parent_microsoft_id, migrated_from, promotion_id,
billing_from (first synchronisation only), paid_until and transferred_from (from another partner), directory_sku_id (when first told).
`user`: usage_location, is_enabled, is_deleted, is_synchronised, sku_ids; personal fields apart: user_principal_name, display_name,
first_name, last_name, usage_location.
`licences`: skus with available, consumed, total, sku_part_number.
`tenant`: domain, company_name, country, relationship.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from csp_partner_center.customers import Customer
from csp_partner_center.graph import GraphUser
from csp_partner_center.licences import SubscribedSku
from csp_partner_center.reading import OpenEnum
from csp_partner_center.subscriptions import Subscription
from csp_partner_feed.domain.observation import State

_CYCLES = {"monthly": "P1M", "annual": "P1Y", "triennial": "P3Y"}


def subscription_state(seen: Subscription, *, billing_from: date | None = None) -> State:
    """The commercial fields of a subscription."""
    ends = seen.commitment_end_date or seen.commitment_end_date_time
    cycle = None if seen.billing_cycle is None else str(seen.billing_cycle.value)
    state: State = {
        "commerce": "nce" if seen.is_new_commerce else "legacy",
        "product": seen.product,
        "product_title": seen.offer_name,
        "status": _word(seen.status),
        "quantity": seen.quantity,
        "auto_renew": seen.auto_renew_enabled,
        "term": seen.term_duration or ("P1Y" if not seen.is_new_commerce else None),
        "charge_cycle": _CYCLES.get(cycle or "", cycle),
        "started_at": _instant(seen.effective_start_date or seen.creation_date),
        "created_at": _instant(seen.creation_date),
        "commitment_ends_on": None if ends is None else ends.astimezone(UTC).date().isoformat(),
        "seat_lots": _lots(seen),
        "order_id": seen.order_id,
        "friendly_name": seen.friendly_name,
        "is_trial": seen.is_trial,
        "parent_microsoft_id": seen.parent_subscription_id,
        "migrated_from": seen.migrated_from_subscription_id,
        "promotion_id": seen.promotion_id,
    }
    if billing_from is not None:
        state["billing_from"] = billing_from.isoformat()
    return {name: value for name, value in state.items() if value is not None}


def user_state(seen: GraphUser) -> State:
    """What a delta tells; fields that were not told are absent."""
    if seen.removed is not None:
        return {"is_deleted": True, "is_purged": seen.removed.reason == "deleted"}
    state: State = {"is_deleted": seen.deleted_date_time is not None}
    if seen.usage_location is not None:
        state["usage_location"] = seen.usage_location
    if seen.account_enabled is not None:
        state["is_enabled"] = seen.account_enabled
    if seen.on_premises_sync_enabled is not None:
        state["is_synchronised"] = seen.on_premises_sync_enabled
    if seen.assigned_licenses is not None:
        state["sku_ids"] = [
            {"sku_id": sku} for sku in sorted({each.sku_id for each in seen.assigned_licenses})
        ]
    return state


def person_of(seen: GraphUser) -> dict[str, str | None]:
    """The personal fields that were told."""
    found = {
        "user_principal_name": seen.user_principal_name,
        "display_name": seen.display_name,
        "first_name": seen.given_name,
        "last_name": seen.surname,
        "usage_location": seen.usage_location,
    }
    return {name: value for name, value in found.items() if value is not None}


def licences_state(seen: list[SubscribedSku]) -> State:
    """Seats per directory SKU."""
    skus: list[dict[str, str | int | None]] = [
        {
            "sku_id": each.product_sku.id,
            "sku_part_number": each.product_sku.sku_part_number,
            "available": each.available_units,
            "consumed": each.consumed_units,
            "total": each.total_units,
        }
        for each in sorted(seen, key=lambda each: each.product_sku.id)
    ]
    return {"skus": skus}


def tenant_state(seen: Customer) -> State:
    """Company, domain and country; no person is among them."""
    profile, billing = seen.company_profile, seen.billing_profile
    address = billing.default_address if billing else None
    state: State = {
        "domain": profile.domain,
        "company_name": profile.company_name or (billing.company_name if billing else None),
        "country": address.country if address else None,
        "relationship": _word(seen.relationship_to_partner) if seen.relationship_to_partner else None,
    }
    return {name: value for name, value in state.items() if value is not None}


def audited_subscription_state(
    value: Any, details: Mapping[str, str | None], before: Any = None
) -> State:  # Any: JSON of any shape
    """What an activity record tells of a subscription: what it names, and where it shows the resource before, only what changed."""
    told, old = _folded(value), _folded(before)
    state: State = {}
    quantity = told.get("quantity", details.get("Quantity"))
    if quantity is not None and str(quantity).isdigit() and str(quantity) != str(old.get("quantity")):
        state["quantity"] = int(str(quantity))
        if str(old.get("quantity", "")).isdigit():
            state["previous_quantity"] = int(str(old["quantity"]))
    status = str(told.get("status", "")).lower()
    if status and status != str(old.get("status", "")).lower():
        state["status"] = status
    renews = told.get("autorenewenabled")
    if isinstance(renews, bool) and renews is not old.get("autorenewenabled"):
        state["auto_renew"] = renews
    name = told.get("friendlyname")
    if isinstance(name, str) and name != old.get("friendlyname"):
        state["friendly_name"] = name
    return state


def _folded(value: Any) -> dict[str, Any]:  # Any: JSON of any shape
    return {str(name).lower(): each for name, each in value.items()} if isinstance(value, Mapping) else {}


def _lots(seen: Subscription) -> list[dict[str, str | int | None]] | None:
    if seen.refundable_quantity is None:
        return None
    return [
        {"quantity": lot.quantity, "refundable_until": _instant(lot.allowed_until_date_time)}
        for lot in seen.refundable_quantity.details
        if lot.allowed_until_date_time is not None
    ]


def _instant(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()


def _word(word: OpenEnum) -> str:
    return str(word.value).lower()
