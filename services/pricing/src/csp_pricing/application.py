"""Use cases of catalogue, price lists and quotes."""

from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any

from csp_contracts.ids import Kind
from csp_pricing.domain.products import Product
from csp_pricing.domain.rows import ListedPrice, Wanted, by_product, margin, price_of
from csp_pricing.ports import Quotes, Rows
from csp_runtime.clock import Clock
from csp_runtime.new_ids import new_id
from csp_runtime.positions import as_position
from csp_runtime.problems import invalid, not_found
from csp_runtime.scope import Scope, service_scope

QUOTE_LIFETIME = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A product with its prices in millionths; cost stays inside the reseller's scope."""

    product: Product
    currency: str
    sell: ListedPrice | None
    cost: ListedPrice | None


class PricingUseCases:
    """Commands and questions of this context."""

    def __init__(self, *, rows: Rows, quotes: Quotes, clock: Clock) -> None:
        self._rows = rows
        self._quotes = quotes
        self._clock = clock

    async def offered(
        self,
        scope: Scope,
        customer_id: str | None,
        filters: dict[str, str],
        *,
        after: str | None,
        limit: int,
    ) -> list[Offered]:
        """Products with the price of today, from the customer's list, else the global one."""
        if customer_id is not None and not await self._rows.has_customer(scope, customer_id):
            raise not_found("customer")
        products = await self._rows.products(scope, filters, after=after, limit=limit)
        return await self._priced(scope, customer_id, products)

    async def _priced(self, scope: Scope, customer_id: str | None, products: list[Product]) -> list[Offered]:
        currency = await self._currency(scope)
        codes = sorted({product.product for product in products})
        sell = by_product(await self._rows.prices(scope, codes, ledger="sell", customer_id=customer_id))
        cost: dict[str, list[ListedPrice]] = {}
        if not scope.is_customer:
            cost = by_product(await self._rows.prices(scope, codes, ledger="cost", customer_id=None))
        market = (
            "" if customer_id is None or scope.is_customer else await self._rows.market_of(scope, customer_id)
        )
        today = self._clock.now().date()
        found: list[Offered] = []
        for product in products:
            wanted = Wanted(
                customer_id=customer_id,
                product=product.product,
                term=product.term,
                charge_cycle=product.charge_cycle,
                segment=product.segment,
                currency=currency,
            )
            found.append(
                Offered(
                    product=product,
                    currency=currency,
                    sell=price_of(sell.get(product.product, ()), wanted, today),
                    cost=price_of(
                        cost.get(product.product, ()),
                        replace(wanted, customer_id=None, market=market),
                        today,
                    ),
                )
            )
        return found

    async def choices(self, scope: Scope, step: str, filters: dict[str, str]) -> list[str]:
        """One step of the guided choice: category, then term and charge cycle, then product group."""
        if step not in ("category", "term", "charge_cycle", "product_group"):
            raise invalid("step", "choice", "must be category, term, charge_cycle or product_group")
        return await self._rows.choices(scope, step, filters)

    async def quote(
        self, scope: Scope, customer_id: str, *, product: str, term: str, charge_cycle: str, quantity: int
    ) -> dict[str, Any]:
        """A price to accept within 15 minutes; it names the row it comes from."""
        if not await self._rows.has_customer(scope, customer_id):
            raise not_found("customer")
        filters = {"product": product, "term": term, "charge_cycle": charge_cycle}
        products = await self._rows.products(scope, filters, after=None, limit=1)
        if not products:
            raise invalid("product", "in_catalogue", "is not sold for this term and charge cycle")
        (offer,) = await self._priced(scope, customer_id, products)
        quote_id = new_id(Kind.QUOTE)
        expires_at = self._clock.now() + QUOTE_LIFETIME
        found = offer.product
        body: dict[str, Any] = {
            "quote_id": quote_id,
            "customer_id": customer_id,
            "quantity": quantity,
            "product": found.product,
            "product_title": found.title,
            "commerce": found.commerce,
            "segment": found.segment,
            "term": found.term,
            "charge_cycle": found.charge_cycle,
            "currency": offer.currency,
            "unit_price_micro": None if offer.sell is None else offer.sell.unit_price_micro,
            "price_ref": None if offer.sell is None else offer.sell.ref,
            "minimum_quantity": found.minimum_quantity,
            "maximum_quantity": found.maximum_quantity,
            "is_addon": found.is_addon,
            "is_trial": found.is_trial,
            "directory_sku_id": found.directory_sku_id,
            "prerequisites": found.prerequisites,
            "expires_at": expires_at.isoformat(),
        }
        await self._quotes.keep(quote_id, scope.reseller, customer_id, body, expires_at)
        # What is kept is told to the customer as well: cost is of the answer alone, and of the reseller's.
        return body if scope.is_customer else body | _margin(offer)

    async def kept_quote(self, scope: Scope, quote_id: str) -> dict[str, Any]:
        """A quote that was given."""
        body = await self._rows.quote(scope, quote_id)
        if body is None:
            raise not_found("quote")
        return body

    async def _currency(self, scope: Scope) -> str:
        currency = await self._rows.currency_of(scope.reseller)
        if currency is None:
            raise not_found("reseller")
        return currency


def as_json(offer: Offered, *, with_cost: bool) -> dict[str, Any]:
    """A product with its prices, without cost and margin for customers."""
    sell = None if offer.sell is None else offer.sell.unit_price_micro
    body: dict[str, Any] = {
        **asdict(offer.product),
        "currency": offer.currency,
        "unit_price_micro": sell,
        "price_ref": None if offer.sell is None else offer.sell.ref,
        "price_scope": None
        if offer.sell is None
        else ("global" if offer.sell.customer_id is None else "customer"),
        "cursor": as_position(
            offer.product.title, offer.product.product, offer.product.term, offer.product.charge_cycle
        ),
    }
    return body | _margin(offer) if with_cost else body


def _margin(offer: Offered) -> dict[str, Any]:
    """What the reseller alone may see of a price."""
    sell = None if offer.sell is None else offer.sell.unit_price_micro
    cost = None if offer.cost is None else offer.cost.unit_price_micro
    amount, percent = margin(sell, cost)
    return {"unit_cost_micro": cost, "margin_micro": amount, "margin_percent": percent}


def background(reseller: str) -> Scope:
    """The scope of this service's own work."""
    return service_scope(reseller, "pricing")
