"""Many rows of a sales price list at once: from a CSV file, or derived by margin rules. Dry run and command plan the same way."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from csp_commerce_rules.money import format_price, minor_digits
from csp_pricing.domain.margins import MarginRule, derive, rule_faults
from csp_pricing.domain.price_csv import ReadLine, UnreadableCsv, read, written
from csp_pricing.domain.products import Product
from csp_pricing.domain.rows import HIGHEST_PRICE_MICRO, TOO_HIGH, ListedPrice, Wanted, by_product, price_of
from csp_pricing.domain.streams import price_list_id
from csp_pricing.domain.wishes import WishedRow, changes, listed
from csp_pricing.lists.use_cases import PriceListUseCases
from csp_pricing.lists.writer import ListChange, ListWriter
from csp_pricing.ports import PriceLists, Rows
from csp_runtime.http import Command
from csp_runtime.problems import InvalidParameter, Problem, invalid
from csp_runtime.scope import Scope

PAGE = 1000
MOST_FAULTS = 1000
_ALL_PRODUCTS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a file or a set of rules comes to: rows to write, and a result for each line."""

    rows: list[ListedPrice] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)
    faults: list[InvalidParameter] = field(default_factory=list)

    @property
    def answer(self) -> dict[str, Any]:
        """How many of each, and each one."""
        found = [result["result"] for result in self.results]
        counts = {name: found.count(name) for name in ("new", "changed", "unchanged", "refused")}
        return {"counts": counts, "rows": self.results}


class ListImports:
    """Commands and questions about whole lists."""

    def __init__(self, *, uses: PriceListUseCases, rows: Rows, lists: PriceLists, writer: ListWriter) -> None:
        self._uses = uses
        self._rows = rows
        self._lists = lists
        self._writer = writer

    async def export(self, scope: Scope, customer_id: str | None) -> AsyncIterator[str]:
        """A list as CSV, newest version of each row, a piece at a time."""
        await self._uses.check_customer(scope, customer_id)
        return self._pieces(scope, price_list_id(scope.reseller, customer_id))

    async def _pieces(self, scope: Scope, list_id: str) -> AsyncIterator[str]:
        after: str | None = None
        is_first = True
        while True:
            rows = await self._lists.page(scope, list_id, {}, after=after, limit=PAGE)
            titles = await self._lists.titles(scope, sorted({row.product for row in rows}))
            text = "".join(written([[(row, titles.get(row.product)) for row in rows]]))
            yield text if is_first else text.partition("\r\n")[2]
            is_first = False
            if len(rows) < PAGE:
                return
            after = rows[-1].row_id

    async def check_csv(self, scope: Scope, customer_id: str | None, text: str) -> dict[str, Any]:
        """What an import would do, line by line; nothing is written."""
        await self._uses.check_customer(scope, customer_id)
        list_id = price_list_id(scope.reseller, customer_id)
        return (await self._planned(scope, list_id, customer_id, _lines(text))).answer

    async def import_csv(
        self,
        scope: Scope,
        customer_id: str | None,
        text: str,
        command: Command,
        *,
        partial: bool,
        expected: int | None = None,
    ) -> dict[str, Any]:
        """Write the rows of a file: all or none, unless `partial`. A line that says nothing new makes no version.

        Raises `Problem` (422) naming line, field and rule; then nothing was written.
        """
        await self._uses.check_customer(scope, customer_id)
        lines = _lines(text)

        async def decide(list_id: str) -> ListChange:
            plan = await self._planned(scope, list_id, customer_id, lines)
            if plan.faults and not partial:
                raise Problem(
                    "validation",
                    "The file has lines that break a rule; nothing was imported",
                    invalid=plan.faults[:MOST_FAULTS],
                    extra=plan.answer["counts"],
                )
            return ListChange(rows=plan.rows, answer=plan.answer, source="import")

        return await self._writer.write(scope, customer_id, command, decide, expected=expected)

    async def check_rules(
        self, scope: Scope, customer_id: str | None, rules: Sequence[MarginRule], currency: str, from_on: date
    ) -> dict[str, Any]:
        """What the rules would write, row by row; nothing is written."""
        await self._uses.check_customer(scope, customer_id)
        list_id = price_list_id(scope.reseller, customer_id)
        lines, without = await self._derived(scope, rules, currency, from_on)
        return (await self._planned(scope, list_id, customer_id, lines)).answer | {"without_base": without}

    async def apply_rules(
        self,
        scope: Scope,
        customer_id: str | None,
        rules: Sequence[MarginRule],
        currency: str,
        from_on: date,
        command: Command,
        *,
        expected: int | None = None,
    ) -> dict[str, Any]:
        """Write a row from a day on for each product that a rule is for, the first that matches; all or none.

        Products whose base price is not known get no row and are named in `without_base`.
        """
        await self._uses.check_customer(scope, customer_id)
        lines, without = await self._derived(scope, rules, currency, from_on)

        async def decide(list_id: str) -> ListChange:
            plan = await self._planned(scope, list_id, customer_id, lines)
            if plan.faults:
                raise Problem(
                    "validation",
                    "The rules lead to prices that cannot be; nothing was written",
                    invalid=plan.faults[:MOST_FAULTS],
                )
            answer = plan.answer | {"without_base": without}
            return ListChange(rows=plan.rows, answer=answer, source="margin_rules")

        return await self._writer.write(scope, customer_id, command, decide, expected=expected)

    async def _planned(
        self, scope: Scope, list_id: str, customer_id: str | None, lines: Sequence[ReadLine]
    ) -> Plan:
        wishes = [line.wish for line in lines if line.wish is not None]
        known = await self._lists.newest(scope, list_id, [wish.row_id for wish in wishes])
        titles = await self._lists.titles(scope, sorted({wish.product for wish in wishes}))
        plan = Plan()
        for line in lines:
            if line.faults or line.wish is None:
                plan.faults.extend(
                    InvalidParameter(
                        field=f"line {line.line}: {fault.field}", rule=fault.rule, reason=fault.reason
                    )
                    for fault in line.faults
                )
                plan.results.append(_result(line, "refused", None))
                continue
            before = known.get(line.wish.row_id)
            if not changes(line.wish, line.price, before):
                plan.results.append(_result(line, "unchanged", before))
                continue
            version = 1 if before is None else before.version + 1
            plan.rows.append(
                listed(line.wish, line.price, price_list_id=list_id, version=version, customer_id=customer_id)
            )
            result = _result(line, "new" if before is None else "changed", before)
            if line.wish.product not in titles:
                result["note"] = "the product is not in the catalogue now"
            plan.results.append(result)
        return plan

    async def _derived(
        self, scope: Scope, rules: Sequence[MarginRule], currency: str, from_on: date
    ) -> tuple[list[ReadLine], list[dict[str, str]]]:
        faults = [fault for n, rule in enumerate(rules) for fault in rule_faults(rule, f"rules.{n}.")]
        if faults:
            raise Problem("validation", "The margin rules break a rule", invalid=faults)
        products = await self._rows.products(scope, {}, after=None, limit=_ALL_PRODUCTS)
        chosen = [
            (product, rule)
            for product in products
            if (rule := next((each for each in rules if each.matches(product)), None)) is not None
        ]
        codes = sorted({product.product for product, _ in chosen})
        ledgers = {"cost": "cost", "list": "sell"}
        bases = {
            base: await self._rows.prices(scope, codes, ledger=ledger, customer_id=None)
            for base, ledger in ledgers.items()
            if any(rule.base == base for _, rule in chosen)
        }
        rows = {base: by_product(found) for base, found in bases.items()}
        lines: list[ReadLine] = []
        without: list[dict[str, str]] = []
        for number, (product, rule) in enumerate(chosen, start=1):
            known = rows[rule.base].get(product.product, [])
            line = _derived_line(number, product, rule, known, currency, from_on)
            if line is None:
                named = {"product": product.product, "title": product.title, "term": product.term}
                without.append(named | {"charge_cycle": product.charge_cycle})
            else:
                lines.append(line)
        return lines, without


