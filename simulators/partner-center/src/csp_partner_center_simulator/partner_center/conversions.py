"""Legacy upgrades and trial conversions (PC 6.8, 6.9)."""

import dataclasses
from typing import Any

from msgspec.structs import replace

from csp_partner_center_simulator.billing import charges
from csp_partner_center_simulator.catalogue.catalogue import Item
from csp_partner_center_simulator.commerce import (
    activity,
    changes,
    lifecycle,
    new_subscriptions,
    people,
    purchasing,
)
from csp_partner_center_simulator.partner_center.offers import render
from csp_partner_center_simulator.partner_center.subscriptions import find
from csp_partner_center_simulator.rules import terms
from csp_partner_center_simulator.state.orders import CartLine
from csp_partner_center_simulator.state.subscriptions import Subscription
from csp_partner_center_simulator.wire.answer import Answer, attributes, collection
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import ApiError
from csp_partner_center_simulator.wire.request import Body
from csp_partner_center_simulator.wire.router import DIRECTORY_READERS, GLOBAL_ADMIN, SELLERS, Rights, Route

UPGRADE_TYPES = ("none", "upgrade_only", "upgrade_with_license_transfer")


def _legacy(call: Call) -> Subscription:
    one = find(call)
    if one.commerce != "legacy":
        raise ApiError(400, 800042, "This method is for legacy subscriptions; use transitions.")
    return one


def _upgrade_problem(one: Subscription) -> dict[str, Any] | None:
    if one.status == "active" and not one.is_trial and not one.parent_id:
        return None
    return {
        "code": 2,
        "description": f"Subscription cannot be upgraded because its state is {one.status}.",
        "additionalDetails": one.status,
        "attributes": attributes("UpgradeError"),
    }


def upgrades(call: Call) -> Answer:
    """List the offers all seats can move to."""
    one = _legacy(call)
    item = call.world.catalogue.offer(one.offer_id)
    error = _upgrade_problem(one)
    items = [
        {
            "targetOffer": render(call, target, call.customer.country),
            "upgradeType": UPGRADE_TYPES[2],
            "isEligible": error is None,
            "quantity": one.quantity,
            "upgradeErrors": [error] if error else [],
            "attributes": attributes("Upgrade"),
        }
        for target in (call.world.catalogue.upgrades_of(item) if item else [])
    ]
    return Answer(body=collection(items, f"/customers/{one.customer_id}/subscriptions/{one.id}/upgrades"))


def upgrade(call: Call) -> Answer:
    """Move all seats to another offer: a new subscription takes over (PC 6.8)."""
    world, one, body = call.world, _legacy(call), call.request.object()
    error = _upgrade_problem(one)
    if error is not None:
        raise ApiError(400, 800040, error["description"])
    target = _target(call, one, body.object("targetOffer").required("id"))
    kind = body.get("upgradeType")
    number = (
        kind
        if isinstance(kind, int)
        else next((n for n, name in enumerate(UPGRADE_TYPES) if name == str(kind).lower()), 1)
    )
    if number == 2 and not set(call.relation.gdap_roles) & LICENSE_MOVERS:
        raise ApiError(403, 900308, "Moving licenses needs the delegated role Directory Writers.")
    line = CartLine(
        number=0,
        catalog_item_id=target.product_id,
        quantity=one.quantity,
        billing_cycle=one.billing_cycle,
        friendly_name=one.friendly_name,
    )
    order = purchasing.place(world, call.partner, call.customer, [line], call.actor)
    made = order.lines[0].subscription_id
    ended = replace(one, status="deleted", ended_at=world.now, auto_renew=False, version=one.version + 1)
    world.subscriptions.put(ended)
    charges.taken_over(world, one, ended)
    lifecycle.plan(world, ended)
    changes.announce(world, one, ended, call.actor)
    if number == 2:
        _transfer_licenses(call, one, target)
    activity.record(
        world, call.actor, call.customer, "subscription", "upgrade_subscription",
        data=(("SubscriptionId", one.id), ("TargetSubscriptionId", made)), partner_id=call.partner.id,
    )  # fmt: skip
    return Answer(
        body={
            "sourceSubscriptionId": one.id,
            "targetSubscriptionId": made,
            "upgradeType": number,
            "upgradeErrors": [],
            "licenseErrors": [],
            "attributes": attributes("UpgradeResult"),
        }
    )


def _target(call: Call, one: Subscription, wanted: str) -> Item:
    item = call.world.catalogue.offer(one.offer_id)
    for target in call.world.catalogue.upgrades_of(item) if item else []:
        if target.product_id.lower() == wanted.lower():
            return target
    raise ApiError(400, 2006, f"The subscription cannot be upgraded to the offer {wanted[:40]}.")


def _transfer_licenses(call: Call, one: Subscription, target: Item) -> None:
    for user in call.world.users.by("customer", one.customer_id):
        have = dict(user.licenses)
        if one.directory_sku_id in have:
            have[target.directory_sku_id] = have.pop(one.directory_sku_id)
            people.save(call.world, replace(user, licenses=tuple(have.items())), "updated")


