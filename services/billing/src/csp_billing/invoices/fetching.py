"""Fetches invoices from Partner Center: new commerce by Graph's export, legacy and what has no export by its paged lines.

Lines go to disk as they come and are then taken as a file is: whole or not at all, held against the invoice's own total.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import IO, Any
from uuid import uuid5

import msgspec
import psycopg

from csp_billing.invoices.faults import FileRefused
from csp_billing.invoices.taking import Declared, take
from csp_billing.ports import Books
from csp_contracts.ids import NAMESPACE
from csp_partner_center.answers import RequestIds
from csp_partner_center.billing_export import ExportFailed, ExportStatus
from csp_partner_center.client import PartnerCenter, Reseller
from csp_partner_center.errors import Forbidden, NotDone, NotFound, OutcomeUnknown, PartnerCenterError
from csp_partner_center.invoices import DocumentType, Invoice
from csp_partner_center.paging import UnreadableItem
from csp_runtime.clock import Clock
from csp_runtime.logs import logger
from csp_runtime.problems import Problem
from csp_runtime.rounds import each_apart_async, whenever_woken
from csp_runtime.wakeups import Wakeups

CHANNEL = "billing_fetch"
POLL_SECONDS = 5.0
log = logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """An invoice that somebody asked for."""

    fetch_id: str
    reseller: str
    invoice_id: str
    adjustment: str | None
    operation_id: str | None
    asked_by: str


class NotFetched(Exception):
    """Why an invoice cannot be had, for people."""


def ask(
    connection: psycopg.Connection,
    fetch_id: str,
    invoice_id: str,
    adjustment: str | None,
    *,
    reseller: str,
    actor: str,
    now: datetime,
) -> None:
    """Ask for an invoice, in the caller's transaction."""
    connection.execute(
        "insert into invoice_fetches (fetch_id, reseller_id, invoice_id, adjustment, asked_at, asked_by) "
        "values (%s, %s, %s, %s, %s, %s) on conflict (fetch_id) do nothing",
        [fetch_id, reseller, invoice_id, adjustment, now, actor],
    )
    connection.execute(f"notify {CHANNEL}")


class FetchWorker:
    """Asks Microsoft for what was asked of us; what it was at when it stopped, it goes on with."""

    def __init__(self, client: PartnerCenter, books: Books, wakeups: Wakeups, clock: Clock) -> None:
        self._client = client
        self._books = books
        self._wakeups = wakeups
        self._clock = clock

    async def run(self) -> None:
        """Run until cancelled."""
        await whenever_woken(self.once, self._wakeups, CHANNEL, POLL_SECONDS)

    async def once(self) -> None:
        """Do what can be done now for every invoice that was asked for."""
        await each_apart_async(await self._books.run(_open_fetches), self._try)

    async def _try(self, fetch: Fetch) -> None:
        try:
            await self._advance(fetch)
        except (NotDone, OutcomeUnknown) as fault:
            log.warning("fetch.waits", invoice=fetch.invoice_id, code=fault.code)
        except (PartnerCenterError, NotFetched, FileRefused, Problem) as fault:
            reason = fault.code if isinstance(fault, PartnerCenterError) else str(fault)
            await self._books.run(lambda connection: self._failed(connection, fetch, reason))

    async def _advance(self, fetch: Fetch) -> None:
        partner = self._client.as_reseller(fetch.reseller)
        invoice = await _invoice(partner, fetch.invoice_id)
        with tempfile.TemporaryFile() as file:
            if invoice.id.upper().startswith("G"):
                if not await self._exported(partner, fetch, invoice, file):
                    return
            else:
                await _write(file, _legacy_lines(partner, invoice.id))
            file.seek(0)
            await self._books.run(lambda connection: self._take(connection, fetch, invoice, file))

    async def _exported(self, partner: Reseller, fetch: Fetch, invoice: Invoice, file: IO[bytes]) -> bool:
        """Whether the lines are in the file; where Microsoft has no export of them, they come by pages (PC 10.2)."""
        try:
            if fetch.operation_id is None:
                # A name of the attempt that stays: asking again after a crash is the same request.
                wish = uuid5(NAMESPACE, fetch.fetch_id)
                ids = RequestIds(request_id=wish, correlation_id=wish)
                operation_id = await partner.billing_export.start_billed(invoice.id, ids)
                await self._books.run(lambda connection: _exporting(connection, fetch, operation_id))
                return False
            operation = await partner.billing_export.operation(fetch.operation_id)
            if operation.status != ExportStatus.SUCCEEDED:
                return False
            manifest = await partner.billing_export.manifest(operation)
            await _write(file, partner.billing_export.lines(manifest))
        except (ExportFailed, Forbidden, NotFound) as fault:
            log.info("fetch.by-pages", invoice=invoice.id, code=fault.code)
            file.seek(0)
            file.truncate()
            await _write(file, _modern_lines(partner, invoice.id))
        return True

    def _take(self, connection: psycopg.Connection, fetch: Fetch, invoice: Invoice, file: IO[bytes]) -> None:
        now = self._clock.now()
        begins, ends = invoice.billing_period_start_date, invoice.billing_period_end_date
        declared = Declared(
            name=invoice.id,
            source="partner_center",
            invoice=invoice.id,
            total=invoice.total_charges,
            adjustment=Decimal(fetch.adjustment or "0"),
            from_on=None if begins is None else begins.date(),
            until_on=None if ends is None else ends.date(),
        )
        with connection.transaction():
            import_id, _ = take(
                connection, file, declared, reseller=fetch.reseller, actor=fetch.asked_by, now=now
            )
            connection.execute(
                "update invoice_fetches set state = 'done', import_id = %s, ended_at = %s "
                "where reseller_id = %s and fetch_id = %s",
                [import_id, now, fetch.reseller, fetch.fetch_id],
            )

    def _failed(self, connection: psycopg.Connection, fetch: Fetch, reason: str) -> None:
        log.warning("fetch.failed", invoice=fetch.invoice_id)
        connection.execute(
            "update invoice_fetches set state = 'failed', fault = %s, ended_at = %s where reseller_id = %s and fetch_id = %s",
            [reason, self._clock.now(), fetch.reseller, fetch.fetch_id],
        )


