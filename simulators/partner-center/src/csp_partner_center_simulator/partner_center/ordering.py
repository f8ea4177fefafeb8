"""Orders placed without a cart, and the legacy order PATCH: add-ons and billing cycle (PC 5.5, 5.6)."""

from msgspec.structs import replace

from csp_partner_center_simulator.billing import charges
from csp_partner_center_simulator.commerce import activity, changes, lifecycle, new_subscriptions, purchasing
from csp_partner_center_simulator.commerce.checks import find, line_error
from csp_partner_center_simulator.partner_center.carts import STALE, read_line
from csp_partner_center_simulator.partner_center.orders import etag, find_order, order_json, placed_json
from csp_partner_center_simulator.rules import terms
from csp_partner_center_simulator.state.orders import CartLine, Order
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.answer import Answer
from csp_partner_center_simulator.wire.call import Actor, Call
from csp_partner_center_simulator.wire.errors import ApiError, invalid
from csp_partner_center_simulator.wire.request import Body
from csp_partner_center_simulator.wire.router import SELLERS, Rights, Route


def create(call: Call) -> Answer:
    """Place an order directly: legacy, and allowed for New Commerce (PC 5.5)."""
    body, customer, world = call.request.object(), call.customer, call.world
    lines = [_line(one, number, body) for number, one in enumerate(body.objects("lineItems"))]
    if not lines:
        raise invalid("lineItems must have at least one line.", code=800009)
    named = body.text("referenceCustomerId").lower()
    if named and named != customer.id:
        raise invalid("referenceCustomerId must be the customer of the path.")
    kinds = set()
    seats: dict[str, int] = {}  # asked for by the lines before, per item
    keys = tuple(
        found.item.key for found in (find(world, line.catalog_item_id) for line in lines) if found.item
    )
    for number, line in enumerate(lines):
        found = find(world, line.catalog_item_id)
        error = found.error
        if error is None and found.item is not None:
            kinds.add(found.item.commerce)
            lines[number] = _defaulted(line, found.item.terms, found.item.plans)
            others, key = keys[:number] + keys[number + 1 :], found.item.key
            asked = seats.get(key, 0)
            error = line_error(world, customer, lines[number], found.item, others, asked=asked)
            seats[key] = asked + line.quantity
        if error is not None:
            status = 404 if error.code == STALE else 400
            raise ApiError(status, error.code, error.description)
    if len(kinds) > 1:
        raise invalid("Legacy and New Commerce lines cannot share one order.", code=800010)
    if "nce" in kinds and not customer.directly_signed and not customer.agreements:
        raise ApiError(403, 13605, "The customer has not accepted the Microsoft Customer Agreement.")
    order = purchasing.place(
        world,
        call.partner,
        customer,
        lines,
        call.actor,
        hide_subscription=call.fault == "missing_subscription_id",
    )
    return Answer(
        201,
        placed_json(call, order),
        {"Location": f"/customers/{customer.id}/orders/{order.id}"},
    )


def _line(one: Body, number: int, order: Body) -> CartLine:
    cycle = one.text("billingCycle") or order.text("billingCycle", "monthly")
    one.members["billingcycle"] = cycle
    line = read_line(one, number)
    more = one.texts("additionalPartnerIdsOnRecord") if one.get("additionalPartnerIdsOnRecord") else []
    return replace(
        line, participants=(*line.participants, *(("additional_transaction_reseller", mpn) for mpn in more))
    )


def _defaulted(line: CartLine, known: tuple[str, ...], plans: tuple[tuple[str, str], ...]) -> CartLine:
    """A direct order of New Commerce may leave the term out: the shortest that has the billing cycle."""
    if line.term or not known or len(line.catalog_item_id.split(":")) != 3:
        return line
    fitting = [term for term in known if (term, line.billing_cycle) in plans]
    return replace(line, term=fitting[0] if fitting else known[0])


