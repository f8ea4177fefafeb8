"""Brings in what can be bought and what it costs: Microsoft's price sheet, offer matrix and legacy offers, once a day."""

import hashlib
import re
from collections.abc import Sequence
from datetime import date

from csp_contracts.envelope import Meta, Recorded
from csp_contracts.ids import Kind, named_id
from csp_contracts.pricing_v1 import CatalogueUpdated
from csp_partner_center.catalogue import Offer
from csp_partner_center.client import PartnerCenter, Reseller
from csp_partner_center.errors import PartnerCenterError
from csp_partner_center.paging import UnreadableItem
from csp_partner_center.price_sheets import OfferMatrixRow, PriceRow
from csp_pricing.adapters.rows import PRICE, copy_catalogue
from csp_pricing.domain.costs import CYCLES, cost_rows, said_anew
from csp_pricing.domain.products import Product
from csp_pricing.domain.rows import ListedPrice
from csp_runtime.clock import Clock
from csp_runtime.database import Connection, Database
from csp_runtime.logs import logger
from csp_runtime.rounds import each_apart_async, whenever_woken
from csp_runtime.store import EventStore
from csp_runtime.wakeups import Wakeups

log = logger(__name__)

RETRY_SECONDS = 2.0
_COUNTRY = re.compile("[A-Z]{2}")


