"""Carts and their checkout (PC 5.1, 5.2)."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from csp_partner_center_simulator.catalogue.catalogue import Item
from csp_partner_center_simulator.commerce import first_cycle, promotions, purchasing
from csp_partner_center_simulator.commerce.checks import find, line_error
from csp_partner_center_simulator.commerce.pricing import quote
from csp_partner_center_simulator.partner_center.orders import placed_json, pricing_json
from csp_partner_center_simulator.state.orders import Cart, CartLine, LineError, OrderError
from csp_partner_center_simulator.wire.answer import Answer, attributes, instant, link
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import ApiError, invalid
from csp_partner_center_simulator.wire.request import Body
from csp_partner_center_simulator.wire.router import SELLERS, Rights, Route

KEPT = timedelta(days=7)
STALE = 400019
LEGACY_GROUP = "OMS-"
PARTICIPANTS = frozenset({"transaction_reseller", "additional_transaction_reseller"})


def read_line(body: Body, number: int) -> CartLine:
    """Read one line of a request; names in any casing, enums in any case (PC 2.3)."""
    item = body.text("catalogItemId") or body.text("catalogId") or body.text("offerId")
    if not item:
        raise invalid(f"{body.path}catalogItemId is required.", code=800009)
    quantity = body.whole("quantity")
    if quantity is None or quantity < 1:
        raise ApiError(400, 800017, f"{body.path}quantity must be at least 1.")
    participants = tuple((one.text("key"), one.text("value")) for one in body.objects("participants"))
    if any(key.lower() not in PARTICIPANTS for key, _ in participants):
        raise invalid(
            f"{body.path}participants keys must be one of {', '.join(sorted(PARTICIPANTS))}.", code=900126
        )
    context, renews = body.get("provisioningContext"), body.get("renewsTo")
    if isinstance(renews, list):  # documented as a list, sent as an object
        renews = renews[0] if renews else None
    return CartLine(
        number=number,
        catalog_item_id=item,
        quantity=quantity,
        billing_cycle=body.text("billingCycle", "none").replace("_", "").lower(),
        term=body.text("termDuration").upper(),
        friendly_name=body.text("friendlyName"),
        custom_term_end_date=body.at("customTermEndDate"),
        promotion_id=body.text("promotionId"),
        participants=participants,
        provisioning_context=context if isinstance(context, dict) else None,
        renews_to={"termDuration": Body(renews).text("termDuration")} if isinstance(renews, dict) else None,
        attestation_accepted=body.flag("attestationAccepted"),
        addons=tuple(read_line(one, position) for position, one in enumerate(body.objects("addOnItems"))),
        parent_subscription_id=body.text("parentSubscriptionId").lower(),
        partner_id_on_record=body.text("partnerIdOnRecord"),
    )


def priced(call: Call, lines: list[CartLine]) -> tuple[CartLine, ...]:
    """Check, group and price the lines; a bad line keeps its error, the others go on (PC 5.1)."""
    customer = call.customer
    keys = tuple(
        found.item.key for found in (find(call.world, line.catalog_item_id) for line in lines) if found.item
    )
    groups: dict[str, str] = {}
    seats: dict[str, int] = {}  # asked for by the lines before, per item
    done: list[CartLine] = []
    trials = 0
    for number, line in enumerate(lines):
        found = find(call.world, line.catalog_item_id)
        error = found.error
        if call.fault == "stale_availability" and found.item is not None and found.item.commerce == "nce":
            error = LineError(code=STALE, description=f"The availability of {found.item.key} was not found.")
        if call.fault == "line_errors":
            error = LineError(code=10006, description="The line cannot be processed.")
        if error is None and found.item is not None:
            others = keys[:number] + keys[number + 1 :]
            asked = seats.get(found.item.key, 0)
            error = line_error(call.world, customer, line, found.item, others, asked=asked)
            seats[found.item.key] = asked + (line.quantity if error is None else 0)
        item = found.item
        if ":" in line.catalog_item_id:
            group = groups.setdefault(line.billing_cycle, str(len(groups)))
        elif item is not None and item.is_trial:
            trials += 1
            group = f"{LEGACY_GROUP}{trials}"  # each trial becomes an order of its own (PC 4.1)
        else:
            group = f"{LEGACY_GROUP}0"
        done.append(
            replace(
                line,
                number=number,
                error=error,
                order_group=group,
                currency=call.partner.currency,
                pricing=_pricing(call, line, item)
                if item and error is None and item.commerce == "nce"
                else None,
            )
        )
    return tuple(done)


def _pricing(call: Call, line: CartLine, item: Item) -> Any:
    day = call.now.date()
    promotion = promotions.applicable(
        call.world.catalogue,
        item,
        term=line.term,
        cycle=line.billing_cycle,
        quantity=line.quantity,
        day=day,
        wished=line.promotion_id,
    )
    share = (1, 1)
    if line.custom_term_end_date is not None:
        share = first_cycle.first_cycle_share(call.world, day, line)
    return quote(
        item,
        term=line.term,
        cycle=line.billing_cycle,
        quantity=line.quantity,
        currency=call.partner.currency,
        day=day,
        discount=promotion.discount if promotion else Decimal(0),
        share_of_first_cycle=share,
    )


def create(call: Call) -> Answer:
    """Make a cart: 201 even when lines are bad."""
    lines = _lines(call.request.object())
    world = call.world
    cart = world.carts.put(
        Cart(
            id=world.new_id("cart"),
            customer_id=call.customer.id,
            partner_id=call.partner.id,
            user_id=call.caller.user_id or call.caller.application_id,
            created_at=world.now,
            changed_at=world.now,
            expires_at=world.now + KEPT,
            lines=priced(call, lines),
        )
    )
    world.later(cart.expires_at, "cart.expired", ref=cart.id, customer_id=cart.customer_id, at_once=False)
    return Answer(201, cart_json(cart), {"Location": f"/customers/{cart.customer_id}/carts/{cart.id}"})


def _lines(body: Body) -> list[CartLine]:
    lines = [read_line(one, number) for number, one in enumerate(body.objects("lineItems"))]
    if not lines:
        raise invalid("lineItems must have at least one line.", code=800009)
    return lines


def find_cart(call: Call) -> Cart:
    """Find a cart of the customer; 404 800008 when it is gone."""
    cart = call.world.carts.get(call.params["cart"])
    if cart is None or cart.customer_id != call.customer.id or cart.partner_id != call.partner.id:
        raise ApiError(404, 800008, f"The cart {call.params['cart'][:40]} was not found.")
    return cart


def get(call: Call) -> Answer:
    """Read a cart."""
    return Answer(body=cart_json(find_cart(call)))


def update(call: Call) -> Answer:
    """Replace the lines of a cart."""
    cart = find_cart(call)
    if cart.status != "Active":
        raise ApiError(400, 800065, "The cart is already submitted.")
    lines = priced(call, _lines(call.request.object()))
    return Answer(body=cart_json(call.world.carts.put(replace(cart, lines=lines, changed_at=call.now))))


def checkout(call: Call) -> Answer:
    """Turn a cart into orders, one per group; again: the first result, failed groups are tried anew (PC 2.7, 5.2)."""
    cart, customer, world = find_cart(call), call.customer, call.world
    if not customer.directly_signed and not customer.agreements:
        raise ApiError(403, 13605, "The customer has not accepted the Microsoft Customer Agreement.")
    if customer.review:
        raise ApiError(
            403, 800074 if customer.review == "refused" else 800073, "The customer is under review."
        )
    lines = (
        priced(call, [replace(line, error=None) for line in cart.lines]) if not cart.order_ids else cart.lines
    )
    if any(line.error is not None and line.error.code == STALE for line in lines):
        raise ApiError(404, STALE, "The availability of a line was not found; read the catalog again.")
    orders = dict(cart.order_ids)
    errors: list[OrderError] = []
    for group in dict.fromkeys(line.order_group for line in lines):
        if group in orders:
            continue
        members = [line for line in lines if line.order_group == group]
        wrong = next((line.error for line in members if line.error is not None), None)
        if wrong is None and call.fault == "partial_checkout" and len(orders) + len(errors) > 0:
            wrong = LineError(code=800094, description="The order could not be placed.")
        if wrong is not None:
            errors.append(OrderError(group=group, code=wrong.code, description=wrong.description))
            continue
        hidden = call.fault == "missing_subscription_id"
        orders[group] = purchasing.place(
            world, call.partner, customer, members, call.actor, hide_subscription=hidden
        ).id
    status = "Active" if errors else "Submitted"
    world.carts.put(
        replace(
            cart,
            lines=lines,
            status=status,
            order_ids=tuple(orders.items()),
            errors=tuple(errors),
            changed_at=world.now,
        )
    )
    return Answer(
        201,
        {
            "orders": [placed_json(call, world.orders[order], prices=True) for order in orders.values()],
            "orderErrors": [
                {
                    "orderGroupId": one.group,
                    "code": one.code,
                    "description": one.description,
                    "attributes": attributes("OrderError"),
                }
                for one in errors
            ],
            "attributes": attributes("CartCheckoutResult"),
        },
    )


def _context(line: CartLine) -> dict[str, str] | None:
    """Give the provisioning context: modern lines have an empty one, legacy lines none unless it was sent."""
    if line.provisioning_context is None and line.order_group.startswith(LEGACY_GROUP):
        return None
    return line.provisioning_context or {}


def line_json(line: CartLine) -> dict[str, Any]:
    """Write a cart line."""
    return {
        "id": line.number,
        "catalogItemId": line.catalog_item_id,
        "friendlyName": line.friendly_name or None,
        "quantity": line.quantity,
        "currencyCode": line.currency,
        "billingCycle": "one_time" if line.billing_cycle == "onetime" else line.billing_cycle,
        "termDuration": line.term or None,
        "customTermEndDate": instant(line.custom_term_end_date),
        "promotionId": line.promotion_id or None,
        "participants": [{"key": key, "value": value} for key, value in line.participants] or None,
        "provisioningContext": _context(line),
        "renewsTo": line.renews_to,
        "orderGroup": line.order_group,
        "addOnItems": [line_json(one) for one in line.addons] or None,
        "attestationAccepted": line.attestation_accepted,
        "pricing": pricing_json(line.pricing),
        "error": {
            "errorCode": line.error.code,
            "errorDescription": line.error.description,
            "additionalInformation": line.error.details or None,
        }
        if line.error
        else None,
    }


def cart_json(cart: Cart) -> dict[str, Any]:
    """Write a cart."""
    return {
        "id": cart.id,
        "creationTimestamp": instant(cart.created_at),
        "lastModifiedTimestamp": instant(cart.changed_at),
        "expirationTimestamp": instant(cart.expires_at),
        "lastModifiedUser": cart.user_id,
        "status": cart.status,
        "lineItems": [line_json(line) for line in cart.lines],
        "links": {"self": link(f"/customers/{cart.customer_id}/carts/{cart.id}")},
        "attributes": attributes("Cart"),
    }


_SELL = Rights(roles=SELLERS, commerce=True)
_C = "/v1/customers/{customer}/carts"


def _route(method: str, path: str, verb: str, handler: Callable[[Call], Answer]) -> Route:
    return Route(method=method, path=path, operation=f"customers.carts.{verb}", handler=handler, rights=_SELL)


ROUTES = (
    _route("POST", _C, "create", create),
    _route("GET", f"{_C}/{{cart}}", "get", get),
    _route("PUT", f"{_C}/{{cart}}", "update", update),
    _route("POST", f"{_C}/{{cart}}/checkout", "checkout", checkout),
)
