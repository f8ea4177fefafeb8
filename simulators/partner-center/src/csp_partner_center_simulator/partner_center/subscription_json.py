"""How a subscription is written, with the fields its commerce has (PC 6.1)."""

from datetime import timedelta
from typing import Any

from csp_partner_center_simulator.partner_center.orders import etag
from csp_partner_center_simulator.rules import lots, terms
from csp_partner_center_simulator.state.subscriptions import (
    NextTerm,
    ProductChoice,
    Subscription,
)
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.answer import attributes, day, instant, link

FULL_REFUND = timedelta(hours=24)


def shown(world: World, one: Subscription) -> Subscription:
    """Give what reads show: for some seconds after a change still the old value (PC 14.3)."""
    shadow = world.shadows.get(one.id)
    return shadow.before if shadow is not None and shadow.until > world.now else one


def subscription_json(world: World, one: Subscription) -> dict[str, Any]:
    """Write a subscription with the fields its commerce has (PC 6.1)."""
    country = world.customers[one.customer_id].country
    uri = f"/customers/{one.customer_id}/subscriptions/{one.id}"
    nce = one.commerce == "nce"
    links: dict[str, Any] = {"self": link(uri)}
    if nce:
        stem = f"/products/{one.product_id}"
        links |= {
            "product": link(f"{stem}?country={country}"),
            "sku": link(f"{stem}/skus/{one.sku_id}?country={country}"),
            "availability": link(
                f"{stem}/skus/{one.sku_id}/availabilities/{one.availability_id}?country={country}"
            ),
        }
    else:
        links["self"] = link(f"/customers/{one.customer_id}/subscriptions/{one.id.upper()}")
        links["offer"] = link(f"/offers/{one.offer_id.upper()}?country={country}")
        if one.parent_id:
            links["parentSubscription"] = link(
                f"/customers/{one.customer_id}/subscriptions/{one.parent_id.upper()}"
            )
    addons = world.catalogue.addons_of(f"{one.product_id}:{one.sku_id}" if nce else one.offer_id)
    return {
        "id": one.id,
        "offerId": one.offer_id,
        "entitlementId": None if nce else one.id,
        "offerName": one.offer_name,
        "friendlyName": one.friendly_name,
        "productType": {"id": "OnlineServicesNCE", "displayName": "OnlineServicesNCE"} if nce else None,
        "quantity": one.quantity,
        "unitType": one.unit_type,
        "parentSubscriptionId": one.parent_id or None,
        "hasPurchasableAddons": bool(addons),
        "creationDate": instant(one.created_at),
        "effectiveStartDate": instant(one.term_start),
        "commitmentEndDate": day(one.term_end),
        "commitmentEndDateTime": instant(terms.last_second(one.term_end)),
        "cancellationAllowedUntilDate": instant(one.cancel_until) if nce else None,
        "billingCycleEndDate": day(one.cycle_end) if nce else None,
        "billingCycleEndDateTime": instant(terms.last_second(one.cycle_end)) if nce else None,
        "customTermEndDate": instant(one.custom_term_end_date),
        "status": one.status,
        "suspensionReasons": list(one.suspension_reasons) or None,
        "autoRenewEnabled": one.auto_renew,
        "isTrial": one.is_trial,
        "billingType": "license",
        "billingCycle": one.billing_cycle,
        "termDuration": one.term if nce else None,
        "renewalTermDuration": one.renewal_term if nce else None,
        "promotionId": one.promotion_id or None,
        "refundOptions": _refund_options(world, one) if nce else None,
        "refundableQuantity": _refundable(world, one) if nce else None,
        "scheduledNextTermInstructions": _next_term_json(one.next_term),
        "nextChargeInstructions": {
            "product": _choice_json(one.next_charge.product),
            "quantity": one.next_charge.quantity,
        }
        if one.next_charge
        else None,
        "actions": ["Cancel", "Edit"],
        "isMicrosoftProduct": True,
        "publisherName": "Microsoft Corporation",
        "partnerId": one.reseller_mpn,
        "attentionNeeded": False,
        "actionTaken": False,
        "contractType": "subscription",
        "orderId": one.order_id,
        "migratedFromSubscriptionId": one.migrated_from or None,
        "links": links,
        "attributes": attributes("Subscription", None if nce else etag(one.id, one.version)),
    }


def _refund_options(world: World, one: Subscription) -> list[dict[str, Any]] | None:
    if one.cancel_until is None:
        return None
    options = []
    if world.profile.full_refund_24h and not one.is_trial:
        options.append({"type": "Full", "expiresAt": instant(one.cancel_until - terms.WINDOW + FULL_REFUND)})
    return [*options, {"type": "Partial", "expiresAt": instant(one.cancel_until)}]


def _refundable(world: World, one: Subscription) -> dict[str, Any]:
    still = lots.still_open(one.lots, world.now)
    return {
        "totalQuantity": sum(lot.quantity for lot in still),
        "details": [{"quantity": lot.quantity, "allowedUntilDateTime": instant(lot.until)} for lot in still],
    }


def _choice_json(choice: ProductChoice) -> dict[str, Any]:
    return {
        "productId": choice.product_id,
        "skuId": choice.sku_id,
        "availabilityId": choice.availability_id,
        "billingCycle": choice.billing_cycle,
        "termDuration": choice.term,
        "promotionId": choice.promotion_id or None,
    }


def _next_term_json(next_term: NextTerm | None) -> dict[str, Any] | None:
    if next_term is None:
        return None
    return {
        "product": _choice_json(next_term.product),
        "quantity": next_term.quantity,
        "customTermEndDate": instant(next_term.custom_term_end_date),
    }