class CatalogueImport:
    """The worker; its day is that of the service's clock."""

    def __init__(
        self, client: PartnerCenter, store: EventStore, database: Database, clock: Clock, wakeups: Wakeups
    ) -> None:
        self._client = client
        self._store = store
        self._database = database
        self._clock = clock
        self._wakeups = wakeups
        self._imported_on: dict[str, date] = {}

    async def run(self) -> None:
        """Import for every reseller whose catalogue is not of today."""
        await whenever_woken(self.import_all, self._wakeups, "csp_catalogue", RETRY_SECONDS)

    async def import_all(self) -> None:
        """Import once, for each reseller whose catalogue is not of today."""
        await each_apart_async(await self._resellers(), self._import_today)

    async def _import_today(self, of: tuple[str, str, str]) -> None:
        reseller, country, currency = of
        today = self._clock.now().date()
        if self._imported_on.get(reseller) == today:
            return
        try:
            await self._import(reseller, country, currency)
            self._imported_on[reseller] = today
        except PartnerCenterError as fault:
            log.warning("catalogue.not-imported", reseller=reseller, code=fault.code)

    async def is_ready(self) -> bool:
        """Whether every known reseller has a catalogue."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "select 1 from resellers r where not exists "
                "(select 1 from products p where p.reseller_id = r.reseller_id) limit 1"
            )
            return await cursor.fetchone() is None

    async def _resellers(self) -> list[tuple[str, str, str]]:
        async with self._database.connection() as connection:
            cursor = await connection.execute("select reseller_id, country, currency from resellers")
            return [(row["reseller_id"], row["country"], row["currency"]) for row in await cursor.fetchall()]

    async def _import(self, reseller: str, country: str, currency: str) -> None:
        partner = self._client.as_reseller(reseller)
        now = self._clock.now()
        sheet = await self._sheet(partner, country, currency, needed=True)
        markets = await self._markets(reseller, country)
        costs = cost_rows(reseller, sheet, home=country)
        for market in markets:
            costs += cost_rows(reseller, await self._sheet(partner, market, currency), home=country)
        # R5.7: next month's prices are shown before they count; the same rows become chargeable when they are current.
        coming = await self._sheet(partner, country, currency, timeline="future")
        said_now = {row.row_id for row in costs}
        costs += [
            row
            for row in cost_rows(reseller, coming, home=country, preview=True)
            if row.row_id not in said_now
        ]
        matrix = [
            row
            for row in await partner.price_sheets.offer_matrix(now.strftime("%Y%m"))
            if not isinstance(row, UnreadableItem)
        ]
        offers = (await partner.catalogue.offers(country)).items
        products = [*_new_commerce(sheet, matrix), *_legacy(offers)]
        digest = hashlib.sha256(repr((products, costs)).encode()).hexdigest()
        stream = named_id(Kind.CATALOGUE, reseller, country)
        history = await self._store.load(stream)
        if history and history[-1].data.digest == digest and await self._has_rows(reseller):
            return
        async with self._database.transaction() as tx:
            known = await _known_costs(tx, reseller)
            await copy_catalogue(tx, reseller, products, said_anew(costs, known))
            await tx.execute("select pg_notify('csp_prices', %s)", [reseller])
        updated = CatalogueUpdated(country=country, products=len(products), digest=digest)
        meta = Meta(reseller=reseller, partition_key=reseller, effective_at=now, recorded_at=now)
        await self._store.save([Recorded(stream=stream, version=len(history) + 1, data=updated, meta=meta)])
        log.info("catalogue.imported", reseller=reseller, products=len(products), costs=len(costs))

    async def _sheet(
        self,
        partner: Reseller,
        market: str,
        currency: str,
        *,
        timeline: str = "current",
        needed: bool = False,
    ) -> list[PriceRow]:
        """A market's sheet, in the currency that the reseller pays in; empty where it is not `needed` and not to be had."""
        try:
            rows = await partner.price_sheets.licence_prices(market, timeline=timeline)
        except PartnerCenterError as fault:
            if needed:
                raise
            log.info("catalogue.no-sheet", market=market, timeline=timeline, code=fault.code)
            return []
        return [row for row in rows if not isinstance(row, UnreadableItem) and row.currency == currency]

    async def _markets(self, reseller: str, home: str) -> list[str]:
        """Where its customers are beside its own country: the buy price is that of the customer's market (PC 11.2)."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "select distinct country from customers where reseller_id = %s and country <> %s order by 1",
                [reseller, home],
            )
            return [row["country"] for row in await cursor.fetchall() if _COUNTRY.fullmatch(row["country"])]

    async def _has_rows(self, reseller: str) -> bool:
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "select 1 from products where reseller_id = %s limit 1", [reseller]
            )
            return await cursor.fetchone() is not None


async def _known_costs(tx: Connection, reseller: str) -> dict[str, ListedPrice]:
    cursor = await tx.execute(
        f"select distinct on (row_id) {PRICE} from price_rows where reseller_id = %s and ledger = 'cost' "
        "order by row_id, version desc",
        [reseller],
    )
    return {row["row_id"]: ListedPrice(**row) for row in await cursor.fetchall()}


def _new_commerce(sheet: Sequence[PriceRow], matrix: Sequence[OfferMatrixRow]) -> list[Product]:
    """One product per SKU, term and plan that the sheet prices; limits and relations from the matrix."""
    limits = {(row.product_id, row.sku_id): row for row in matrix}
    found: dict[tuple[str, str, str], Product] = {}
    for row in sheet:
        is_trial = "Trial" in row.tags
        cycle = CYCLES.get(row.billing_plan.lower(), row.term_duration if is_trial else None)
        if cycle is None:
            continue
        limit = limits.get((row.product_id, row.sku_id))
        code = f"{row.product_id}:{row.sku_id}"
        found[(code, row.term_duration, cycle)] = Product(
            product=code,
            term=row.term_duration,
            charge_cycle=cycle,
            commerce="nce",
            category=f"New commerce, {row.segment}",
            product_group=row.product_title,
            title=row.sku_title,
            segment=row.segment,
            is_addon=bool(limit and limit.prerequisites),
            is_trial=is_trial,
            minimum_quantity=(limit.minimum_licences if limit else None) or 1,
            maximum_quantity=limit.maximum_licences if limit else None,
            directory_sku_id=limit.provisioning_id if limit else None,
            prerequisites=[item.replace("/", ":") for item in limit.prerequisites] if limit else [],
        )
    return list(found.values())


def _legacy(offers: Sequence[Offer]) -> list[Product]:
    """Legacy offers: a term of twelve months, charged monthly or once a year."""
    found: list[Product] = []
    for offer in offers:
        if not offer.is_available_for_purchase:
            continue
        cycles = [CYCLES[str(cycle)] for cycle in offer.supported_billing_cycles if str(cycle) in CYCLES]
        found += [
            Product(
                product=str(offer.id).lower(),
                term="P1Y",
                charge_cycle=cycle,
                commerce="legacy",
                category=f"Legacy, {offer.category.name or 'other'}",
                product_group=offer.product.name or offer.name,
                title=offer.name,
                segment="commercial",
                is_addon=offer.is_add_on,
                is_trial=offer.is_trial,
                minimum_quantity=offer.minimum_quantity,
                maximum_quantity=offer.maximum_quantity,
                directory_sku_id=None if offer.product.id is None else str(offer.product.id),
                prerequisites=[str(item).lower() for item in offer.prerequisite_offers],
            )
            for cycle in cycles or ["P1M"]
        ]
    return found
