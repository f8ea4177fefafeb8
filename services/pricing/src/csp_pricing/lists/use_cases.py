"""Use cases of sales price lists: read them, set rows, end one."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from csp_pricing.domain.rows import ListedPrice
from csp_pricing.domain.streams import price_list_id
from csp_pricing.domain.wishes import WishedRow, listed, price_and_faults
from csp_pricing.lists.writer import ListChange, ListWriter
from csp_pricing.ports import Made, PriceLists, Rows
from csp_runtime.http import Command
from csp_runtime.problems import InvalidParameter, Problem, invalid, not_found
from csp_runtime.scope import Scope


class PriceListUseCases:
    """The global list of a reseller, and a customer's; rows are never changed, each change is a new version (R5.5)."""

    def __init__(self, *, rows: Rows, lists: PriceLists, writer: ListWriter) -> None:
        self._rows = rows
        self._lists = lists
        self._writer = writer

    async def page(
        self,
        scope: Scope,
        customer_id: str | None,
        filters: dict[str, Any],
        *,
        after: str | None,
        limit: int,
    ) -> list[ListedPrice]:
        """A page of a list, newest version of each row."""
        await self.check_customer(scope, customer_id)
        return await self._lists.page(
            scope, price_list_id(scope.reseller, customer_id), filters, after=after, limit=limit
        )

    async def lists(self, scope: Scope, *, after: str | None, limit: int) -> list[tuple[str, int]]:
        """The lists by customer, each with its version: first the global one (empty), which is always there."""
        found = await self._lists.lists(scope, after=after, limit=limit)
        if after is None and (not found or found[0][0]):
            found = [("", 0), *found][:limit]
        return found

    async def version(self, scope: Scope, customer_id: str | None) -> int:
        """The version of a list."""
        await self.check_customer(scope, customer_id)
        return await self._lists.version(scope, price_list_id(scope.reseller, customer_id))

    async def row(self, scope: Scope, customer_id: str | None, row_id: str) -> list[tuple[ListedPrice, Made]]:
        """All versions of a row, oldest first, with who made each, when and why."""
        await self.check_customer(scope, customer_id)
        found = await self._lists.versions(scope, price_list_id(scope.reseller, customer_id), row_id)
        if not found:
            raise not_found("price row")
        return found

    async def set_rows(
        self,
        scope: Scope,
        customer_id: str | None,
        wished: Sequence[WishedRow],
        command: Command,
        *,
        expected: int | None = None,
    ) -> dict[str, Any]:
        """New versions of rows; every fault is named at once."""
        await self.check_customer(scope, customer_id)
        prices = _checked(wished)

        async def decide(list_id: str) -> ListChange:
            known = await self._lists.newest(scope, list_id, [wish.row_id for wish in wished])
            versions = {row_id: row.version for row_id, row in known.items()}
            rows: list[ListedPrice] = []
            for wish, price in zip(wished, prices, strict=True):
                versions[wish.row_id] = versions.get(wish.row_id, 0) + 1
                rows.append(
                    listed(
                        wish,
                        price,
                        price_list_id=list_id,
                        version=versions[wish.row_id],
                        customer_id=customer_id,
                    )
                )
            return ListChange(rows=rows, answer={"rows": [row.row_id for row in rows]})

        return await self._writer.write(scope, customer_id, command, decide, expected=expected)

    async def end_row(
        self,
        scope: Scope,
        customer_id: str | None,
        row_id: str,
        valid_until: date,
        command: Command,
        *,
        expected: int | None = None,
    ) -> dict[str, Any]:
        """A new version that ends before a day; on its own first day it never was. What is locked stays locked (R5.2)."""
        await self.check_customer(scope, customer_id)

        async def decide(list_id: str) -> ListChange:
            row = (await self._lists.newest(scope, list_id, [row_id])).get(row_id)
            if row is None:
                raise not_found("price row")
            if valid_until < row.valid_from:
                raise invalid("valid_until", "order", "must not be before valid_from")
            ended = replace(row, version=row.version + 1, valid_until=valid_until)
            return ListChange(rows=[ended], answer={"rows": [row_id]})

        return await self._writer.write(scope, customer_id, command, decide, expected=expected)

    async def check_customer(self, scope: Scope, customer_id: str | None) -> None:
        """404 for a customer that is not in scope."""
        if customer_id is not None and not await self._rows.has_customer(scope, customer_id):
            raise not_found("customer")


def _checked(wished: Sequence[WishedRow]) -> list[int]:
    faults: list[InvalidParameter] = []
    prices: list[int] = []
    for number, wish in enumerate(wished):
        price, wrong = price_and_faults(wish, f"rows.{number}.")
        prices.append(price)
        faults += wrong
    if faults:
        raise Problem("validation", "The price list breaks a rule", invalid=faults)
    return prices
