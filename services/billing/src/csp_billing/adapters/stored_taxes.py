"""The tax of issued reports, from the rates that were known when they were issued."""

from collections.abc import Sequence

from csp_billing.adapters.books import Books
from csp_billing.domain.taxes import Rated
from csp_billing.ports import Report
from csp_billing.taxes.documents import issued_rates


class StoredTaxes:
    """As `csp_billing.application.StoredTaxes`, in a thread."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def rated(self, report: Report) -> Sequence[Rated]:
        """The lines with their rates."""
        return await self._books.run(lambda connection: issued_rates(connection, report))
