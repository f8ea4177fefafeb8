"""Legacy offers and their categories (PC 4.1). They have no prices."""

from typing import Any

from csp_partner_center_simulator.catalogue.catalogue import Item
from csp_partner_center_simulator.partner_center.products import market
from csp_partner_center_simulator.wire.answer import Answer, attributes, collection, link
from csp_partner_center_simulator.wire.call import GUID, Call
from csp_partner_center_simulator.wire.errors import ApiError
from csp_partner_center_simulator.wire.paging import by_offset
from csp_partner_center_simulator.wire.router import Route

CATALOGUE_ID = "3c95518e-8c37-41e3-9627-0ca339200f53"
CATEGORIES = {
    "Enterprise_Key": ("Enterprise", 20),
    "SmallBusiness_Key": ("Small business", 30),
    "Government_Key": ("Government", 40),
    "Nonprofit_Key": ("Nonprofit", 60),
    "Trial_Key": ("Trial", 70),
}


def category_of(item: Item) -> str:
    """Give the category id; add-ons have none, which is why pickers must look at `isAddOn`."""
    if item.raw is not None:
        return str(item.raw.get("category", {}).get("id", ""))
    if item.is_addon:
        return ""
    if item.is_trial:
        return "Trial_Key"
    if item.segment == "nonprofit":
        return "Nonprofit_Key"
    return "SmallBusiness_Key" if item.maximum <= 300 else "Enterprise_Key"


def _locale(call: Call) -> str:
    return call.request.headers.get("x-locale", "en-US").partition(",")[0]


def category_json(name: str, country: str, locale: str) -> dict[str, Any]:
    """Write a category."""
    shown, rank = CATEGORIES.get(name, ("", 0))
    return {
        "id": name,
        "name": shown,
        "rank": rank,
        "locale": locale,
        "country": country,
        "attributes": attributes("OfferCategory"),
    }


def offer_json(
    item: Item, country: str, locale: str, *, rank: int, has_addons: bool, conversions: list[str]
) -> dict[str, Any]:
    """Write an offer with the fields of the true recording."""
    small = item.maximum <= 300 and not item.is_addon and not item.is_trial
    limit = ("Lifetime", 1) if item.is_trial else ("Concurrent", 2) if small else ("None", 0)
    nonprofit = item.segment == "nonprofit"
    return {
        "id": item.product_id.upper(),
        "name": item.title,
        "description": f"{item.title}.",
        "minimumQuantity": item.minimum,
        "maximumQuantity": item.maximum,
        "rank": rank,
        "uri": f"/{CATALOGUE_ID}/Offers/{item.product_id.upper()}",
        "locale": locale,
        "country": country,
        "category": category_json(category_of(item), country, locale),
        "limitUnitOfMeasure": limit[0],
        "limit": limit[1],
        "termUnitOfMeasure": "Month" if item.is_trial else "Year",
        "term": 1,
        "prerequisiteOffers": [base.upper() for base in item.prerequisites],
        "isAddOn": item.is_addon,
        "hasAddOns": has_addons,
        "isAvailableForPurchase": True,
        "billing": "license",
        "supportedBillingCycles": list(reversed(item.billing_cycles)),
        "isAutoRenewable": not item.is_trial,
        "isInternal": False,
        "isMicrosoftProduct": True,
        "upgradeTargetOffers": [],
        "conversionTargetOffers": conversions,
        "reselleeQualifications": ["Nonprofit"]
        if nonprofit
        else ["Education"]
        if item.segment == "education"
        else [],
        "resellerQualifications": [],
        "salesGroupId": f"Trial-{item.product_id.upper()}" if item.is_trial else "Default",
        "isTrial": item.is_trial,
        "acquisitionType": "purchase",
        "supportedCatalogTypes": ["sandbox", "live"],
        "actions": ["Cancel", "Edit"],
        "product": {"id": item.directory_sku_id.upper(), "name": item.title, "unit": item.unit},
        "unitType": item.unit,
        "links": {
            "learnMore": {"method": "GET", "headers": []},
            "self": link(f"/offers/{item.product_id.upper()}?country={country}"),
        },
        "attributes": attributes("Offer"),
    }


