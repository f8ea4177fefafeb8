"""The prices that one subscription can have: rows of lists (`csp rate`), or locks that pricing resolved (the service)."""

from collections.abc import Iterable

from csp_commerce_rules.charge_cycles import Frequency
from csp_commerce_rules.prices import PriceQuery, PriceRow, resolve, resolve_at_takeover


class PriceBook:
    """Rows with a memory of what was asked. Resolution itself is the shared function of commerce-rules (R5.1)."""

    def __init__(self, rows: Iterable[PriceRow]) -> None:
        """`rows` in any order; they are not changed afterwards."""
        self.rows = tuple(rows)
        self._known: dict[tuple[str, Frequency, int, bool], PriceRow | None] = {}

    def price(self, product: str, frequency: Frequency, day: int, *, takeover: bool) -> PriceRow | None:
        """The row that prices a seat on a day; at a takeover an earliest later row will do (R9.7)."""
        asked = (product, frequency, day, takeover)
        if asked not in self._known:
            find = resolve_at_takeover if takeover else resolve
            self._known[asked] = find(self.rows, PriceQuery(product=product, frequency=frequency), day)
        return self._known[asked]
