"""Costs out of Microsoft's price sheets (PC 11.2): which row of the cost list a row of a sheet is, and what it says anew."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from csp_partner_center.price_sheets import PriceRow
from csp_pricing.domain.rows import HIGHEST_PRICE_MICRO, PRICE_DIGITS, TOO_HIGH, ListedPrice
from csp_pricing.domain.streams import cost_list_id
from csp_pricing.domain.wishes import WishedRow

CYCLES = {"monthly": "P1M", "annual": "P1Y", "triennial": "P3Y"}
"""A sheet's billing plans. Trials have none, and cost nothing."""
_ALWAYS = date(2000, 1, 1)


def unreadable_reason(row: PriceRow) -> tuple[str, str] | None:
    """Why a row of a sheet can be no cost: field and reason. None where it can, or where it is a trial."""
    if row.unit_price < 0:
        return "UnitPrice", "must not be negative"
    if row.unit_price >= Decimal(HIGHEST_PRICE_MICRO).scaleb(-PRICE_DIGITS):
        return "UnitPrice", TOO_HIGH
    if row.unit_price != row.unit_price.quantize(Decimal(1).scaleb(-PRICE_DIGITS)):
        return "UnitPrice", f"has more than {PRICE_DIGITS} decimals"
    if row.term_duration not in CYCLES.values():
        return "TermDuration", "must be P1M, P1Y or P3Y"
    return None


def cost_rows(
    reseller: str, sheet: Iterable[PriceRow], *, home: str, preview: bool = False
) -> list[ListedPrice]:
    """The first versions of the rows of a sheet, by identity, in its order; the later of two equal ones counts.

    A row's identity is all that its price depends on. `home` is the reseller's country: its own market has no name.
    """
    found: dict[str, ListedPrice] = {}
    for row in sheet:
        cycle = CYCLES.get(row.billing_plan.lower())
        if cycle is None or unreadable_reason(row) is not None:
            continue
        code = f"{row.product_id}:{row.sku_id}"
        market = "" if row.market.upper() in ("", home) else row.market.upper()
        begins = _ALWAYS if row.effective_start is None else row.effective_start.date()
        ends = None if row.effective_end is None else row.effective_end.date() + timedelta(days=1)
        row_id = f"{code}|{row.term_duration}|{cycle}|{row.segment}|{row.currency}|{begins.isoformat()}"
        row_id = f"{row_id}|{market}" if market else row_id
        found[row_id] = ListedPrice(
            row_id=row_id,
            version=1,
            price_list_id=cost_list_id(reseller),
            ledger="cost",
            customer_id=None,
            product=code,
            term=row.term_duration,
            charge_cycle=cycle,
            segment=row.segment,
            currency=row.currency,
            valid_from=begins,
            valid_until=ends,
            unit_price_micro=int(row.unit_price.scaleb(PRICE_DIGITS)),
            preview=preview,
            market=market,
        )
    return list(found.values())


def own_cost_row(reseller: str, wish: WishedRow, price: int, *, preview: bool) -> ListedPrice:
    """The first version of a cost that was not written by Microsoft; the same row as a sheet's of the same identity."""
    return ListedPrice(
        row_id=wish.row_id,
        version=1,
        price_list_id=cost_list_id(reseller),
        ledger="cost",
        customer_id=None,
        product=wish.product,
        term=wish.term,
        charge_cycle=wish.charge_cycle,
        segment=wish.segment,
        currency=wish.currency,
        valid_from=wish.valid_from,
        valid_until=wish.valid_until,
        unit_price_micro=price,
        preview=wish.preview or preview,
    )


def said_anew(rows: Sequence[ListedPrice], known: Mapping[str, ListedPrice]) -> list[ListedPrice]:
    """The rows that say something new, in their next version; `known` are the newest versions by row.

    Mid-month corrections have a first day of their own, but files are also sent again corrected (R5.5: a new version, never another
    price under the same reference). A preview never takes back what is chargeable already (R5.7).
    """
    anew: list[ListedPrice] = []
    for row in rows:
        before = known.get(row.row_id)
        if before is None:
            anew.append(row)
            continue
        if row.preview and not before.preview:
            continue
        if (row.unit_price_micro, row.valid_until, row.preview) != (
            before.unit_price_micro,
            before.valid_until,
            before.preview,
        ):
            anew.append(replace(row, version=before.version + 1))
    return anew