def render(call: Call, item: Item, country: str) -> dict[str, Any]:
    """Write an offer of this world; one from a file of recorded offers as it stands there."""
    if item.raw is not None:
        return {**item.raw, "country": country}
    catalogue = call.world.catalogue
    paid = catalogue.paid_counterpart(item) if item.is_trial else None
    return offer_json(
        item,
        country,
        _locale(call),
        rank=catalogue.rank(item),
        has_addons=bool(catalogue.addons_of(item.product_id)),
        conversions=[paid.product_id.upper()] if paid else [],
    )


def _offers(call: Call) -> list[Item]:
    items = [item for item in call.world.catalogue.offers.values() if item.commerce == "legacy"]
    if not call.world.profile.legacy_sales:
        return []
    if "customer" in call.params:
        held = {one.qualification.lower() for one in call.customer.qualifications}
        items = [item for item in items if item.segment == "commercial" or item.segment in held]
    wanted = call.request.param("offer_category_id")
    if wanted is not None:
        items = [item for item in items if category_of(item).lower() == wanted.lower()]
    return items


def list_offers(call: Call) -> Answer:
    """List the offers of a market, or those one customer may buy."""
    country = market(call)
    prefix = f"/customers/{call.customer.id}" if "customer" in call.params else ""
    return Answer(
        body=by_offset(
            call.request,
            _offers(call),
            f"{prefix}/offers",
            lambda item: render(call, item, country),
            most=2000,
        )
    )


def _offer(call: Call) -> Item:
    identifier = call.params["offer"]
    item = call.world.catalogue.offer(identifier)
    if item is None:
        if not GUID.fullmatch(identifier):
            raise ApiError(400, 2100, f"{identifier[:40]} is not a legacy offer; use the products API.")
        raise ApiError(400, 800004, f"The offer {identifier[:40]} was not found.")
    return item


def get_offer(call: Call) -> Answer:
    """Read one offer."""
    return Answer(body=render(call, _offer(call), market(call)))


def list_addons(call: Call) -> Answer:
    """List the add-ons of an offer."""
    country, base = market(call), _offer(call)
    found = call.world.catalogue.addons_of(base.product_id)
    prefix = f"/customers/{call.customer.id}" if "customer" in call.params else ""
    uri = f"{prefix}/offers/{base.product_id.upper()}/addons"
    return Answer(
        body=by_offset(call.request, found, uri, lambda item: render(call, item, country), most=2000)
    )


def list_categories(call: Call) -> Answer:
    """List the categories that hold an offer."""
    country = market(call)
    offers = _offers(call)
    present = {category_of(item) for item in offers}
    recorded = {
        category_of(item): item.raw["category"] for item in offers if item.raw and "category" in item.raw
    }
    known = [
        category_json(name, country, _locale(call)) for name in CATEGORIES if name in present - set(recorded)
    ]
    items = [{**one, "country": country} for name, one in recorded.items() if name] + known
    items.sort(key=lambda one: int(one.get("rank", 0)))
    return Answer(body=collection(items, f"/offercategories?country={country}"))


ROUTES = (
    Route(method="GET", path="/v1/offers", operation="offers.list", handler=list_offers),
    Route(method="GET", path="/v1/offers/{offer}", operation="offers.get", handler=get_offer),
    Route(
        method="GET", path="/v1/offers/{offer}/addons", operation="offers.addons.list", handler=list_addons
    ),
    Route(
        method="GET", path="/v1/offercategories", operation="offercategories.list", handler=list_categories
    ),
    Route(
        method="GET",
        path="/v1/customers/{customer}/offers",
        operation="customers.offers.list",
        handler=list_offers,
    ),
    Route(
        method="GET",
        path="/v1/customers/{customer}/offers/{offer}/addons",
        operation="customers.offers.addons.list",
        handler=list_addons,
    ),
    Route(
        method="GET",
        path="/v1/customers/{customer}/offercategories",
        operation="customers.offercategories.list",
        handler=list_categories,
    ),
)
