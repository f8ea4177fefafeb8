"""Which rows of Microsoft's invoices stand against lines of ours (section 15: `matched_to`)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import psycopg

from csp_billing.adapters.books import Books
from csp_billing.ports import MatchedTo


class MatchedLines:
    """As `csp_billing.application.MatchedLines`, in a thread."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def of(self, reseller: str, line_ids: Sequence[str]) -> Mapping[str, Sequence[MatchedTo]]:
        """The matches of lines by id, of imports that stand; what was never matched is not there."""
        return await self._books.run(lambda connection: _matched(connection, reseller, line_ids))


def _matched(
    connection: psycopg.Connection, reseller: str, line_ids: Sequence[str]
) -> Mapping[str, Sequence[MatchedTo]]:
    found: dict[str, list[MatchedTo]] = defaultdict(list)
    for line_id, *match in connection.execute(
        "select l.line_id, m.import_id, i.invoice_id, m.match_id, m.code, m.row_numbers from matched_lines l "
        "join invoice_matches m on m.reseller_id = l.reseller_id and m.import_id = l.import_id "
        "and m.number = l.match_number "
        "join invoice_imports i on i.reseller_id = m.reseller_id and i.import_id = m.import_id "
        "where l.reseller_id = %s and l.line_id = any(%s) order by i.imported_at, m.number",
        [reseller, list(line_ids)],
    ):
        found[line_id].append(MatchedTo._make(match))
    return found