def update(call: Call) -> Answer:
    """Buy an add-on, or change the billing cycle of a legacy order (PC 5.6)."""
    order, body, world = find_order(call), call.request.object(), call.world
    if order.commerce == "nce":
        raise ApiError(400, 800040, "A New Commerce order cannot be changed; change its subscription.")
    _check_etag(call, order, body)
    cycle = body.text("billingCycle", order.billing_cycle).replace("_", "").lower()
    bought = [
        one for one in body.objects("lineItems") if not one.text("subscriptionId") and one.text("offerId")
    ]
    if cycle != order.billing_cycle and not bought:
        order = change_cycle(world, order, cycle, call.actor)
    for one in bought:
        one.members.setdefault("billingcycle", order.billing_cycle)
        order = _buy_addon(call, order, read_line(one, len(order.lines)))
    if body.text("status").lower() == "cancelled":
        raise ApiError(400, 800063, "A license order cannot be cancelled; suspend its subscription.")
    return Answer(body=order_json(world, order, call.customer.country))


def _check_etag(call: Call, order: Order, body: Body) -> None:
    sent = {
        call.request.headers.get("if-match", "").removeprefix("W/").strip('"'),
        body.object("attributes").text("etag").strip('"'),
    } - {""}
    if sent and sent != {etag(order.id, order.version)}:
        raise ApiError(400, 2055, "The etag is not the current one; read the order again.")


def _buy_addon(call: Call, order: Order, line: CartLine) -> Order:
    world, customer = call.world, call.customer
    parent = world.subscriptions.get(line.parent_subscription_id) if line.parent_subscription_id else None
    if parent is None or parent.order_id != order.id:
        raise ApiError(400, 800029, "parentSubscriptionId must be a subscription of this order.")
    if parent.status != "active":
        raise ApiError(409, 27009, "The parent subscription is not active.")
    found = find(world, line.catalog_item_id)
    if found.item is None:
        raise ApiError(400, 800004, found.error.description if found.error else "The offer does not exist.")
    if parent.offer_id.lower() not in {base.lower() for base in found.item.prerequisites}:
        raise ApiError(400, 800029, f"{found.item.title} is not an add-on of {parent.offer_name}.")
    error = line_error(world, customer, line, found.item, ())
    if error is not None:
        raise ApiError(400, error.code, error.description)
    return purchasing.add_line(world, call.partner, customer, order, line, call.actor)


def change_cycle(world: World, order: Order, cycle: str, actor: Actor) -> Order:
    """Change the billing cycle of every subscription of an order: new 12 months, today's price (PC 5.6)."""
    if cycle not in {"monthly", "annual"}:
        raise ApiError(400, 6001, f"The billing cycle cannot be changed to '{cycle[:20]}'.")
    ids = {line.subscription_id for line in order.lines}
    members = [world.subscriptions[one] for one in ids if one in world.subscriptions]
    if any(one.status != "active" for one in members):
        raise ApiError(400, 6000, "Every subscription of the order must be active.")
    partner = world.partners[order.partner_id]
    day = world.now.date()
    for before in members:
        item = world.catalogue.offer(before.offer_id)
        if item is None or cycle not in item.billing_cycles:
            raise ApiError(400, 6001, f"{before.offer_name} is not sold with the billing cycle {cycle}.")
        anchor = lifecycle.legacy_anchor(day)
        after = replace(
            before,
            billing_cycle=cycle,
            term_start=terms.at_midnight(day),
            term_end=lifecycle.legacy_term_end(world, partner, day, trial=False),
            anchor=anchor,
            cycle_start=day,
            cycle_end=terms.add_months(anchor, terms.CYCLE_MONTHS[cycle]) - terms.DAY,
            cycle_number=0,
            unit_price=new_subscriptions.legacy_price(item, cycle, before.quantity, before.currency, day),
            promotion_id="",
            version=before.version + 1,
        )
        world.subscriptions.put(after)
        charges.cycle_converted(world, before, after)
        lifecycle.plan(world, world.subscriptions[after.id])
        changes.announce(world, before, after, actor)
    order = world.orders.put(replace(order, billing_cycle=cycle, version=order.version + 1))
    activity.record(
        world, actor, world.customers[order.customer_id], "order", "update_order",
        data=(("OrderId", order.id), ("BillingCycle", cycle.capitalize())), partner_id=order.partner_id,
    )  # fmt: skip
    return order


_SELL = Rights(roles=SELLERS, commerce=True)
_C = "/v1/customers/{customer}/orders"
ROUTES = (
    Route(method="POST", path=_C, operation="customers.orders.create", handler=create, rights=_SELL),
    Route(
        method="PATCH",
        path=f"{_C}/{{order}}",
        operation="customers.orders.update",
        handler=update,
        rights=_SELL,
    ),
)
