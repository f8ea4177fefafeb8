"""Products, SKUs and availabilities of New Commerce (PC 4.2)."""

from typing import Any

from csp_partner_center_simulator.catalogue.catalogue import Item
from csp_partner_center_simulator.catalogue.countries import country as find_country
from csp_partner_center_simulator.catalogue.countries import currency_of
from csp_partner_center_simulator.catalogue.prices import currency_symbol
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.answer import Answer, collection, link
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import ApiError, invalid
from csp_partner_center_simulator.wire.router import Route

SEGMENTS = ("commercial", "education", "government", "nonprofit")
VIEWS = frozenset(
    {"onlineservices", "azure", "microsoftazure", "software", "softwaresuselinux", "softwareperpetual",
     "softwaresubscriptions", "specializedoffers", "marketplacesaas"}
)  # fmt: skip
TERM_NAMES = {"P1M": "One-Month", "P1Y": "One-Year", "P3Y": "Three-Year"}
REFUNDABLE_DAYS = "P7D"


def market(call: Call) -> str:
    """Give the market of a catalogue call: the customer's, else the required `country` (PC 4.2)."""
    if "customer" in call.params:
        return call.customer.country
    code = call.request.param("country")
    if code is None:
        raise invalid("The query parameter country is required.")
    if find_country(code) is None:
        raise ApiError(400, 800070, f"Country '{code[:10]}' is not a market.")
    return code.upper()


def _segment(call: Call) -> str | None:
    wanted = call.request.param("targetSegment")
    if wanted is None:
        return None
    if wanted.lower() not in SEGMENTS:
        raise ApiError(400, 900126, f"targetSegment must be one of {', '.join(SEGMENTS)}.")
    return wanted.lower()


def _in_segment(item: Item, segment: str | None) -> bool:
    # Without a segment all but nonprofit come back; nonprofit must be asked for.
    return item.segment == segment if segment else item.segment != "nonprofit"


def list_products(call: Call) -> Answer:
    """List the products of a market and view; `OnlineServices` is the view with licenses."""
    view = (call.request.param("targetView") or call.request.param("collectionId") or "").lower()
    if view not in VIEWS and not view.startswith("azurereservations"):
        raise invalid("targetView is required and must be a known view, such as OnlineServices.")
    country, segment = market(call), _segment(call)
    items = []
    if view == "onlineservices":
        for skus in call.world.catalogue.products.values():
            shown = [item for item in skus if item.sold and _in_segment(item, segment)]
            if shown:
                items.append(product_json(shown[0], country))
    return Answer(body=collection(items, f"/products?{call.request.raw_query}"))


def _product_items(call: Call) -> list[Item]:
    skus = call.world.catalogue.products.get(call.params["product"].lower())
    if not skus:
        raise ApiError(404, 400013, f"The product {call.params['product'][:40]} was not found.")
    return skus


def get_product(call: Call) -> Answer:
    """Read one product."""
    return Answer(body=product_json(_product_items(call)[0], market(call)))


def list_skus(call: Call) -> Answer:
    """List the SKUs of a product."""
    country, segment = market(call), _segment(call)
    shown = [item for item in _product_items(call) if item.sold and _in_segment(item, segment)]
    items = [sku_json(call.world, item, country) for item in shown]
    return Answer(body=collection(items, f"/products/{call.params['product']}/skus?{call.request.raw_query}"))


def all_skus(call: Call) -> Answer:
    """List the SKUs of a view for one customer."""
    country, segment = market(call), _segment(call)
    shown = [item for item in call.world.catalogue.skus.values() if item.sold and _in_segment(item, segment)]
    items = [sku_json(call.world, item, country) for item in shown]
    return Answer(
        body=collection(items, f"/customers/{call.customer.id}/products/all/skus?{call.request.raw_query}")
    )


def _sku(call: Call) -> Item:
    _product_items(call)
    item = call.world.catalogue.sku(call.params["product"], call.params["sku"])
    if item is None:
        raise ApiError(404, 400018, f"The SKU {call.params['sku'][:20]} was not found.")
    return item


def get_sku(call: Call) -> Answer:
    """Read one SKU."""
    return Answer(body=sku_json(call.world, _sku(call), market(call)))


def list_availabilities(call: Call) -> Answer:
    """List the availabilities of a SKU: one that can be bought, and where terms differ in plan its terms in it."""
    item, country = _sku(call), market(call)
    segment = _segment(call)
    items = [availability_json(call.world, item, country)] if segment in {None, item.segment} else []
    uri = f"/products/{item.product_id}/skus/{item.sku_id}/availabilities?{call.request.raw_query}"
    return Answer(body=collection(items, uri))


def get_availability(call: Call) -> Answer:
    """Read one availability; a stale id is 404 400019."""
    item = _sku(call)
    current = availability_id(call.world, item)
    if call.params["availability"].upper() != current or call.fault == "stale_availability":
        raise ApiError(404, 400019, f"The availability {call.params['availability'][:20]} was not found.")
    return Answer(body=availability_json(call.world, item, market(call)))


