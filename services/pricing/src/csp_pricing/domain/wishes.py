"""Rows of sales price lists as somebody wishes them: what each must be, and which row of a list it is."""

from dataclasses import dataclass
from datetime import date

from csp_pricing.domain.rows import TERMS, ListedPrice, read_price
from csp_runtime.problems import InvalidParameter

_MONTHS = dict(zip(TERMS, (1, 12, 36), strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class WishedRow:
    """A row as somebody wishes it; `unit_price` is decimal text, of one seat and one full charge cycle (R4.10).

    `valid_until` is the first day no longer covered; the first day itself: the row never was. A `preview` row is shown, not
    charged (R5.7). `formula` says how a margin rule came to the price.
    """

    product: str
    term: str
    charge_cycle: str
    unit_price: str
    currency: str
    valid_from: date
    segment: str = "commercial"
    valid_until: date | None = None
    preview: bool = False
    formula: str | None = None

    @property
    def row_id(self) -> str:
        """The same product, term, cycle, segment, currency and first day is the same row, in another version."""
        what = f"{self.product}|{self.term}|{self.charge_cycle}|{self.segment}|{self.currency}"
        return f"{what}|{self.valid_from.isoformat()}"


def price_and_faults(wish: WishedRow, prefix: str = "") -> tuple[int, list[InvalidParameter]]:
    """The price in millionths, and each field that breaks a rule, its name behind `prefix`."""
    price, faults = read_price(wish.unit_price, f"{prefix}unit_price")
    for name, value in (("term", wish.term), ("charge_cycle", wish.charge_cycle)):
        if value not in _MONTHS:
            faults.append(_fault(f"{prefix}{name}", "choice", f"must be one of {', '.join(TERMS)}"))
    if _MONTHS.get(wish.charge_cycle, 0) > _MONTHS.get(wish.term, 36):
        faults.append(_fault(f"{prefix}charge_cycle", "order", "must not be longer than the term"))
    if wish.valid_until is not None and wish.valid_until < wish.valid_from:
        faults.append(_fault(f"{prefix}valid_until", "order", "must not be before valid_from"))
    return price, faults


def months_of(cycle: str) -> int:
    """How many months a term or charge cycle has."""
    return _MONTHS[cycle]


def changes(wish: WishedRow, price: int, known: ListedPrice | None) -> bool:
    """Whether a wish says anything that the newest version of its row does not say."""
    return known is None or (known.unit_price_micro, known.valid_until, known.preview) != (
        price,
        wish.valid_until,
        wish.preview,
    )


def listed(
    wish: WishedRow, price: int, *, price_list_id: str, version: int, customer_id: str | None
) -> ListedPrice:
    """The wish as a version of its row."""
    return ListedPrice(
        row_id=wish.row_id,
        version=version,
        price_list_id=price_list_id,
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
        preview=wish.preview,
        formula=wish.formula,
    )


def _fault(field: str, rule: str, reason: str) -> InvalidParameter:
    return InvalidParameter(field=field, rule=rule, reason=reason)
