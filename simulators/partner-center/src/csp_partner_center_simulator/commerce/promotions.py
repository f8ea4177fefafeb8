"""Promotions of New Commerce: made up, stable, and bound to dates of the virtual clock (PC 4.3)."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from csp_partner_center_simulator.catalogue.catalogue import Catalogue, Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """A discount on one SKU, term and billing plan, for purchases inside its dates (inclusive)."""

    id: str
    name: str
    product_id: str
    sku_id: str
    term: str
    billing_cycle: str
    segment: str
    discount: Decimal
    starts: date
    ends: date
    automatic: bool
    minimum_seats: int
    maximum_seats: int

    def runs(self, day: date) -> bool:
        """Tell whether it can be bought with on that day."""
        return self.starts <= day <= self.ends


# (product, sku, term, plan, discount, automatic, least seats, most seats)
_TABLE = (
    ("CFQ7TTC0LCHC", "0002", "P1Y", "monthly", "0.15", True, 1, 2400),
    ("CFQ7TTC0LCHC", "0002", "P1Y", "annual", "0.15", True, 1, 2400),
    ("CFQ7TTC0LH18", "0001", "P1M", "monthly", "0.1667", False, 1, 300),
    ("CFQ7TTC0LDPB", "0001", "P3Y", "annual", "0.05", False, 10, 300),
)


def promotions(catalogue: Catalogue, day: date) -> list[Promotion]:
    """Give the promotions of the calendar half-year of `day`; every half-year has its own ids."""
    half = 1 if day.month < 7 else 7
    starts, ends = date(day.year, half, 1), date(day.year, half + 5, 30 if half == 1 else 31)
    found = []
    for number, (product, sku, term, plan, discount, automatic, least, most) in enumerate(_TABLE):
        item = catalogue.sku(product, sku)
        if item is None or (term, plan) not in item.plans:
            continue
        found.append(
            Promotion(
                id=f"39NFJQT1P{day.year % 100:02d}{half}:{number:04d}:39NFJQT1Q5K{number}",
                name=item.title,
                product_id=item.product_id,
                sku_id=item.sku_id,
                term=term,
                billing_cycle=plan,
                segment=item.segment,
                discount=Decimal(discount),
                starts=starts,
                ends=ends,
                automatic=automatic,
                minimum_seats=least,
                maximum_seats=most,
            )
        )
    return found


def applicable(
    catalogue: Catalogue, item: Item, *, term: str, cycle: str, quantity: int, day: date, wished: str = ""
) -> Promotion | None:
    """Give the promotion a purchase gets: the wished one, else an automatic one; None when nothing fits."""
    for one in promotions(catalogue, day):
        fits = (one.product_id, one.sku_id, one.term, one.billing_cycle) == (
            item.product_id,
            item.sku_id,
            term,
            cycle,
        )
        if not fits or not one.runs(day) or not one.minimum_seats <= quantity <= one.maximum_seats:
            continue
        if one.id == wished or (not wished and one.automatic):
            return one
    return None
