"""The list of subscriptions: quantity, status, price, consumed seats."""

from collections.abc import Mapping
from typing import Any, Literal

from csp_contracts.envelope import Recorded
from csp_contracts.identity_sync_v1 import ConsumedSeatsChanged
from csp_contracts.ids import Kind
from csp_contracts.pricing_v1 import SubscriptionCostLocked, SubscriptionPriceEdited, SubscriptionPriceLocked
from csp_contracts.subscriptions_v1 import (
    AutoRenewChanged,
    BillingStartChanged,
    ChangeScheduled,
    QuantityChanged,
    ScheduledChangeDropped,
    SubscriptionCancelled,
    SubscriptionConverted,
    SubscriptionCreated,
    SubscriptionExpired,
    SubscriptionLabelsChanged,
    SubscriptionReactivated,
    SubscriptionRenamed,
    SubscriptionRenewed,
    SubscriptionSuspended,
)
from csp_gateway.projections.writing import CUSTOMER_OF_TENANT, as_text
from csp_runtime.database import Connection

Which = Literal["price", "cost"]


async def show(tx: Connection, event: Recorded[Any]) -> None:
    """Write what an event means for this screen."""
    match event.data:
        case SubscriptionCreated() as data:
            await _created(tx, event, data)
        case SubscriptionPriceLocked() as data:
            await _locked(tx, event.meta.reseller, "price", data)
        case SubscriptionPriceEdited() as data:
            if data.until_on is None and data.from_on <= event.meta.recorded_at.date():
                edited = {"unit_price_micro": data.unit_price_micro, "price_is_edited": True}
                await _figures(tx, event.meta.reseller, data.subscription_id, edited)
        case SubscriptionCostLocked() as data:
            await _locked(tx, event.meta.reseller, "cost", data)
        case ConsumedSeatsChanged() as data:
            for part in data.subscriptions:
                seats = {"consumed": part.consumed, "consumed_is_shared": part.shared}
                await _figures(tx, event.meta.reseller, part.subscription_id, seats)
        case _ if event.stream.startswith(f"{Kind.SUBSCRIPTION}_"):
            await _changed(tx, event)


async def _figures(
    tx: Connection, reseller: str, subscription_id: str, figures: Mapping[str, int | bool]
) -> None:
    """Figures of other streams: there is no order between streams, so they may come before their subscription and wait."""
    given = ", ".join(f"{column} = %s" for column in figures)
    values = list(figures.values())
    await tx.execute(
        f"with shown as (update subscriptions set {given}, revision = revision + 1 "
        "where reseller_id = %s and subscription_id = %s returning 1) "
        f" insert into waiting_figures (subscription_id, {', '.join(figures)}) "
        f"select %s{', %s' * len(figures)} where not exists (select from shown) "
        f"on conflict (subscription_id) do update set {given}",
        [*values, reseller, subscription_id, subscription_id, *values, *values],
    )


async def _locked(
    tx: Connection, reseller: str, which: Which, lock: SubscriptionPriceLocked | SubscriptionCostLocked
) -> None:
    """A lock shows where it is in force: not one that came for a day before another's, save for a moved first billing day.

    What is locked does not show while an edit without an end rules.
    """
    columns = f"unit_{which}_micro, {which}_from_on, {which}_at_takeover"
    shown, waiting = _of_lock("subscriptions", which), _of_lock("waiting_figures", which)
    in_force = "%(from_on)s >= {0}.{1}_from_on or (%(at_takeover)s and {0}.{1}_at_takeover) or {0}.{1}_from_on is null"
    await tx.execute(
        f"with shown as (update subscriptions set {shown}, revision = revision + 1 where reseller_id = %(reseller)s "
        f"and subscription_id = %(subscription)s and ({in_force.format('subscriptions', which)})) "
        f"insert into waiting_figures (subscription_id, {columns}) "
        "select %(subscription)s, %(micro)s, %(from_on)s, %(at_takeover)s where not exists "
        "(select from subscriptions where reseller_id = %(reseller)s and subscription_id = %(subscription)s) "
        f"on conflict (subscription_id) do update set {waiting} where {in_force.format('waiting_figures', which)}",
        {
            "reseller": reseller,
            "subscription": lock.subscription_id,
            "micro": lock.unit_price_micro,
            "from_on": lock.from_on,
            "at_takeover": lock.at_takeover,
        },
    )


def _of_lock(table: str, which: Which) -> str:
    """The assignments of a lock."""
    micro = "%(micro)s"
    if which == "price":
        micro = f"case when {table}.price_is_edited then {table}.unit_price_micro else %(micro)s end"
    return (
        f"unit_{which}_micro = {micro}, {which}_from_on = %(from_on)s, {which}_at_takeover = %(at_takeover)s"
    )


