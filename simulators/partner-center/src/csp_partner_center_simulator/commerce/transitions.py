"""Moves seats to a better SKU: all on the same subscription, some on a second or an existing one (PC 6.8)."""

from decimal import Decimal

from msgspec.structs import replace

from csp_partner_center_simulator.billing import new_commerce
from csp_partner_center_simulator.catalogue.catalogue import Item
from csp_partner_center_simulator.commerce import changes, lifecycle, people
from csp_partner_center_simulator.commerce.checks import seats_in_tenant
from csp_partner_center_simulator.commerce.plan_change import lengthened, unsold
from csp_partner_center_simulator.commerce.pricing import quote
from csp_partner_center_simulator.commerce.purchasing import add_order
from csp_partner_center_simulator.commerce.refusing import refuse_renewing
from csp_partner_center_simulator.rules import lots, terms
from csp_partner_center_simulator.state.subscriptions import Lot, Subscription
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.call import Actor
from csp_partner_center_simulator.wire.errors import ApiError


def targets(world: World, one: Subscription) -> list[Item]:
    """Give the SKUs a subscription can move to; a trial to its paid SKU first."""
    item = world.catalogue.sku(one.product_id, one.sku_id)
    if item is None:
        return []
    found = [other for other in world.catalogue.upgrades_of(item) if other.sold]
    paid = world.catalogue.paid_counterpart(item) if item.is_trial else None
    return [paid, *(other for other in found if other is not paid)] if paid else found


def problem(one: Subscription, quantity: int) -> tuple[int, str] | None:
    """Give the reason why nothing can move, None when it can."""
    if one.status != "active":
        code = 800091 if one.status == "suspended" else 800081 if one.status == "pending" else 900279
        return code, "The source subscription is not active."
    if not 1 <= quantity <= one.quantity:
        return 900275, f"quantity must be between 1 and {one.quantity}."
    return None


def move(
    world: World,
    source: Subscription,
    item: Item,
    availability_id: str,
    *,
    quantity: int,
    term: str,
    cycle: str,
    into: Subscription | None,
    with_licenses: bool,
    actor: Actor,
) -> Subscription:
    """Do a transition; there is no undo. Gives the subscription the seats are on now."""
    refuse_renewing(source)
    if into is not None:
        refuse_renewing(into)
    refused = problem(source, quantity)
    if refused is not None:
        raise ApiError(400, *refused)
    if terms.TERM_MONTHS.get(term, 0) < terms.TERM_MONTHS[source.term] and not source.is_trial:
        raise ApiError(400, 900267, "The term of the target must not be shorter than that of the source.")
    if (unsold_plan := unsold(item, term, cycle, bad_term=900268)) is not None:
        raise unsold_plan
    if seats_in_tenant(world, source.customer_id, item.key) + quantity > item.maximum:
        raise ApiError(400, 900275, f"At most {item.maximum} seats of {item.title} per tenant.")
    if into is not None:
        moved = _into_existing(world, source, into, item, quantity, actor)
    elif quantity == source.quantity:
        moved = _whole(world, source, item, availability_id, term, cycle, actor)
    else:
        moved = _part(world, source, item, availability_id, quantity, cycle, actor)
    if with_licenses:
        _move_licenses(world, source, item, quantity)
    return moved


def _of_item(world: World, one: Subscription, item: Item, availability_id: str, cycle: str) -> Subscription:
    day = world.now.date()
    price = quote(item, term=one.term, cycle=cycle, quantity=one.quantity, currency=one.currency, day=day)
    return replace(
        one,
        offer_id=f"{item.key}:{availability_id}",
        offer_name=item.title,
        friendly_name=item.title if one.friendly_name == one.offer_name else one.friendly_name,
        product_id=item.product_id,
        sku_id=item.sku_id,
        availability_id=availability_id,
        directory_sku_id=item.directory_sku_id,
        billing_cycle=cycle,
        unit_price=price.discounted_price,
        list_price=price.list_price,
        discount=Decimal(0),
        promotion_id="",
        next_term=None,
        is_trial=item.is_trial,
        is_addon=item.is_addon,
        version=one.version + 1,
        updates=one.updates + 1,
    )


