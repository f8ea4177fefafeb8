"""Rows of price lists: what a wished row must be, and how rows are asked for a price."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from csp_commerce_rules.money import NotADecimal, parse_decimal
from csp_commerce_rules.prices import PriceQuery, PriceRow, resolve, resolve_at_takeover
from csp_runtime.problems import InvalidParameter

TERMS = ("P1M", "P1Y", "P3Y")
PRICE_DIGITS = 6
HIGHEST_PRICE_MICRO = 10**9 * 10**PRICE_DIGITS
"""Prices are below this: no licence in any currency costs as much, and price times seats still fits 64 bits."""
TOO_HIGH = "must be less than 1000000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPrice:
    """A row as it is kept; prices in millionths of the currency unit, of one seat and one full charge cycle (R4.10)."""

    row_id: str
    version: int
    price_list_id: str
    ledger: str
    customer_id: str | None
    product: str
    term: str
    charge_cycle: str
    segment: str
    currency: str
    valid_from: date
    valid_until: date | None
    unit_price_micro: int
    preview: bool = False
    market: str = ""
    formula: str | None = None

    @property
    def ref(self) -> str:
        """List, row and version: a line never points to something that can change (R5.5)."""
        return f"{self.price_list_id}/{self.row_id}/{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be priced. `market`: the customer's country where it is not the reseller's; its own costs come first."""

    customer_id: str | None
    product: str
    term: str
    charge_cycle: str
    segment: str
    currency: str
    market: str = ""


def newest(rows: Iterable[ListedPrice]) -> list[ListedPrice]:
    """Of each row its newest version: what an older one said holds no more, not even where the newest ends earlier."""
    found: dict[tuple[str, str], ListedPrice] = {}
    for row in rows:
        known = found.get((row.price_list_id, row.row_id))
        if known is None or known.version < row.version:
            found[row.price_list_id, row.row_id] = row
    return list(found.values())


def by_product(rows: Iterable[ListedPrice]) -> dict[str, list[ListedPrice]]:
    """The rows of each product: who prices many looks at each row once, not once for every product."""
    found: dict[str, list[ListedPrice]] = defaultdict(list)
    for row in rows:
        found[row.product].append(row)
    return found


def price_of(rows: Iterable[ListedPrice], wanted: Wanted, day: date) -> ListedPrice | None:
    """The row that prices this on a UTC day (R5.1); None = no price."""
    return _found(rows, wanted, day, at_takeover=False)


def price_at_takeover(rows: Iterable[ListedPrice], wanted: Wanted, billing_from: date) -> ListedPrice | None:
    """The row for an imported subscription: valid on `billing_from`, else the earliest later one (R9.7)."""
    return _found(rows, wanted, billing_from, at_takeover=True)


def _found(
    rows: Iterable[ListedPrice], wanted: Wanted, day: date, *, at_takeover: bool
) -> ListedPrice | None:
    # A market's costs come first product by product: what it has no sheet row for costs what it costs at home.
    known = newest(row for row in rows if row.product == wanted.product)
    of_market = [row for row in known if row.market == wanted.market]
    by_ref = {row.ref: row for row in of_market or [row for row in known if not row.market]}
    query = PriceQuery(
        product=wanted.product,
        customer=wanted.customer_id,
        frequency=wanted.charge_cycle,
        term=wanted.term,
        currency=wanted.currency,
        segment=wanted.segment,
    )
    candidates = [_as_rule(row) for row in by_ref.values()]
    choose = resolve_at_takeover if at_takeover else resolve
    found = choose(candidates, query, day.toordinal())
    return None if found is None else by_ref[found.ref]


def _as_rule(row: ListedPrice) -> PriceRow:
    return PriceRow(
        product=row.product,
        unit_price=row.unit_price_micro,
        scope="global" if row.customer_id is None else "customer",
        customer=row.customer_id,
        frequency=row.charge_cycle,
        term=row.term,
        currency=row.currency,
        segment=row.segment,
        valid_from=row.valid_from.toordinal(),
        valid_until=None if row.valid_until is None else row.valid_until.toordinal(),
        ref=row.ref,
        seq=row.version,
        preview=row.preview,
    )


def read_price(text: str, field: str) -> tuple[int, list[InvalidParameter]]:
    """Decimal text as millionths, or what is wrong with it."""
    try:
        value = parse_decimal(text, PRICE_DIGITS)
    except NotADecimal as fault:
        return 0, [InvalidParameter(field=field, rule="decimal", reason=str(fault))]
    if value < 0:
        return 0, [InvalidParameter(field=field, rule="range", reason="must not be negative")]
    if value >= HIGHEST_PRICE_MICRO:
        return 0, [InvalidParameter(field=field, rule="range", reason=TOO_HIGH)]
    return value, []


def margin(sell_micro: int | None, cost_micro: int | None) -> tuple[int | None, str | None]:
    """Margin of a seat in millionths, and as percent of the sales price with two decimals; None where one is unknown."""
    if sell_micro is None or cost_micro is None:
        return None, None
    amount = sell_micro - cost_micro
    if sell_micro == 0:
        return amount, None
    hundredths = (abs(amount) * 10_000 * 2 + sell_micro) // (sell_micro * 2)
    sign = "-" if amount < 0 else ""
    return amount, f"{sign}{hundredths // 100}.{hundredths % 100:02d}"