async def _created(tx: Connection, event: Recorded[Any], data: SubscriptionCreated) -> None:
    await tx.execute(
        "insert into subscriptions (subscription_id, reseller_id, customer_id, tenant_id, microsoft_subscription_id, "
        "product, product_title, friendly_name, commerce, term, charge_cycle, quantity, status, auto_renew, "
        "commitment_ends_on, seat_lots, currency, unit_price_micro, directory_sku_id, origin, started_at, billing_from, version, "
        f"created_at, updated_at) values (%s, %s, {CUSTOMER_OF_TENANT}, "
        "%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
        [
            data.subscription_id,
            event.meta.reseller,
            event.meta.reseller,
            data.tenant_id,
            data.tenant_id,
            data.microsoft_subscription_id,
            data.product,
            data.product_title,
            data.friendly_name,
            data.commerce,
            data.term,
            data.charge_cycle,
            data.quantity,
            data.status,
            data.auto_renew,
            data.commitment_ends_on,
            as_text(data.seat_lots),
            data.currency,
            None if data.quote is None else data.quote.unit_price_micro,
            data.directory_sku_id,
            str(event.meta.origin),
            event.meta.effective_at,
            data.billing_from,
            event.version,
            event.meta.recorded_at,
            event.meta.recorded_at,
        ],
    )
    await tx.execute(
        "with waiting as (delete from waiting_figures where subscription_id = %s returning *) "
        "update subscriptions set unit_price_micro = coalesce(waiting.unit_price_micro, subscriptions.unit_price_micro), "
        "price_is_edited = waiting.price_is_edited, price_from_on = waiting.price_from_on, cost_from_on = waiting.cost_from_on, "
        "price_at_takeover = waiting.price_at_takeover, cost_at_takeover = waiting.cost_at_takeover, "
        "unit_cost_micro = coalesce(waiting.unit_cost_micro, subscriptions.unit_cost_micro), "
        "consumed = coalesce(waiting.consumed, subscriptions.consumed), "
        "consumed_is_shared = coalesce(waiting.consumed_is_shared, subscriptions.consumed_is_shared) "
        "from waiting where reseller_id = %s and subscriptions.subscription_id = waiting.subscription_id",
        [data.subscription_id, event.meta.reseller],
    )


async def _changed(tx: Connection, event: Recorded[Any]) -> None:
    changes = {} if event.meta.superseded else _changes(event.data)
    assignments = "".join(f", {column} = %s" for column in changes)
    await tx.execute(
        f"update subscriptions set version = %s, updated_at = %s{assignments} "
        "where reseller_id = %s and subscription_id = %s",
        [event.version, event.meta.recorded_at, *changes.values(), event.meta.reseller, event.stream],
    )


def _changes(data: Any) -> dict[str, Any]:  # any event of a subscription
    match data:
        case QuantityChanged():
            lots = {"seat_lots": as_text(data.seat_lots)} if data.seat_lots else {}
            return {"quantity": data.quantity, "scheduled_quantity": None, **lots}
        case SubscriptionSuspended():
            return {"status": "suspended"}
        case SubscriptionReactivated():
            return {"status": "active", "quantity": data.quantity}
        case SubscriptionCancelled():
            return {"status": "cancelled", "auto_renew": False}
        case SubscriptionExpired():
            return {"status": "expired"}
        case SubscriptionRenewed():
            return {
                "product": data.product,
                "product_title": data.product_title,
                "term": data.term,
                "charge_cycle": data.charge_cycle,
                "quantity": data.quantity,
                "commitment_ends_on": data.commitment_ends_on,
                "seat_lots": as_text(data.seat_lots),
                "scheduled_quantity": None,
            }
        case SubscriptionConverted():
            return {
                "product": data.product,
                "product_title": data.product_title,
                "charge_cycle": data.charge_cycle,
                "quantity": data.quantity,
            }
        case AutoRenewChanged():
            return {"auto_renew": data.end_of_term == "renew"}
        case ChangeScheduled():
            return {"scheduled_quantity": data.quantity}
        case ScheduledChangeDropped():
            return {"scheduled_quantity": None}
        case SubscriptionRenamed():
            return {"friendly_name": data.friendly_name}
        case BillingStartChanged():
            return {"billing_from": data.billing_from}
        case SubscriptionLabelsChanged():
            return {"labels": as_text(data.labels)}
        case _:  # known, and changes nothing that this screen shows
            return {}
