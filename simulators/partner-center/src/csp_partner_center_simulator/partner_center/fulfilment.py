"""What other goods than licenses would need after a purchase: links, registrations, entitlements, inventory (PC 2.9, 4.2, 5.3).

License subscriptions are activated by Microsoft itself, so these lists are empty here and registration is done at once.
"""

from typing import Any

from csp_partner_center_simulator.partner_center.orders import find_order
from csp_partner_center_simulator.partner_center.products import market
from csp_partner_center_simulator.partner_center.subscriptions import find
from csp_partner_center_simulator.wire.answer import Answer, attributes, collection
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import ApiError, invalid
from csp_partner_center_simulator.wire.router import SELLERS, Rights, Route


def _none(call: Call) -> Answer:
    return Answer(body=collection([], call.request.path.removeprefix("/v1")))


def order_links(call: Call) -> Answer:
    """List the activation links of an order, or of one of its lines: none."""
    order = find_order(call)
    line = call.params.get("line")
    if line is not None and line not in {str(one.number) for one in order.lines}:
        raise ApiError(404, 20000, f"The order {order.id} has no line {line[:10]}.")
    return _none(call)


def subscription_links(call: Call) -> Answer:
    """List the activation links of a subscription: none."""
    find(call)
    return _none(call)


def entitlements(call: Call) -> Answer:
    """List what a customer owns besides licenses: nothing."""
    return _none(call)


def register(call: Call) -> Answer:
    """Register a subscription: 202; its status is told elsewhere."""
    one = find(call)
    uri = f"/customers/{one.customer_id}/subscriptions/{one.id}/registrationstatus"
    return Answer(202, None, {"Location": uri})


def registration_status(call: Call) -> Answer:
    """Tell the registration of a subscription: license subscriptions need none."""
    one = find(call)
    return Answer(
        body={
            "subscriptionId": one.id,
            "status": "registered",
            "attributes": attributes("SubscriptionRegistrationStatus"),
        }
    )


def inventory(call: Call) -> Answer:
    """Tell whether items can be had in a market: licenses always, unless they are no longer sold."""
    country = market(call)
    wished = call.request.object().objects("targetItems")
    if not wished:
        raise invalid("targetItems must have at least one item.", code=800002)
    items: list[dict[str, Any]] = []
    for one in wished:
        product, sku = one.required("productId"), one.required("skuId")
        item = call.world.catalogue.sku(product, sku)
        if item is None:
            raise ApiError(404, 400018, f"The SKU {product[:20]}:{sku[:10]} was not found.")
        reason = {"reasonCode": "NotAvailable", "description": f"{item.title} is not sold in {country}."}
        items.append(
            {
                "productId": item.product_id,
                "skuId": item.sku_id,
                "isRestricted": not item.sold,
                "restrictions": [] if item.sold else [reason],
            }
        )
    return Answer(body=items)


_READ, _SELL = Rights(commerce=True), Rights(roles=SELLERS, commerce=True)
_C = "/v1/customers/{customer}"
_S = f"{_C}/subscriptions/{{subscription}}"
_N = "customers.subscriptions"
ROUTES = (
    Route(
        method="GET",
        path=f"{_C}/orders/{{order}}/activationlinks",
        operation="customers.orders.activationlinks.list",
        handler=order_links,
        rights=_READ,
    ),
    Route(
        method="GET",
        path=f"{_C}/orders/{{order}}/lineitems/{{line}}/activationlinks",
        operation="customers.orders.lineitems.activationlinks.list",
        handler=order_links,
        rights=_READ,
    ),
    Route(
        method="GET",
        path=f"{_S}/activationlinks",
        operation=f"{_N}.activationlinks.list",
        handler=subscription_links,
        rights=_READ,
    ),
    Route(
        method="GET",
        path=f"{_C}/entitlements",
        operation="customers.entitlements.list",
        handler=entitlements,
        rights=_READ,
    ),
    Route(
        method="POST",
        path=f"{_S}/registrations",
        operation=f"{_N}.registrations.create",
        handler=register,
        rights=_SELL,
    ),
    Route(
        method="GET",
        path=f"{_S}/registrationstatus",
        operation=f"{_N}.registrationstatus.get",
        handler=registration_status,
    ),
    Route(
        method="POST",
        path="/v1/extensions/product/checkInventory",
        operation="extensions.product.checkInventory",
        handler=inventory,
    ),
)