def _whole(
    world: World, source: Subscription, item: Item, availability_id: str, term: str, cycle: str, actor: Actor
) -> Subscription:
    if source.is_trial or term != source.term or cycle != source.billing_cycle:
        fresh = lengthened(world, source, item, term, cycle)
        after = _of_item(world, fresh, item, availability_id, cycle)
        after = replace(after, cancel_until=None, lots=() if source.is_trial else after.lots)
    else:
        after = _of_item(world, source, item, availability_id, cycle)  # the term's end stays
    world.subscriptions.put(after)
    new_commerce.converted(world, source, after)
    _finish(world, source, after, actor)
    return after


def _part(
    world: World,
    source: Subscription,
    item: Item,
    availability_id: str,
    quantity: int,
    cycle: str,
    actor: Actor,
) -> Subscription:
    left = replace(
        source,
        quantity=source.quantity - quantity,
        lots=lots.taken(source.lots, min(quantity, lots.refundable(source.lots, world.now)), world.now),
        next_term=None,
        version=source.version + 1,
        updates=source.updates + 1,
    )
    made = _of_item(world, replace(source, quantity=quantity), item, availability_id, cycle)
    window = max((lot.until for lot in lots.still_open(source.lots, world.now)), default=None)
    made = replace(
        made,
        id=world.new_id("subscription"),
        created_at=world.now,
        lots=(Lot(quantity=quantity, added_at=world.now, until=window),) if window else (),
        cancel_until=window,
        version=1,
        updates=0,
    )
    order = add_order(world, made, "Convert", quantity=quantity)
    made = replace(made, order_id=order.id)
    world.subscriptions.put(left)
    world.subscriptions.put(made)
    new_commerce.converted(world, source, made)
    _charge_rest(world, source, left)
    changes.announce(world, source, left, actor)
    _finish(world, made, made, actor)
    return made


def _charge_rest(world: World, source: Subscription, left: Subscription) -> None:
    reference = world.new_id("reference")
    new_commerce.kept(world, replace(source, quantity=left.quantity), reference)


def _into_existing(
    world: World, source: Subscription, into: Subscription, item: Item, quantity: int, actor: Actor
) -> Subscription:
    if into.id == source.id:
        raise ApiError(400, 900259, "toSubscriptionId is the source subscription itself.")
    if f"{into.product_id}:{into.sku_id}" != item.key:
        raise ApiError(400, 900260, "The target subscription is of another catalog item.")
    if into.status != "active":
        raise ApiError(400, 900258, "The target subscription is not active.")
    if into.cancel_until is not None and world.now <= into.cancel_until:
        raise ApiError(400, 900261, "The target subscription is within its cancellation window.")
    if into.term_end < source.term_end:
        raise ApiError(400, 900236, "The target subscription ends earlier than the source.")
    grown = replace(into, quantity=into.quantity + quantity, next_term=None, version=into.version + 1)
    if quantity == source.quantity:
        left = replace(
            source, status="deleted", ended_at=world.now, lots=(), next_term=None, version=source.version + 1
        )
        new_commerce.moved(world, source, 0, world.new_id("reference"))
    else:
        left = replace(
            source, quantity=source.quantity - quantity, next_term=None, version=source.version + 1
        )
        new_commerce.moved(world, source, left.quantity, world.new_id("reference"))
    world.subscriptions.put(left)
    world.subscriptions.put(grown)
    new_commerce.quantity_moved(world, into, grown)
    changes.announce(world, source, left, actor)
    lifecycle.plan(world, left)
    _finish(world, into, grown, actor)
    return grown


def _finish(world: World, before: Subscription, after: Subscription, actor: Actor) -> None:
    add_order(world, after, "Convert", quantity=after.quantity)
    lifecycle.plan(world, after)
    changes.announce(world, before, after, actor)


def _move_licenses(world: World, source: Subscription, item: Item, most: int) -> None:
    moved = 0
    for user in world.users.by("customer", source.customer_id):
        have = dict(user.licenses)
        if moved < most and source.directory_sku_id in have and item.directory_sku_id not in have:
            have[item.directory_sku_id] = have.pop(source.directory_sku_id)
            people.save(world, replace(user, licenses=tuple(have.items())), "updated")
            moved += 1
