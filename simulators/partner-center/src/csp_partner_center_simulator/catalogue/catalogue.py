"""The catalogue: New Commerce SKUs and legacy offers, read once from the package's own table (PC 4)."""

import csv
import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from csp_partner_center_simulator.state.orders import Commerce

SKU_NAMESPACE = uuid.UUID("1f5f9d0a-6a40-5b0f-8d64-0d2f6a7f9a11")
DIGITS = "0123456789BCDFGHJKLMNPQRSTVWXYZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A SKU (New Commerce) or an offer (legacy: `product_id` is the offer id, `sku_id` empty).

    `monthly_usd` is the list price per seat and month on an annual term; `price_known` tells a published price
    from a plausible one made up here. `directory_known` tells the same of the directory SKU.
    `raw` is the offer as a file of recorded offers has it.
    """

    commerce: Commerce
    family: str
    title: str
    product_id: str
    sku_id: str
    segment: str
    is_addon: bool
    prerequisites: tuple[str, ...]
    plans: tuple[tuple[str, str], ...]
    minimum: int
    maximum: int
    is_trial: bool
    part_number: str
    directory_sku_id: str
    directory_known: bool
    unit: str
    monthly_usd: Decimal
    price_known: bool
    sold: bool
    raw: dict[str, Any] | None = field(default=None, compare=False)

    @property
    def key(self) -> str:
        """`product:sku`, or the legacy offer id."""
        return f"{self.product_id}:{self.sku_id}" if self.sku_id else self.product_id

    @property
    def terms(self) -> tuple[str, ...]:
        """The terms it is sold on, shortest first."""
        return tuple(dict.fromkeys(term for term, _ in self.plans))

    @property
    def billing_cycles(self) -> tuple[str, ...]:
        """The billing cycles of any term."""
        return tuple(dict.fromkeys(cycle for _, cycle in self.plans))


class Catalogue:
    """Finds items; gives the availability ids of a day, which change without notice (PC 4.2)."""

    def __init__(self, items: tuple[Item, ...]) -> None:
        self.items = items
        self.skus: dict[str, Item] = {}
        self.offers: dict[str, Item] = {}
        self.products: dict[str, list[Item]] = {}
        self._by_directory_sku: dict[str, Item] = {}
        self._addons_of: dict[str, list[Item]] = {}
        self._upgrades: dict[str, list[Item]] = {}
        self._paid: dict[str, Item | None] = {}
        self._ranks: dict[str, int] = {}
        for item in items:
            if item.commerce == "nce":
                self.skus[item.key.lower()] = item
                self.products.setdefault(item.product_id.lower(), []).append(item)
            else:
                self.offers[item.key.lower()] = item
            self._by_directory_sku.setdefault(item.directory_sku_id, item)
            for base in item.prerequisites:
                self._addons_of.setdefault(base.lower(), []).append(item)

    def sku(self, product_id: str, sku_id: str) -> Item | None:
        """Give the New Commerce SKU; `1` finds `0001` (PC 11.2)."""
        return self.skus.get(f"{product_id}:{sku_id.rjust(4, '0')}".lower())

    def offer(self, offer_id: str) -> Item | None:
        """Give the legacy offer."""
        return self.offers.get(offer_id.lower())

    def addons_of(self, key: str) -> list[Item]:
        """Give the add-ons of a base."""
        return self._addons_of.get(key.lower(), [])

    def by_directory_sku(self, sku_id: str) -> Item | None:
        """Give an item that provides that directory SKU; names the SKU in license lists."""
        return self._by_directory_sku.get(sku_id)

    def rank(self, offer: Item) -> int:
        """Give the place of a legacy offer among all."""
        if not self._ranks:
            self._ranks = {key: place for place, key in enumerate(self.offers, 1)}
        return self._ranks[offer.key.lower()]

    def paid_counterpart(self, trial: Item) -> Item | None:
        """Give what a trial turns into: the paid item of the same directory SKU and segment (PC 4.4)."""
        key = trial.key.lower()
        if key not in self._paid:
            self._paid[key] = self._find_paid(trial)
        return self._paid[key]

    def _find_paid(self, trial: Item) -> Item | None:
        same = [
            item
            for item in self.items
            if item.commerce == trial.commerce
            and not item.is_trial
            and item.segment == trial.segment
            and (
                item.directory_sku_id == trial.directory_sku_id
                or item.title == trial.title.removesuffix(" Trial")
            )
        ]
        same.sort(key=lambda item: (item.product_id != trial.product_id, item.sku_id))
        return same[0] if same else None

    def upgrades_of(self, item: Item) -> list[Item]:
        """Give what an item can move up to: dearer bases of the same family and segment."""
        key = item.key.lower()
        if key not in self._upgrades:
            self._upgrades[key] = self._find_upgrades(item)
        return self._upgrades[key]

    def _find_upgrades(self, item: Item) -> list[Item]:
        return [
            other
            for other in self.items
            if other.commerce == item.commerce
            and other.family == item.family
            and other.segment == item.segment
            and not other.is_addon
            and not other.is_trial
            and other.key != item.key
            and (other.monthly_usd > item.monthly_usd or item.is_trial)
        ][:10]

    def availability(self, item: Item, day: date, *, rotate: bool = True) -> str:
        """Give the availability id of a SKU on a day; about a third of all change on the 1st of each month."""
        months = day.year * 12 + day.month - 1 if rotate else 0
        epoch = (months + _number(item.key, "phase") % 3) // 3
        number = _number(f"{item.key}/{epoch}", "availability")
        tail = ""
        for _ in range(4):
            number, digit = divmod(number, len(DIGITS))
            tail += DIGITS[digit]
        return f"CFQ7TTC0{tail}"

    def with_offers(self, offers: tuple[Item, ...]) -> "Catalogue":
        """Give a catalogue whose legacy offers are these."""
        return Catalogue(tuple(item for item in self.items if item.commerce == "nce") + offers)

    def with_legacy_prices(self, prices: dict[str, Decimal]) -> "Catalogue":
        """Give a catalogue with these monthly legacy prices (offer id in lower case → USD)."""
        return Catalogue(
            tuple(
                replace(item, monthly_usd=prices[item.key.lower()], price_known=True)
                if item.commerce == "legacy" and item.key.lower() in prices
                else item
                for item in self.items
            )
        )


def _number(text: str, purpose: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{purpose}/{text}".encode()).digest()[:8])


@cache
def packaged() -> Catalogue:
    """Give the catalogue that comes with the package."""
    return Catalogue(tuple(_read()))


def _read() -> Iterator[Item]:
    text = (
        files("csp_partner_center_simulator.catalogue").joinpath("catalogue.csv").read_text(encoding="utf-8")
    )
    for row in csv.DictReader(text.splitlines()):
        key = f"{row['product_id']}:{row['sku_id']}"
        known = row["usd_per_month_annual_term"] != ""
        yield Item(
            commerce="nce" if row["kind"] == "nce" else "legacy",
            family=row["family"],
            title=row["title"],
            product_id=row["product_id"],
            sku_id=row["sku_id"],
            segment=row["segment"],
            is_addon=row["base_or_addon"] == "addon",
            prerequisites=tuple(filter(None, row["prerequisites"].split(";"))),
            plans=tuple(
                (term, cycle)
                for part in row["billing_cycles"].split("|")
                for term, _, cycles in [part.partition(":")]
                for cycle in cycles.split(",")
            ),
            minimum=int(row["min_quantity"]),
            maximum=int(row["max_quantity"]),
            is_trial=row["trial"] == "yes",
            part_number=row["directory_sku_part_number"] or _part_number(row["title"]),
            directory_sku_id=row["directory_sku_guid"].lower()
            or str(uuid.uuid5(SKU_NAMESPACE, row["title"])),
            directory_known=row["directory_sku_guid"] != "",
            unit=row["unit"],
            monthly_usd=Decimal(row["usd_per_month_annual_term"]) if known else _plausible_price(key, row),
            price_known=known,
            sold=row["status_2026"] == "sold",
        )


def _part_number(title: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in title.upper())[:60].strip("_")


def _plausible_price(key: str, row: dict[str, str]) -> Decimal:
    if row["trial"] == "yes":
        return Decimal(0)
    whole = 3 + _number(key, "price") % 38
    price = Decimal(whole) + (Decimal("0.50") if whole % 3 == 0 else Decimal(0))
    if row["segment"] == "nonprofit":
        price = price / 4
    if row["segment"] == "education":
        price = price / 5
    return price.quantize(Decimal("0.01"))
