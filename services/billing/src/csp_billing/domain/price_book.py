"""The prices that one subscription can have: rows of lists (`csp rate`), or locks that pricing resolved (the service)."""

from collections.abc import Iterable

from csp_commerce_rules.charge_cycles import Frequency
from csp_commerce_rules.prices import PriceQuery, PriceRow, resolve, resolve_at_takeover


class PriceBook:
    """Rows with a memory of what was asked. Resolution itself is the shared function of commerce-rules (R5.1)."""

    def __init__(self, rows: Iterable[PriceRow]) -> None:
        """`rows` in any order; they are not changed afterwards."""
        self.rows = tuple(rows)
        self._known: dict[tuple[str, Frequency, int, bool, int | None], PriceRow | None] = {}
        self._listed_late = any(row.listed_on is not None for row in self.rows)

    def price(
        self, product: str, frequency: Frequency, day: int, *, takeover: bool, known_by: int | None = None
    ) -> PriceRow | None:
        """The row that prices a seat on a day; at a takeover an earliest later row will do (R9.7).

        Of the rows listed up to and including `known_by` (None: of all); where none of these has a price, one listed later will do.
        """
        asked = (product, frequency, day, takeover, known_by if self._listed_late else None)
        if asked not in self._known:
            find = resolve_at_takeover if takeover else resolve
            query = PriceQuery(product=product, frequency=frequency)
            found = find(self._rows_known(asked[-1]), query, day)
            self._known[asked] = found or (find(self.rows, query, day) if self._listed_late else None)
        return self._known[asked]

    def _rows_known(self, by: int | None) -> Iterable[PriceRow]:
        if by is None:
            return self.rows
        return [row for row in self.rows if row.listed_on is None or row.listed_on <= by]
