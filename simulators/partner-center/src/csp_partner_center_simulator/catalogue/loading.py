"""Legacy offers in Microsoft's own JSON, and legacy prices, from files of the user's (PC 4.1)."""

import csv
import json
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from csp_partner_center_simulator.catalogue.catalogue import Catalogue, Item


class BadCatalogueFileError(ValueError):
    """A file cannot be used; the message names file and field."""


def with_files(catalogue: Catalogue, offers: Path | None, legacy_prices: Path | None) -> Catalogue:
    """Give the catalogue with the offers and legacy prices of the files, where there are any."""
    if offers is not None:
        catalogue = catalogue.with_offers(_offers(offers, catalogue))
    if legacy_prices is not None:
        catalogue = catalogue.with_legacy_prices(_prices(legacy_prices))
    return catalogue


def _offers(path: Path, known: Catalogue) -> tuple[Item, ...]:
    """Read an answer of `GET /v1/offers` (or its items); every offer is shown as it stands in the file."""
    try:
        body = json.loads(path.read_text(encoding="utf-8-sig"))
        items = body["items"] if isinstance(body, dict) else body
        return tuple(_offer(one, known) for one in items)
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise BadCatalogueFileError(f"{path}: no list of offers ({problem}).") from None


def _offer(raw: dict[str, Any], known: Catalogue) -> Item:
    before = known.offer(raw["id"])
    trial = bool(raw.get("isTrial"))
    term = "P1M" if trial else "P1Y"
    qualified = [str(one).lower() for one in raw.get("reselleeQualifications", [])]
    return Item(
        commerce="legacy",
        family=before.family if before else raw.get("product", {}).get("name", raw["name"]),
        title=raw["name"],
        product_id=raw["id"],
        sku_id="",
        segment="nonprofit"
        if "nonprofit" in qualified
        else "education"
        if "education" in qualified
        else "commercial",
        is_addon=bool(raw.get("isAddOn")),
        prerequisites=tuple(raw.get("prerequisiteOffers", ())),
        plans=tuple((term, cycle) for cycle in raw.get("supportedBillingCycles", ["none"])),
        minimum=int(raw.get("minimumQuantity", 1)),
        maximum=int(raw.get("maximumQuantity", 10_000_000)),
        is_trial=trial,
        part_number=before.part_number if before else raw["name"].upper().replace(" ", "_"),
        directory_sku_id=str(raw.get("product", {}).get("id", raw["id"])).lower(),
        directory_known=True,
        unit=raw.get("unitType", "Licenses"),
        monthly_usd=before.monthly_usd if before else Decimal(0 if trial else 10),
        price_known=before.price_known if before else False,
        sold=bool(raw.get("isAvailableForPurchase", True)),
        raw=raw,
    )


def _prices(path: Path) -> dict[str, Decimal]:
    """Read `offer_id,usd_per_month` rows; further columns are ignored."""
    prices: dict[str, Decimal] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            for number, row in enumerate(csv.DictReader(stream), 2):
                try:
                    prices[row["offer_id"].lower()] = Decimal(row["usd_per_month"])
                except (KeyError, InvalidOperation):
                    raise BadCatalogueFileError(
                        f"{path}:{number}: needs the columns offer_id and usd_per_month (a number)."
                    ) from None
    except OSError as problem:
        raise BadCatalogueFileError(f"{path}: {problem.strerror}.") from None
    return prices