async def _invoice(partner: Reseller, wanted: str) -> Invoice:
    """The invoice by its id; the list needs no signed-in person, a single one would (PC 10.2)."""
    async for page in partner.invoices.pages():
        for each in page.items:
            if each.id.upper() == wanted.upper():
                if each.document_type == DocumentType.VOID_NOTE:
                    raise NotFetched("the invoice is void; fetch the one that replaced it")
                return each
    raise NotFetched("Partner Center has no such invoice")


async def _modern_lines(partner: Reseller, invoice_id: str) -> AsyncIterator[Any]:
    async for page in partner.invoices.lines(invoice_id):
        for line in [*page.items, *page.unreadable]:
            yield line


async def _legacy_lines(partner: Reseller, invoice_id: str) -> AsyncIterator[Any]:
    async for page in partner.invoices.legacy_lines(invoice_id):
        for line in [*page.items, *page.unreadable]:
            yield line


async def _write(file: IO[bytes], lines: AsyncIterator[Any]) -> None:
    """Lines as JSON Lines, with all their members and numbers as they came."""
    number = 0
    async for line in lines:
        number += 1
        if isinstance(line, UnreadableItem):
            raise FileRefused(line.rule, "cannot be read", row=number, column=line.path)
        file.write(msgspec.json.encode(line.raw) + b"\n")
        if number % 500 == 0:
            await asyncio.sleep(0)


def _open_fetches(connection: psycopg.Connection) -> list[Fetch]:
    rows = connection.execute(
        "select fetch_id, reseller_id, invoice_id, adjustment, operation_id, asked_by from invoice_fetches "
        "where state in ('asked', 'exporting') order by asked_at"
    )
    return [
        Fetch(
            fetch_id=row[0],
            reseller=row[1],
            invoice_id=row[2],
            adjustment=row[3],
            operation_id=row[4],
            asked_by=row[5],
        )
        for row in rows
    ]


def _exporting(connection: psycopg.Connection, fetch: Fetch, operation_id: str) -> None:
    connection.execute(
        "update invoice_fetches set state = 'exporting', operation_id = %s where reseller_id = %s and fetch_id = %s",
        [operation_id, fetch.reseller, fetch.fetch_id],
    )


def fetch_json(connection: psycopg.Connection, reseller: str, fetch_id: str) -> dict[str, Any] | None:
    """How far a fetch is; None where there is none."""
    row = connection.execute(
        "select fetch_id, invoice_id, state, import_id, fault, asked_at, ended_at from invoice_fetches "
        "where reseller_id = %s and fetch_id = %s",
        [reseller, fetch_id],
    ).fetchone()
    if row is None:
        return None
    return {
        "id": row[0],
        "invoice_id": row[1],
        "status": row[2],
        "import_id": row[3],
        "fault": row[4],
        "asked_at": row[5].isoformat(),
        "ended_at": None if row[6] is None else row[6].isoformat(),
    }
