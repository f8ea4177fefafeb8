"""Orders: read, place directly, and the legacy order PATCH (PC 5.3 to 5.6)."""

import base64
from typing import Any

from csp_partner_center_simulator.catalogue.prices import currency_symbol
from csp_partner_center_simulator.state.orders import Order, OrderLine, Pricing
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.answer import Answer, attributes, collection, instant, link
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import ApiError
from csp_partner_center_simulator.wire.filters import operator
from csp_partner_center_simulator.wire.router import Rights, Route


def etag(identifier: str, version: int) -> str:
    """Give the etag of a legacy order or subscription: base64 of id and version (PC 2.5)."""
    return base64.b64encode(f'{{"id":"{identifier.lower()}","version":{version}}}'.encode()).decode()


def pricing_json(pricing: Pricing | None) -> dict[str, Any] | None:
    """Write the prices of a line."""
    if pricing is None:
        return None
    return {
        "listPrice": pricing.list_price,
        "discountedPrice": pricing.discounted_price,
        "proratedPrice": pricing.prorated_price,
        "price": pricing.price,
        "extendedPrice": pricing.extended_price,
    }


def line_json(world: World, order: Order, line: OrderLine, country: str, *, prices: bool) -> dict[str, Any]:
    """Write an order line; the subscription id is missing until it is known (PC 5.2)."""
    known = line.subscription_id and (line.known_at is None or line.known_at <= world.now)
    links: dict[str, Any] = {}
    if order.commerce == "nce":
        product, sku, availability = line.offer_id.split(":")
        stem = f"/products/{product}"
        links = {
            "product": link(f"{stem}?country={country}"),
            "sku": link(f"{stem}/skus/{sku}?country={country}"),
            "availability": link(f"{stem}/skus/{sku}/availabilities/{availability}?country={country}"),
        }
    if known:
        shown = line.subscription_id.upper() if order.commerce == "legacy" else line.subscription_id
        links["subscription"] = link(f"/customers/{order.customer_id}/subscriptions/{shown}")
    return {
        "lineItemNumber": line.number,
        "offerId": line.offer_id,
        "subscriptionId": line.subscription_id if known else None,
        "parentSubscriptionId": line.parent_subscription_id or None,
        "termDuration": line.term or None,
        "transactionType": line.transaction_type or None,
        "friendlyName": line.friendly_name,
        "quantity": line.quantity,
        "customTermEndDate": instant(line.custom_term_end_date),
        "partnerIdOnRecord": line.partner_id_on_record or None,
        "additionalPartnerIdsOnRecord": list(line.additional_partner_ids) or None,
        "provisioningContext": line.provisioning_context,
        "renewsTo": line.renews_to,
        "pricing": pricing_json(line.pricing) if prices else None,
        "links": links,
    }


def order_json(world: World, order: Order, country: str, *, prices: bool = False) -> dict[str, Any]:
    """Write an order; only legacy ones have an etag, and prices show where they were asked for."""
    uri = f"/customers/{order.customer_id}/orders/{order.id}"
    legacy = order.commerce == "legacy"
    return {
        "id": order.id,
        "alternateId": order.id,
        "referenceCustomerId": order.customer_id,
        "billingCycle": order.billing_cycle,
        "currencyCode": order.currency,
        "currencySymbol": currency_symbol(order.currency),
        "lineItems": [line_json(world, order, line, country, prices=prices) for line in order.lines],
        "creationDate": instant(order.created_at),
        "status": order.status,
        "transactionType": order.transaction_type,
        "links": {
            "self": link(uri),
            "provisioningStatus": link(f"{uri}/provisioningstatus"),
            "patchOperation": link(uri, "PATCH"),
        },
        "totalPrice": order.total_price if prices else None,
        "client": {},
        "attributes": attributes("Order", etag(order.id, order.version) if legacy else None),
    }


def placed_json(call: Call, order: Order, *, prices: bool = False) -> dict[str, Any]:
    """Write an order in the answer that placed it: a New Commerce one begins as `pending` (PC 5.2).

    With the fast profile it is provisioned before the answer leaves; who reads it then sees that.
    """
    body = order_json(call.world, order, call.customer.country, prices=prices)
    if order.commerce == "nce" and order.created_at == call.now:
        body["status"] = "pending"
    return body


def find_order(call: Call) -> Order:
    """Find an order of the customer; 404 20000."""
    order = call.world.orders.get(call.params["order"])
    if order is None or order.customer_id != call.customer.id or order.partner_id != call.partner.id:
        raise ApiError(404, 20000, f"The order {call.params['order'][:40]} was not found.")
    return order


def list_orders(call: Call) -> Answer:
    """List a customer's orders; a new one can take minutes to show (PC 5.4)."""
    customer = call.customer
    wanted = call.request.param("billingType")
    orders = [
        order
        for order in call.world.orders.by("customer", customer.id)
        if order.partner_id == call.partner.id
        and order.listed_at <= call.now
        and (wanted is None or operator(order.billing_cycle) == operator(wanted))
    ]
    items = [order_json(call.world, order, customer.country, prices=_prices(call)) for order in orders]
    return Answer(body=collection(items, f"/customers/{customer.id}/orders"))


def _prices(call: Call) -> bool:
    return (call.request.param("include_price") or "").lower() == "true"


def get(call: Call) -> Answer:
    """Read one order; with its prices when `include_price=true` asks for them (PC 5.4)."""
    return Answer(body=order_json(call.world, find_order(call), call.customer.country, prices=_prices(call)))


def provisioning_status(call: Call) -> Answer:
    """Tell per line whether it was fulfilled (PC 5.4)."""
    order = find_order(call)
    done = order.status == "completed"
    items = [
        {
            "lineItemNumber": line.number,
            "status": "Fulfilled" if done else "Unfulfilled",
            "quantityProvisioningInformation": [
                {"quantity": line.quantity, "status": "Fulfilled" if done else "Unfulfilled"}
            ],
            "attributes": attributes("OrderLineItemProvisioningStatus"),
        }
        for line in order.lines
    ]
    return Answer(
        body=collection(items, f"/customers/{order.customer_id}/orders/{order.id}/provisioningstatus")
    )


_C = "/v1/customers/{customer}/orders"
_READ = Rights(commerce=True)
ROUTES = (
    Route(method="GET", path=_C, operation="customers.orders.list", handler=list_orders, rights=_READ),
    Route(method="GET", path=f"{_C}/{{order}}", operation="customers.orders.get", handler=get, rights=_READ),
    Route(
        method="GET",
        path=f"{_C}/{{order}}/provisioningstatus",
        operation="customers.orders.provisioningstatus.list",
        handler=provisioning_status,
        rights=_READ,
    ),
)
