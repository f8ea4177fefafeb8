"""Use cases of Microsoft's price sheets: import one as a file, with dry run. The daily worker takes them by the same rules."""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

from csp_contracts.envelope import Recorded
from csp_contracts.pricing_v1 import PriceSheetImported
from csp_partner_center.paging import UnreadableItem
from csp_partner_center.price_sheets import PriceRow, read_prices
from csp_pricing.domain import price_csv
from csp_pricing.domain.costs import (
    CYCLES,
    cost_rows,
    own_cost_row,
    said_anew,
    unreadable_reason,
)
from csp_pricing.domain.rows import ListedPrice
from csp_pricing.domain.streams import cost_list_id
from csp_pricing.ports import Made, PriceLists, Rows, RowStatements
from csp_runtime.clock import Clock
from csp_runtime.commands import Decision, carry_out, command_meta
from csp_runtime.http import Command
from csp_runtime.problems import InvalidParameter, Problem, invalid, not_found
from csp_runtime.scope import Scope
from csp_runtime.store import EventStore

MOST_FAULTS = 1000


@dataclass(slots=True, kw_only=True)
class SheetPlan:
    """What a sheet comes to: rows that say something new, and a fault for each line that can be no cost."""

    rows: list[ListedPrice] = field(default_factory=list)
    faults: list[InvalidParameter] = field(default_factory=list)
    markets: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)


class PriceSheetUseCases:
    """Commands and questions about the cost list."""

    def __init__(
        self,
        *,
        store: EventStore,
        rows: Rows,
        lists: PriceLists,
        statements: RowStatements,
        clock: Clock,
    ) -> None:
        self._store = store
        self._rows = rows
        self._lists = lists
        self._statements = statements
        self._clock = clock

    async def check(self, scope: Scope, text: str, *, preview: bool) -> dict[str, Any]:
        """What an import of the sheet would do; nothing is written."""
        return _answer(await self._planned(scope, text, preview=preview))

    async def take(self, scope: Scope, text: str, command: Command, *, preview: bool) -> dict[str, Any]:
        """Write the costs of a sheet, all or none. Raises `Problem` (422) naming line, field and rule."""
        now = self._clock.now()
        list_id = cost_list_id(scope.reseller)

        async def decide() -> Decision:
            plan = await self._planned(scope, text, preview=preview)
            if plan.faults:
                raise Problem(
                    "validation",
                    "The sheet has lines that can be no cost; nothing was imported",
                    invalid=plan.faults[:MOST_FAULTS],
                )
            if not plan.rows:
                return Decision(events=[], answer=_answer(plan))
            version = await self._lists.version(scope, list_id)
            data = PriceSheetImported(
                price_list_id=list_id,
                market=",".join(sorted(plan.markets)),
                currencies=sorted({row.currency for row in plan.rows}),
                rows=len(plan.rows),
                digest=hashlib.sha256(text.encode()).hexdigest(),
            )
            meta = command_meta(scope, command, now, partition_key=scope.reseller)
            made = Made(at=now, by=scope.actor, reason=command.reason)
            return Decision(
                events=[Recorded(stream=list_id, version=version + 1, data=data, meta=meta)],
                answer=_answer(plan),
                also=[
                    self._statements.keep_list(scope.reseller, None, list_id, version + 1, before=version),
                    self._statements.insert_prices(scope.reseller, plan.rows, made),
                ],
            )

        return await carry_out(self._store, command, now, decide)

    async def _planned(self, scope: Scope, text: str, *, preview: bool) -> SheetPlan:
        home = await self._rows.country_of(scope.reseller)
        if home is None:
            raise not_found("reseller")
        plan = SheetPlan()
        if price_csv.is_one(text):
            rows, trials = _read_own(scope.reseller, text, plan, home=home, preview=preview), 0
        else:
            rows, trials = _read_microsofts(scope.reseller, text, plan, home=home, preview=preview)
        known = await self._lists.newest(scope, cost_list_id(scope.reseller), [row.row_id for row in rows])
        plan.rows = said_anew(rows, known)
        changed = sum(row.version > 1 for row in plan.rows)
        plan.counts = {
            "new": len(plan.rows) - changed,
            "changed": changed,
            "unchanged": len(rows) - len(plan.rows),
            "without_charge": trials,
            "refused": len(plan.faults),
        }
        return plan


def _read_own(reseller: str, text: str, plan: SheetPlan, *, home: str, preview: bool) -> list[ListedPrice]:
    """Costs in the columns of our own price lists, of the reseller's market: for what Microsoft has no sheet, such as legacy offers."""
    rows: list[ListedPrice] = []
    try:
        lines = price_csv.read(text)
    except price_csv.UnreadableCsv as fault:
        raise invalid("csv", "readable", str(fault)) from None
    for line in lines:
        plan.faults += [replace(fault, field=f"line {line.line}: {fault.field}") for fault in line.faults]
        if not line.faults and line.wish is not None:
            rows.append(own_cost_row(reseller, line.wish, line.price, preview=preview))
    plan.markets.add(home)
    return rows


def _read_microsofts(
    reseller: str, text: str, plan: SheetPlan, *, home: str, preview: bool
) -> tuple[list[ListedPrice], int]:
    """The costs of one of Microsoft's sheets, and how many of its rows are trials."""
    sheet: list[PriceRow] = []
    trials = 0
    for row in read_prices(text.encode()):
        if isinstance(row, UnreadableItem):
            plan.faults.append(InvalidParameter(field=row.path, rule="readable", reason=row.rule))
            continue
        wrong = unreadable_reason(row)
        if wrong is not None:
            where = f"{row.product_id}:{row.sku_id} {row.term_duration} {row.billing_plan}: {wrong[0]}"
            plan.faults.append(InvalidParameter(field=where, rule="cost", reason=wrong[1]))
            continue
        trials += row.billing_plan.lower() not in CYCLES
        plan.markets.add(row.market.upper() or home)
        sheet.append(row)
    if not sheet and not plan.faults:
        raise invalid(
            "csv",
            "readable",
            "has no row of a price sheet: neither Microsoft's columns are there nor those of the template",
        )
    return cost_rows(reseller, sheet, home=home, preview=preview), trials


def _answer(plan: SheetPlan) -> dict[str, Any]:
    return {
        **plan.counts,
        "markets": sorted(plan.markets),
        "faults": [
            {"field": fault.field, "rule": fault.rule, "reason": fault.reason}
            for fault in plan.faults[:MOST_FAULTS]
        ],
    }