def _derived_line(
    number: int, product: Product, rule: MarginRule, rows: list[ListedPrice], currency: str, from_on: date
) -> ReadLine | None:
    cycle = rule.base_charge_cycle or product.charge_cycle
    wanted = Wanted(
        customer_id=None,
        product=product.product,
        term=product.term,
        charge_cycle=cycle,
        segment=product.segment,
        currency=currency,
    )
    base = price_of(rows, wanted, from_on)
    if base is None:
        return None
    digits = minor_digits(currency)
    found = derive(rule, base.unit_price_micro, cycle, product, digits)
    faults = []
    if found.unit_price_micro < 0:
        reason = f"{product.product}: {found.formula} is negative"
        faults.append(InvalidParameter(field="unit_price", rule="range", reason=reason))
    elif found.unit_price_micro >= HIGHEST_PRICE_MICRO:
        reason = f"{product.product}: {found.formula} {TOO_HIGH}"
        faults.append(InvalidParameter(field="unit_price", rule="range", reason=reason))
    wish = WishedRow(
        product=product.product,
        term=product.term,
        charge_cycle=product.charge_cycle,
        segment=product.segment,
        currency=currency,
        unit_price=format_price(found.unit_price_micro, digits),
        valid_from=from_on,
        formula=found.formula,
    )
    return ReadLine(line=number, wish=wish, price=found.unit_price_micro, faults=faults)


def _lines(text: str) -> list[ReadLine]:
    try:
        return read(text)
    except UnreadableCsv as fault:
        raise invalid("csv", "readable", str(fault)) from None


def _result(line: ReadLine, result: str, before: ListedPrice | None) -> dict[str, Any]:
    wish = line.wish
    return {
        "line": line.line,
        "result": result,
        "row_id": None if wish is None else wish.row_id,
        "unit_price_micro": None if wish is None or line.faults else line.price,
        "previous_unit_price_micro": None if before is None else before.unit_price_micro,
        "currency": None if wish is None else wish.currency,
        "formula": None if wish is None else wish.formula,
        "note": None,
        "faults": [
            {"field": fault.field, "rule": fault.rule, "reason": fault.reason} for fault in line.faults
        ],
    }