def conversions(call: Call) -> Answer:
    """List the paid offers a trial can become."""
    one = _legacy(call)
    paid = _paid(call, one)
    items = [_conversion_json(one, paid)] if paid and one.is_trial else []
    return Answer(body=collection(items, f"/customers/{one.customer_id}/subscriptions/{one.id}/conversions"))


def _paid(call: Call, one: Subscription) -> Item | None:
    item = call.world.catalogue.offer(one.offer_id)
    return call.world.catalogue.paid_counterpart(item) if item else None


def _conversion_json(one: Subscription, paid: Item) -> dict[str, Any]:
    return {
        "offerId": one.offer_id.upper(),
        "targetOfferId": paid.product_id.upper(),
        "orderId": one.order_id.upper(),
        "quantity": one.quantity,
        "billingCycle": "monthly",
        "attributes": attributes("Conversion"),
    }


def convert(call: Call) -> Answer:
    """Turn a trial into a paid subscription; its id stays (PC 6.9)."""
    world, one, body = call.world, _legacy(call), call.request.object()
    paid = _paid(call, one)
    if paid is None or not one.is_trial or one.status != "active":
        raise ApiError(400, 800040, "Only an active trial can be converted.")
    if body.required("targetOfferId").lower() != paid.product_id.lower():
        raise ApiError(400, 2006, "targetOfferId is not a conversion target of this trial.")
    quantity = body.whole("quantity") or one.quantity
    cycle = (body.text("billingCycle") or "monthly").lower()
    if cycle not in paid.billing_cycles:
        raise ApiError(400, 6000, f"{paid.title} is not sold with the billing cycle {cycle}.")
    if not paid.minimum <= quantity <= paid.maximum:
        raise ApiError(400, 2002, f"The quantity must be between {paid.minimum} and {paid.maximum}.")
    after = _converted(call, one, paid, quantity, cycle, body)
    world.subscriptions.put(after)
    charges.cycle_converted(world, one, after)
    lifecycle.plan(world, world.subscriptions[after.id])
    changes.announce(world, one, after, call.actor)
    activity.record(
        world, call.actor, call.customer, "subscription", "convert_trial_subscription",
        data=(("SubscriptionId", one.id),), partner_id=call.partner.id,
    )  # fmt: skip
    return Answer(
        body={
            "subscriptionId": one.id,
            "offerId": one.offer_id.upper(),
            "targetOfferId": paid.product_id.upper(),
            "attributes": attributes("ConversionResult"),
        }
    )


def _converted(
    call: Call, one: Subscription, paid: Item, quantity: int, cycle: str, body: Body
) -> Subscription:
    del body  # the rest of it repeats the offer
    day = call.now.date()
    anchor = lifecycle.legacy_anchor(day)
    return replace(
        one,
        offer_id=paid.product_id,
        product_id=paid.product_id,
        offer_name=paid.title,
        friendly_name=paid.title if one.friendly_name == one.offer_name else one.friendly_name,
        directory_sku_id=paid.directory_sku_id,
        quantity=quantity,
        is_trial=False,
        term="P1Y",
        billing_cycle=cycle,
        term_start=terms.at_midnight(day),
        term_end=lifecycle.legacy_term_end(call.world, call.partner, day, trial=False),
        anchor=anchor,
        cycle_start=day,
        cycle_end=terms.add_months(anchor, terms.CYCLE_MONTHS[cycle]) - terms.DAY,
        cycle_number=0,
        unit_price=new_subscriptions.legacy_price(paid, cycle, quantity, one.currency, day),
        version=one.version + 1,
    )


_S = "/v1/customers/{customer}/subscriptions/{subscription}"
_N = "customers.subscriptions"
_READ = Rights(app_only=False, gdap=DIRECTORY_READERS, commerce=True)
_SELL = Rights(app_only=False, roles=SELLERS, commerce=True)
LICENSE_MOVERS = GLOBAL_ADMIN | {"Directory Writers"}
_UPGRADE = dataclasses.replace(_SELL, gdap=DIRECTORY_READERS | LICENSE_MOVERS)
ROUTES = (
    Route(
        method="GET", path=f"{_S}/upgrades", operation=f"{_N}.upgrades.list", handler=upgrades, rights=_READ
    ),
    Route(
        method="POST",
        path=f"{_S}/upgrades",
        operation=f"{_N}.upgrades.create",
        handler=upgrade,
        rights=_UPGRADE,
    ),
    Route(
        method="GET",
        path=f"{_S}/conversions",
        operation=f"{_N}.conversions.list",
        handler=conversions,
        rights=_SELL,
    ),
    Route(
        method="POST",
        path=f"{_S}/conversions",
        operation=f"{_N}.conversions.create",
        handler=convert,
        rights=_SELL,
    ),
)
