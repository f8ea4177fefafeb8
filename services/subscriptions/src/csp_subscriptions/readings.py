"""What an observation's fields say of a subscription: as its first event, and as a state to compare with ours."""

from datetime import UTC, date, datetime
from typing import Any

from csp_contracts.ids import Kind, named_id
from csp_contracts.partner_feed_v1 import ExternalStateObserved
from csp_contracts.subscriptions_v1 import SeatLot, SubscriptionCreated
from csp_subscriptions.adapters.microsoft import CHARGE_CYCLES
from csp_subscriptions.domain.observed import ObservedState
from csp_subscriptions.domain.subscription import Status, Subscription
from csp_subscriptions.outcomes import RULE_SETS
from csp_subscriptions.ports import Tenant


def created(
    observed: ExternalStateObserved,
    tenant: Tenant | None,
    status: Status,
    currency: str,
    reseller: str,
    predecessor: str | None,
) -> SubscriptionCreated:
    """The first event of a subscription that was made elsewhere; what was not told gets the contract's usual value."""
    told = observed.state or {}
    commerce = str(told.get("commerce", "nce"))
    parent = told.get("parent_microsoft_id")
    refs = {"microsoft_subscription_id": observed.microsoft_id}
    if told.get("transferred_from"):
        refs["transferred_from"] = str(told["transferred_from"])
    return SubscriptionCreated(
        subscription_id=observed.resource_id,
        tenant_id=observed.tenant_id,
        microsoft_subscription_id=observed.microsoft_id,
        commerce=commerce,
        rule_set=RULE_SETS.get(commerce, "nce"),
        product=str(told.get("product", "")),
        product_title=str(told.get("product_title", "")),
        term=str(told.get("term") or "P1Y"),
        charge_cycle=str(told.get("charge_cycle") or "P1M"),
        quantity=_int(told.get("quantity")),
        status=str(status),
        currency=str(told.get("currency") or currency),
        segment=str(told.get("segment") or "commercial"),
        customer_id=tenant.customer_id if tenant else None,
        microsoft_order_id=_text(told.get("order_id")),
        friendly_name=_text(told.get("friendly_name")),
        commitment_ends_on=_day(told.get("commitment_ends_on")),
        auto_renew=bool(told.get("auto_renew", True)),
        is_trial=bool(told.get("is_trial", False)),
        base_subscription_id=None if not parent else named_id(Kind.SUBSCRIPTION, reseller, str(parent)),
        predecessor_id=predecessor,
        paid_until=_day(told.get("paid_until")),
        billing_from=_day(told.get("billing_from")),
        seat_lots=_lots(told.get("seat_lots")),
        directory_sku_id=_text(told.get("directory_sku_id")),
        external_refs=refs,
    )


def observed_state(told: dict[str, Any], state: Subscription) -> ObservedState:
    """What was read; fields that were not told stay as they are."""
    cycle = told.get("charge_cycle")
    return ObservedState(
        quantity=_int(told.get("quantity", state.quantity)),
        status=str(told.get("status", "")),
        auto_renew=bool(told.get("auto_renew", state.auto_renew)),
        product=str(told.get("product") or state.product),
        term=_text(told.get("term")),
        charge_cycle=None if cycle is None else CHARGE_CYCLES.get(str(cycle), str(cycle)),
        commitment_ends_on=_day(told.get("commitment_ends_on")),
        seat_lots=tuple(_lots(told.get("seat_lots"))),
    )


def _lots(rows: Any) -> list[SeatLot]:  # a list of the observation's state
    return [
        SeatLot(
            quantity=row["quantity"],
            refundable_until=datetime.fromisoformat(row["refundable_until"]).astimezone(UTC),
        )
        for row in rows or []
        if row.get("refundable_until")
    ]


def moment(value: Any) -> datetime | None:  # a field of the observation's state
    """An instant in UTC, or None where none was told."""
    return None if not value else datetime.fromisoformat(str(value)).astimezone(UTC)


def _day(value: Any) -> date | None:  # a field of the observation's state
    return None if not value else date.fromisoformat(str(value)[:10])


def _int(value: Any) -> int:  # a field of the observation's state
    return int(value or 0)


def _text(value: Any) -> str | None:  # a field of the observation's state
    return None if value in (None, "") else str(value)
