"""Use cases of catalogue, price lists and quotes."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Any

from csp_contracts.envelope import Recorded
from csp_contracts.ids import Kind, named_id
from csp_contracts.pricing_v1 import PriceListRowChanged
from csp_pricing.domain.rows import ListedPrice, Wanted, margin, price_of, read_price
from csp_pricing.ports import Product, Quotes, Rows, RowStatements
from csp_runtime.clock import Clock
from csp_runtime.commands import Decision, carry_out, command_meta
from csp_runtime.http import Command
from csp_runtime.new_ids import new_id
from csp_runtime.problems import InvalidParameter, Problem, invalid, not_found
from csp_runtime.scope import Scope, service_scope
from csp_runtime.store import EventStore

QUOTE_LIFETIME = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class WishedRow:
    """A row as somebody wishes it; `unit_price` is decimal text, of one seat and one full charge cycle."""

    product: str
    term: str
    charge_cycle: str
    unit_price: str
    currency: str
    valid_from: date
    segment: str = "commercial"
    valid_until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A product with its prices in millionths; cost stays inside the reseller's scope."""

    product: Product
    currency: str
    sell: ListedPrice | None
    cost: ListedPrice | None


class PricingUseCases:
    """Commands and questions of this context."""

    def __init__(
        self, *, store: EventStore, rows: Rows, statements: RowStatements, quotes: Quotes, clock: Clock
    ) -> None:
        self._statements = statements
        self._store = store
        self._rows = rows
        self._quotes = quotes
        self._clock = clock

    async def set_rows(
        self, scope: Scope, customer_id: str | None, wished: Sequence[WishedRow], command: Command
    ) -> dict[str, Any]:
        """New versions of rows of the global list, or of a customer's; every fault is named at once."""
        if customer_id is not None and not await self._rows.has_customer(scope, customer_id):
            raise not_found("customer")
        prices = self._checked(wished)
        list_id = price_list_id(scope.reseller, customer_id)
        now = self._clock.now()

        async def decide() -> Decision:
            history = await self._store.load(list_id)
            versions: dict[str, int] = {}
            for event in history:
                versions[event.data.row_id] = max(versions.get(event.data.row_id, 0), event.data.row_version)
            rows: list[ListedPrice] = []
            for wish, price in zip(wished, prices, strict=True):
                row_id = row_id_of(wish)
                versions[row_id] = versions.get(row_id, 0) + 1
                rows.append(_listed(wish, price, list_id, row_id, versions[row_id], customer_id))
            meta = command_meta(scope, command, now, partition_key=scope.reseller, customer=customer_id)
            events = [
                Recorded(stream=list_id, version=len(history) + number, data=_changed(row), meta=meta)
                for number, row in enumerate(rows, start=1)
            ]
            return Decision(
                events=events,
                answer={
                    "id": list_id,
                    "version": len(history) + len(rows),
                    "rows": [row.row_id for row in rows],
                },
                also=[self._statements.insert_prices(scope.reseller, rows)],
            )

        return await carry_out(self._store, command, now, decide)

    def _checked(self, wished: Sequence[WishedRow]) -> list[int]:
        faults: list[InvalidParameter] = []
        prices: list[int] = []
        for number, wish in enumerate(wished):
            price, wrong = read_price(wish.unit_price, f"rows.{number}.unit_price")
            prices.append(price)
            faults += wrong
            if wish.valid_until is not None and wish.valid_until <= wish.valid_from:
                faults.append(
                    InvalidParameter(
                        field=f"rows.{number}.valid_until", rule="order", reason="must be after valid_from"
                    )
                )
        if faults:
            raise Problem("validation", "The price list breaks a rule", invalid=faults)
        return prices

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
        sell = await self._rows.prices(scope, codes, ledger="sell", customer_id=customer_id)
        cost: list[ListedPrice] = []
        if not scope.is_customer:
            cost = await self._rows.prices(scope, codes, ledger="cost", customer_id=None)
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
                    sell=price_of(sell, wanted, today),
                    cost=price_of(cost, replace(wanted, customer_id=None), today),
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
        return body

    async def kept_quote(self, scope: Scope, quote_id: str) -> dict[str, Any]:
        """A quote that was given."""
        body = await self._rows.quote(scope, quote_id)
        if body is None:
            raise not_found("quote")
        return body

    async def price_rows(
        self, scope: Scope, customer_id: str | None, *, after: str | None, limit: int
    ) -> list[ListedPrice]:
        """A page of a list."""
        if customer_id is not None and not await self._rows.has_customer(scope, customer_id):
            raise not_found("customer")
        return await self._rows.price_list(
            scope, price_list_id(scope.reseller, customer_id), after=after, limit=limit
        )

    async def _currency(self, scope: Scope) -> str:
        currency = await self._rows.currency_of(scope.reseller)
        if currency is None:
            raise not_found("reseller")
        return currency


def price_list_id(reseller: str, customer_id: str | None) -> str:
    """The global list of a reseller, or a customer's."""
    return named_id(Kind.PRICE_LIST, reseller, customer_id or "global")


def row_id_of(wish: WishedRow) -> str:
    """The same product, term, cycle, segment, currency and first day is the same row, in another version."""
    return f"{wish.product}|{wish.term}|{wish.charge_cycle}|{wish.segment}|{wish.currency}|{wish.valid_from.isoformat()}"


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
        "cursor": json.dumps(
            [offer.product.title, offer.product.product, offer.product.term, offer.product.charge_cycle]
        ),
    }
    if with_cost:
        cost = None if offer.cost is None else offer.cost.unit_price_micro
        amount, percent = margin(sell, cost)
        body |= {"unit_cost_micro": cost, "margin_micro": amount, "margin_percent": percent}
    return body


def background(reseller: str) -> Scope:
    """The scope of this service's own work."""
    return service_scope(reseller, "pricing")


def _listed(
    wish: WishedRow, price: int, list_id: str, row_id: str, version: int, customer_id: str | None
) -> ListedPrice:
    return ListedPrice(
        row_id=row_id,
        version=version,
        price_list_id=list_id,
        ledger="sell",
        customer_id=customer_id,
        product=wish.product,
        term=wish.term,
        charge_cycle=wish.charge_cycle,
        segment=wish.segment,
        currency=wish.currency,
        valid_from=wish.valid_from,
        valid_until=wish.valid_until,
        unit_price_micro=price,
    )


def _changed(row: ListedPrice) -> PriceListRowChanged:
    return PriceListRowChanged(
        price_list_id=row.price_list_id,
        row_id=row.row_id,
        row_version=row.version,
        ledger=row.ledger,
        product=row.product,
        term=row.term,
        charge_cycle=row.charge_cycle,
        segment=row.segment,
        currency=row.currency,
        valid_from=row.valid_from,
        unit_price_micro=row.unit_price_micro,
        customer_id=row.customer_id,
        valid_until=row.valid_until,
    )
