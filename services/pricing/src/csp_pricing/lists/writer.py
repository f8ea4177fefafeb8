"""Writes versions of rows of a sales price list, with their events and the answer of the command, in one transaction."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from csp_contracts.envelope import Recorded
from csp_contracts.pricing_v1 import PriceListRow, PriceListRowChanged, PriceListRowsChanged
from csp_pricing.domain.rows import ListedPrice
from csp_pricing.domain.streams import price_list_id
from csp_pricing.ports import Made, PriceLists, RowStatements
from csp_runtime.clock import Clock
from csp_runtime.commands import Decision, carry_out, command_meta
from csp_runtime.http import Command
from csp_runtime.problems import stale
from csp_runtime.scope import Scope
from csp_runtime.store import EventStore

ROWS_AN_EVENT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ListChange:
    """The rows a command comes to, and what it answers beside the list's id and version.

    `source` None: each row is an event of its own; else they go together, in as few events as their size allows.
    """

    rows: Sequence[ListedPrice]
    answer: dict[str, Any]
    source: str | None = None


class ListWriter:
    """All writing to sales lists goes through here."""

    def __init__(
        self, *, store: EventStore, lists: PriceLists, statements: RowStatements, clock: Clock
    ) -> None:
        self._store = store
        self._lists = lists
        self._statements = statements
        self._clock = clock

    async def write(
        self,
        scope: Scope,
        customer_id: str | None,
        command: Command,
        decide: Callable[[str], Awaitable[ListChange]],
        *,
        expected: int | None = None,
    ) -> dict[str, Any]:
        """Carry out what `decide` says for the list of this id; it is asked again where the list moved on meanwhile.

        With `expected` the list must still have that version: else a `Problem` (412) with the present one.
        """
        list_id = price_list_id(scope.reseller, customer_id)
        now = self._clock.now()
        made = Made(at=now, by=scope.actor, reason=command.reason)

        async def decision() -> Decision:
            version = await self._lists.version(scope, list_id)
            if expected is not None and expected != version:
                raise stale("price list", version, ["rules"])
            change = await decide(list_id)
            meta = command_meta(scope, command, now, partition_key=scope.reseller, customer=customer_id)
            events = [
                Recorded(stream=list_id, version=version + number, data=data, meta=meta)
                for number, data in enumerate(_events(list_id, customer_id, change), start=1)
            ]
            after = version + len(events)
            also = [
                self._statements.keep_list(scope.reseller, customer_id, list_id, after, before=version),
                self._statements.insert_prices(scope.reseller, change.rows, made),
            ]
            answer = {"id": list_id, "version": after, **change.answer}
            return Decision(events=events, answer=answer, also=also if events else ())

        return await carry_out(self._store, command, now, decision)


def _events(list_id: str, customer_id: str | None, change: ListChange) -> list[Any]:
    if change.source is None:
        return [_changed(row) for row in change.rows]
    pieces = [
        change.rows[first : first + ROWS_AN_EVENT] for first in range(0, len(change.rows), ROWS_AN_EVENT)
    ]
    return [
        PriceListRowsChanged(
            price_list_id=list_id,
            source=change.source,
            part=number,
            parts=len(pieces),
            rows=[_row(row) for row in piece],
            customer_id=customer_id,
        )
        for number, piece in enumerate(pieces, start=1)
    ]


def _changed(row: ListedPrice) -> PriceListRowChanged:
    return PriceListRowChanged(
        price_list_id=row.price_list_id,
        row_id=row.row_id,
        row_version=row.version,
        ledger=row.ledger,
        product=row.product,
        term=row.term,
        charge_cycle=row.charge_cycle,
        segment=row.segment,
        currency=row.currency,
        valid_from=row.valid_from,
        unit_price_micro=row.unit_price_micro,
        customer_id=row.customer_id,
        valid_until=row.valid_until,
        preview=row.preview,
        formula=row.formula,
    )


def _row(row: ListedPrice) -> PriceListRow:
    return PriceListRow(
        row_id=row.row_id,
        row_version=row.version,
        product=row.product,
        term=row.term,
        charge_cycle=row.charge_cycle,
        segment=row.segment,
        currency=row.currency,
        valid_from=row.valid_from,
        unit_price_micro=row.unit_price_micro,
        valid_until=row.valid_until,
        preview=row.preview,
        formula=row.formula,
    )
