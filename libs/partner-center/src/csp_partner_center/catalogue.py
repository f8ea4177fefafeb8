"""What can be bought: legacy offers; products, SKUs, availabilities and promotions of New Commerce (PC 4)."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from csp_partner_center.answers import Answer
from csp_partner_center.calls import Call, path
from csp_partner_center.paging import Page, everything
from csp_partner_center.reading import Guid, OpenEnum
from csp_partner_center.session import Session
from csp_partner_center.writing import encode

T = TypeVar("T")


class BillingCycle(OpenEnum):
    """How often is charged."""

    MONTHLY = "monthly"
    ANNUAL = "annual"
    TRIENNIAL = "triennial"
    ONE_TIME = "one_time"
    NONE = "none"


class Segment(OpenEnum):
    """Which customers a price is for."""

    COMMERCIAL = "commercial"
    EDUCATION = "education"
    GOVERNMENT = "government"
    NONPROFIT = "nonprofit"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferCategory:
    """Empty id for add-ons (PC 4.1)."""

    id: str = ""
    name: str | None = None
    rank: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferProduct:
    """The product behind an offer; its id is the directory's SKU for licences."""

    id: Guid | None = None
    name: str | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A legacy offer. It has no price here."""

    id: Guid
    name: str
    description: str | None = None
    minimum_quantity: int = 1
    maximum_quantity: int | None = None
    country: str | None = None
    category: OfferCategory = field(default_factory=OfferCategory)
    limit_unit_of_measure: str | None = None
    limit: int | None = None
    prerequisite_offers: list[Guid] = field(default_factory=list)
    is_add_on: bool = False
    has_add_ons: bool = False
    is_available_for_purchase: bool = True
    billing: str | None = None
    supported_billing_cycles: list[BillingCycle] = field(default_factory=list)
    is_auto_renewable: bool = True
    is_trial: bool = False
    unit_type: str | None = None
    upgrade_target_offers: list[Guid] = field(default_factory=list)
    conversion_target_offers: list[Guid] = field(default_factory=list)
    resellee_qualifications: list[str] = field(default_factory=list)
    sales_group_id: str | None = None
    product: OfferProduct = field(default_factory=OfferProduct)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductType:
    """`OnlineServicesNCE` tells New Commerce from legacy."""

    id: str
    display_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A product of the catalogue."""

    id: str
    title: str | None = None
    description: str | None = None
    product_type: ProductType | None = None
    is_microsoft_product: bool | None = None
    publisher_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SkuAttributes:
    """Microsoft may add keys at any time. `provisioning_id` is the directory's SKU: it joins catalogue and licences."""

    is_addon: bool = False
    prerequisite_skus: list[str] = field(default_factory=list)
    upgrade_target_offers: list[str] = field(default_factory=list)
    provisioning_id: Guid | None = None
    has_constraints: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sku:
    """`id` is unique only within its product."""

    id: str
    product_id: str | None = None
    title: str | None = None
    description: str | None = None
    minimum_quantity: int = 1
    maximum_quantity: int | None = None
    is_trial: bool = False
    supported_billing_cycles: list[BillingCycle] = field(default_factory=list)
    purchase_prerequisites: list[str] = field(default_factory=list)
    provisioning_variables: list[str] = field(default_factory=list)
    dynamic_attributes: SkuAttributes = field(default_factory=SkuAttributes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One way to buy: duration (`P1M`, `P1Y`, `P3Y`) and billing cycle; an Azure plan names none (PC 5.1)."""

    duration: str = ""
    billing_cycle: BillingCycle | None = None
    id: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Currency:
    """The market's."""

    code: str
    symbol: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """Its id changes without notice: fetch it when buying, never keep it (PC 4.2)."""

    id: str
    product_id: str
    sku_id: str
    catalog_item_id: str
    segment: Segment | None = None
    country: str | None = None
    is_purchasable: bool = True
    is_renewable: bool = True
    default_currency: Currency | None = None
    terms: list[Term] = field(default_factory=list)

    def has_term(self, duration: str, billing_cycle: str) -> bool:
        """Whether it can be bought for this term with this billing cycle."""
        cycle = BillingCycle(billing_cycle)
        return any(
            each.duration.upper() == duration.upper() and each.billing_cycle == cycle for each in self.terms
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PricingPolicy:
    """`PercentDiscount` with a value as a fraction of one."""

    policy_type: str
    value: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class RequiredProduct:
    """What a promotion is for."""

    product_id: str
    sku_id: str
    term: Term | None = None
    pricing_policies: list[PricingPolicy] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionProperties:
    """Whether it applies by itself."""

    is_auto_applicable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """A discount for a time (PC 4.3)."""

    id: str
    name: str | None = None
    description: str | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None
    properties: PromotionProperties = field(default_factory=PromotionProperties)
    required_products: list[RequiredProduct] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionError:
    """Why a promotion does not fit."""

    type: str
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionEligibility:
    """The verdict on one promotion."""

    promotion_id: str | None = None
    is_eligible: bool = False
    errors: list[PromotionError] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemEligibilities:
    """The verdicts for one wish."""

    id: str | None = None
    catalog_item_id: str | None = None
    eligibilities: list[PromotionEligibility] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionWish:
    """What somebody wants to buy, with or without a certain promotion."""

    catalog_item_id: str
    quantity: int
    term_duration: str
    billing_cycle: str
    promotion_id: str | None = None
    id: int | None = None


class Catalogue:
    """App-only. Lists come whole."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def offer_categories(self, country: str) -> list[OfferCategory]:
        """Which ones appear depends on the partner."""
        return (
            await self._list(OfferCategory, "offercategories.list", "/offercategories", country=country)
        ).items

    async def offers(self, country: str) -> Page[Offer]:
        """All legacy offers of a market."""
        return await self._list(Offer, "offers.list", "/offers", country=country)

    async def offer(self, offer_id: str, country: str) -> Answer[Offer]:
        """Raises `Invalid` (2100) for an item of New Commerce."""
        return await self._one(Offer, "offers.get", path("offers", offer_id), country=country)

    async def offer_addons(self, offer_id: str, country: str) -> list[Offer]:
        """What can be added to a legacy subscription."""
        return (
            await self._list(Offer, "offers.addons.list", path("offers", offer_id, "addons"), country=country)
        ).items

    async def products(
        self, country: str, segment: str | None = None, view: str = "OnlineServices"
    ) -> Page[Product]:
        """Legacy and New Commerce products; nonprofit ones only when asked for (PC 4.2)."""
        return await self._list(
            Product, "products.list", "/products", country=country, targetView=view, targetSegment=segment
        )

    async def product(self, product_id: str, country: str) -> Answer[Product]:
        """Raises `NotFound` (400013)."""
        return await self._one(Product, "products.get", path("products", product_id), country=country)

    async def skus(self, product_id: str, country: str, segment: str | None = None) -> Page[Sku]:
        """The SKUs of a product."""
        return await self._list(
            Sku,
            "products.skus.list",
            path("products", product_id, "skus"),
            country=country,
            targetSegment=segment,
        )

    async def sku(self, product_id: str, sku_id: str, country: str) -> Answer[Sku]:
        """Raises `NotFound` (400018)."""
        return await self._one(
            Sku, "products.skus.get", path("products", product_id, "skus", sku_id), country=country
        )

    async def availabilities(
        self, product_id: str, sku_id: str, country: str, segment: str | None = None
    ) -> Page[Availability]:
        """In what ways a SKU can be bought now."""
        return await self._list(
            Availability,
            "products.skus.availabilities.list",
            path("products", product_id, "skus", sku_id, "availabilities"),
            country=country,
            targetSegment=segment,
        )

    async def customer_availabilities(
        self, customer_id: str, product_id: str, sku_id: str, segment: str | None = None
    ) -> Page[Availability]:
        """The same for what one customer may buy."""
        return await self._list(
            Availability,
            "customers.products.skus.availabilities.list",
            path("customers", customer_id, "products", product_id, "skus", sku_id, "availabilities"),
            targetSegment=segment,
        )

    async def customer_offers(self, customer_id: str) -> Page[Offer]:
        """The legacy offers that one customer may buy."""
        return await self._list(Offer, "customers.offers.list", path("customers", customer_id, "offers"))

    async def promotions(self, country: str, segment: str = "commercial") -> Page[Promotion]:
        """The promotions of a market."""
        return await self._list(
            Promotion, "productpromotions.list", "/productpromotions", country=country, segment=segment
        )

    async def promotion_eligibilities(
        self, customer_id: str, wishes: list[PromotionWish]
    ) -> list[ItemEligibilities]:
        """Which promotions fit which wish; changes nothing."""
        call = Call(
            operation="customers.promotionEligibilities.create",
            method="POST",
            path=path("customers", customer_id, "promotionEligibilities"),
            body=encode({"items": wishes}),
            is_repeatable=True,
        )
        return (await everything(self._session, ItemEligibilities, call)).items

    async def _list(self, kind: type[T], operation: str, where: str, **query: str | None) -> Page[T]:
        return await everything(self._session, kind, _get(operation, where, query))

    async def _one(self, kind: type[T], operation: str, where: str, **query: str | None) -> Answer[T]:
        return await self._session.ask(kind, _get(operation, where, query))


def _get(operation: str, where: str, query: dict[str, str | None]) -> Call:
    asked = tuple((key, value) for key, value in query.items() if value is not None)
    return Call(operation=operation, method="GET", path=where, query=asked)