def availability_id(world: World, item: Item) -> str:
    """Give the availability id of now."""
    return world.catalogue.availability(item, world.now.date(), rotate=world.profile.rotate_availabilities)


def product_json(item: Item, country: str) -> dict[str, Any]:
    """Write a product."""
    return {
        "id": item.product_id,
        "title": item.title,
        "description": f"{item.title} ({item.family}).",
        "productType": {"id": "OnlineServicesNCE", "displayName": "OnlineServicesNCE"},
        "isMicrosoftProduct": True,
        "publisherName": "Microsoft Corporation",
        "links": {
            "skus": link(f"/products/{item.product_id}/skus?country={country}"),
            "self": link(f"/products/{item.product_id}?country={country}"),
        },
    }


def sku_json(world: World, item: Item, country: str) -> dict[str, Any]:
    """Write a SKU."""
    stem = f"/products/{item.product_id}/skus/{item.sku_id}"
    dynamic: dict[str, Any] = {
        "isMicrosoftProduct": True,
        "hasConstraints": item.maximum < 10_000_000,
        "isAddon": item.is_addon,
        "prerequisiteSkus": list(item.prerequisites),
        "isSoftwareAssuranceApplicable": False,
        "upgradeTargetOffers": [other.key for other in world.catalogue.upgrades_of(item)],
        "provisioningId": item.directory_sku_id,
        "internal": False,
    }
    return {
        "id": item.sku_id,
        "productId": item.product_id,
        "title": item.title,
        "description": f"{item.title} ({item.family}).",
        "minimumQuantity": item.minimum,
        "maximumQuantity": item.maximum,
        "isTrial": item.is_trial,
        "supportedBillingCycles": list(item.billing_cycles),
        "purchasePrerequisites": ["MicrosoftCustomerAgreement"],
        "inventoryVariables": [],
        "provisioningVariables": [],
        "actions": ["Refund"],
        "dynamicAttributes": dynamic,
        "links": {
            "availabilities": link(f"{stem}/availabilities?country={country}"),
            "self": link(f"{stem}?country={country}"),
        },
    }


def availability_json(world: World, item: Item, country: str) -> dict[str, Any]:
    """Write the availability of a SKU with a term for each plan it is sold on. No price (PC 4.2)."""
    identifier = availability_id(world, item)
    currency = currency_of(country)
    terms = [
        {
            "id": f"{item.sku_id.lower()}{term.lower()}{cycle[:2]}{identifier[-4:].lower()}",
            "duration": term,
            "description": "One-Month commitment for trial"
            if item.is_trial
            else f"{TERM_NAMES[term]} commitment for {'monthly/yearly' if term == 'P1Y' else cycle} billing",
            "billingCycle": cycle.capitalize(),
            "cancellationPolicies": [
                {
                    "refundOptions": [
                        {"sequenceId": 0, "type": "Full", "expiresAfter": "P1D"},
                        {"sequenceId": 1, "type": "Partial", "expiresAfter": REFUNDABLE_DAYS},
                    ]
                }
            ],
        }
        for term, cycle in item.plans
    ]
    target = world.catalogue.paid_counterpart(item) if item.is_trial else item
    renewal = {
        "applicableTermIds": [term["id"] for term in terms],
        "renewalOptions": [{"renewToId": target.key, "isAutoRenewable": True}] if target else [],
    }
    return {
        "id": identifier,
        "productId": item.product_id,
        "skuId": item.sku_id,
        "catalogItemId": f"{item.key}:{identifier}",
        "defaultCurrency": {"code": currency, "symbol": currency_symbol(currency)},
        "segment": item.segment,
        "country": country,
        "isPurchasable": item.sold,
        "isRenewable": True,
        "renewalInstructions": [renewal],
        "terms": terms,
        "links": {
            "self": link(
                f"/products/{item.product_id}/skus/{item.sku_id}/availabilities/{identifier}?country={country}"
            )
        },
    }


_P = "/products"
_SKUS = f"{_P}/{{product}}/skus"
_AVAILABILITIES = f"{_SKUS}/{{sku}}/availabilities"


def _both(path: str, operation: str, handler: Any) -> tuple[Route, Route]:
    """Route an operation for a market and, under the customer, for one customer."""
    return (
        Route(method="GET", path=f"/v1{path}", operation=operation, handler=handler),
        Route(
            method="GET",
            path=f"/v1/customers/{{customer}}{path}",
            operation=f"customers.{operation}",
            handler=handler,
        ),
    )


ROUTES = (
    *_both(_P, "products.list", list_products),
    *_both(f"{_P}/{{product}}", "products.get", get_product),
    *_both(_SKUS, "products.skus.list", list_skus),
    *_both(f"{_SKUS}/{{sku}}", "products.skus.get", get_sku),
    *_both(_AVAILABILITIES, "products.skus.availabilities.list", list_availabilities),
    *_both(f"{_AVAILABILITIES}/{{availability}}", "products.skus.availabilities.get", get_availability),
    Route(
        method="GET",
        path="/v1/customers/{customer}/products/all/skus",
        operation="customers.products.all.skus.list",
        handler=all_skus,
    ),
)
