"""Promotions and whether a customer may use them (PC 4.3)."""

from typing import Any

from csp_partner_center_simulator.commerce.checks import find, seats_in_tenant
from csp_partner_center_simulator.commerce.promotions import Promotion, promotions
from csp_partner_center_simulator.partner_center.products import market
from csp_partner_center_simulator.wire.answer import Answer, attributes, collection
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import ApiError, invalid
from csp_partner_center_simulator.wire.request import Body
from csp_partner_center_simulator.wire.router import Route


def promotion_json(one: Promotion) -> dict[str, Any]:
    """Write a promotion."""
    return {
        "id": one.id,
        "name": one.name,
        "description": one.name,
        "startDate": f"{one.starts}T00:00:00+00:00",
        "endDate": f"{one.ends}T23:59:59+00:00",
        "properties": {"isAutoApplicable": one.automatic},
        "requiredProducts": [
            {
                "productId": one.product_id,
                "skuId": one.sku_id,
                "term": {"duration": one.term, "billingCycle": one.billing_cycle.capitalize()},
                "pricingPolicies": [{"policyType": "PercentDiscount", "value": str(one.discount)}],
            }
        ],
    }


def list_promotions(call: Call) -> Answer:
    """List the promotions of a market and segment that run now."""
    market(call)
    segment = (call.request.param("segment") or "").lower()
    if not segment:
        raise invalid("The query parameter segment is required.")
    day = call.now.date()
    found = [one for one in promotions(call.world.catalogue, day) if one.segment == segment and one.runs(day)]
    return Answer(body=collection([promotion_json(one) for one in found], "/productpromotions"))


def get(call: Call) -> Answer:
    """Read one promotion."""
    wanted = call.params["promotion"].lower()
    for one in promotions(call.world.catalogue, call.now.date()):
        if one.id.lower() == wanted:
            return Answer(body=promotion_json(one))
    raise ApiError(404, 400013, f"The promotion {call.params['promotion'][:60]} was not found.")


def eligibilities(call: Call) -> Answer:
    """Tell per line which promotions the customer may use; without a promotion id all that fit."""
    lines = call.request.object().objects("items")
    if not lines:
        raise invalid("items must have at least one line.")
    items = [_line(call, number, line) for number, line in enumerate(lines)]
    return Answer(body=collection(items, f"/customers/{call.customer.id}/promotionEligibilities"))


def _line(call: Call, number: int, line: Body) -> dict[str, Any]:
    catalog_item, quantity = line.required("catalogItemId"), line.whole("quantity") or 1
    term, cycle = line.text("termDuration").upper(), line.text("billingCycle").lower()
    wished = line.text("promotionId")
    found = find(call.world, catalog_item)
    running = promotions(call.world.catalogue, call.now.date())
    results: list[dict[str, Any]] = []
    if found.item is None or found.error is not None:
        results.append(_result(wished, "InvalidCatalogItemId", "The catalog item is not valid."))
    elif wished and wished not in {one.id for one in running}:
        results.append(_result(wished, "InvalidPromotion", "The promotion does not exist or has ended."))
    else:
        fitting = [
            one
            for one in running
            if f"{one.product_id}:{one.sku_id}" == found.item.key and wished in {"", one.id}
        ]
        held = seats_in_tenant(call.world, call.customer.id, found.item.key)
        results = [_judged(one, quantity, held, term, cycle) for one in fitting]
        if not results:
            results.append(
                _result(wished, "NoPromotionsAvailable", "There is no promotion for this product.")
            )
    return {
        "id": line.whole("id") if "id" in line else number,
        "catalogItemId": catalog_item,
        "quantity": quantity,
        "billingCycle": cycle,
        "termDuration": term,
        "eligibilities": results,
        "attributes": attributes("PromotionEligibilities"),
    }


def _judged(one: Promotion, quantity: int, held: int, term: str, cycle: str) -> dict[str, Any]:
    if (term, cycle) != (one.term, one.billing_cycle):
        return _result(one.id, "Term", "The promotion is for another term or billing cycle.")
    if not one.minimum_seats <= quantity + held <= one.maximum_seats:
        return _result(
            one.id,
            "SeatCount",
            "The provided quantity does not satisfy the minimum or maximum seat requirements for the promotion.",
            minimumRequiredSeats=one.minimum_seats,
            maximumRequiredSeats=one.maximum_seats,
            availableSeats=max(0, one.maximum_seats - held),
        )
    return {"promotionId": one.id, "isEligible": True, "errors": []}


def _result(promotion_id: str, kind: str, description: str, **more: int) -> dict[str, Any]:
    error = {**more, "type": kind, "description": description}
    return {"promotionId": promotion_id or None, "isEligible": False, "errors": [error]}


ROUTES = (
    Route(
        method="GET",
        path="/v1/productpromotions",
        operation="productpromotions.list",
        handler=list_promotions,
    ),
    Route(
        method="GET", path="/v1/productpromotions/{promotion}", operation="productpromotions.get", handler=get
    ),
    Route(
        method="POST",
        path="/v1/customers/{customer}/promotionEligibilities",
        operation="customers.promotionEligibilities.create",
        handler=eligibilities,
    ),
)
