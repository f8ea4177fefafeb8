"""Which row of the price lists prices a seat (R5.1), the one function that pricing and `csp rate` share."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

Scope = Literal["customer", "global"]
PriceChangePolicy = Literal["at_renewal", "at_next_cycle", "immediate_prorated"]


class PriceRow(NamedTuple):
    """Price of one seat for one full charge cycle, in millionths of the currency's major unit.

    `term`, `frequency`, `currency` and `segment` are None where the row holds for all of them; `valid_from` is the
    first day and `valid_until` the first day no longer covered, None = open. `ref` names list, row and version
    (R5.5), `seq` orders versions: of two rows that begin together the later one holds. A preview row is visible
    but not chargeable (R5.7). `listed_on` is the day on which the row became known, None = it always was.
    """

    product: str
    unit_price: int
    scope: Scope = "global"
    customer: str | None = None
    frequency: str | None = None
    term: str | None = None
    currency: str | None = None
    segment: str | None = None
    valid_from: int | None = None
    valid_until: int | None = None
    ref: str = ""
    seq: int = 0
    preview: bool = False
    listed_on: int | None = None


class PriceQuery(NamedTuple):
    """What is to be priced. None matches rows of any value in that field."""

    product: str
    customer: str | None = None
    frequency: str | None = None
    term: str | None = None
    currency: str | None = None
    segment: str | None = None


def resolve(rows: Iterable[PriceRow], query: PriceQuery, day: int) -> PriceRow | None:
    """The customer's own row, else the global one, valid on a day; the more specific, then the newest of them.

    None = no price: the line stays pending and its report cannot be issued, never a silent zero (D-6).
    """
    fitting = [row for row in rows if _prices(row, query, day)]
    return max(fitting, key=_rank) if len(fitting) > 1 else fitting[0] if fitting else None


def resolve_at_takeover(rows: Iterable[PriceRow], query: PriceQuery, billing_from: int) -> PriceRow | None:
    """Price of an imported subscription: the row valid on `billing_from`, else the earliest later one (R9.7)."""
    rows = list(rows)
    row = resolve(rows, query, billing_from)
    if row is not None:
        return row
    later = sorted({r.valid_from for r in rows if r.valid_from is not None and r.valid_from > billing_from})
    return next((found for day in later if (found := resolve(rows, query, day))), None)


def _prices(row: PriceRow, query: PriceQuery, day: int) -> bool:
    return (
        row.product == query.product
        and not row.preview
        and (row.scope == "global" or row.customer is None or row.customer == query.customer)
        and (row.valid_from is None or row.valid_from <= day)
        and (row.valid_until is None or day < row.valid_until)
        and (row.frequency is None or query.frequency is None or row.frequency == query.frequency)
        and (row.term is None or query.term is None or row.term == query.term)
        and (row.currency is None or query.currency is None or row.currency == query.currency)
        and (row.segment is None or query.segment is None or row.segment == query.segment)
    )


def _rank(row: PriceRow) -> tuple[bool, int, int, int, str]:
    specific = sum(field is not None for field in (row.frequency, row.term, row.currency, row.segment))
    return (row.scope == "customer", specific, row.valid_from or 0, row.seq, row.ref)
