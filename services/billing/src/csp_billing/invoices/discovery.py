"""Looks once a day which invoices of Microsoft's are new, for resellers whose setting `invoice_import` is `automatic`.

Not by the webhook `invoice-ready`: it comes for new commerce alone (PC 10.1), and an event that was missed is a month lost.
"""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime
from functools import partial
from typing import Any

import psycopg

from csp_billing.invoices.fetching import ask
from csp_billing.ports import Books
from csp_contracts.ids import Kind, named_id
from csp_partner_center.client import PartnerCenter
from csp_partner_center.errors import PartnerCenterError
from csp_partner_center.invoices import DocumentType, Invoice
from csp_runtime.clock import Clock
from csp_runtime.logs import logger
from csp_runtime.rounds import each_apart_async, for_ever

POLL_SECONDS = 30.0
ACTOR = "service:billing"
log = logger(__name__)


class InvoiceDiscovery:
    """Asks for each invoice once: what was imported, is being fetched or was discarded by a person stays so.

    A fetch that failed is asked for anew on the next day.
    """

    def __init__(self, client: PartnerCenter, books: Books, clock: Clock) -> None:
        self._client = client
        self._books = books
        self._clock = clock

    async def run(self) -> None:
        """Run until cancelled."""
        await for_ever(self.once, lambda: asyncio.sleep(POLL_SECONDS))

    async def once(self) -> None:
        """Look for every reseller that was not looked at today (UTC)."""
        today = self._clock.now().date()
        await each_apart_async(
            await self._books.run(lambda connection: _due(connection, today)), self._look_for
        )

    async def _look_for(self, of: tuple[str, date]) -> None:
        reseller, since = of
        try:
            wanted = [
                invoice.id
                async for page in self._client.as_reseller(reseller).invoices.pages()
                for invoice in page.items
                if _counts(invoice, since)
            ]
        except PartnerCenterError as fault:
            log.warning("discovery.waits", reseller=reseller, code=fault.code)
            return
        await self._books.run(partial(_ask_new, reseller=reseller, wanted=wanted, now=self._clock.now()))


def _counts(invoice: Invoice, since: date) -> bool:
    """Whether an invoice is of days that we bill; of an amended one its successor is."""
    ends = invoice.billing_period_end_date or invoice.invoice_date
    return invoice.document_type != DocumentType.VOID_NOTE and ends is not None and ends.date() >= since


def _due(connection: psycopg.Connection, today: date) -> list[tuple[str, date]]:
    """Resellers to look for, each with the first day that it bills."""
    rows = connection.execute(
        "select b.reseller_id, b.since from (select reseller_id, min(bills_from) as since from subscriptions group by 1) b "
        "left join invoice_looks l on l.reseller_id = b.reseller_id where b.since is not null "
        "and (l.looked_on is null or l.looked_on < %(today)s) and 'automatic' = (select s.value from reseller_settings s "
        "where s.reseller_id = b.reseller_id and s.setting = 'invoice_import' and s.effective_on <= %(today)s "
        "order by s.effective_on desc, s.stream_version desc limit 1) order by 1",
        {"today": today},
    )
    return [(row[0], row[1]) for row in rows]


def _ask_new(connection: psycopg.Connection, *, reseller: str, wanted: Sequence[str], now: datetime) -> None:
    """Ask for those that nobody has asked for, and remember the day, together."""
    today = now.date()
    with connection.transaction():
        looked: Any = connection.execute(
            "insert into invoice_looks (reseller_id, looked_on) values (%(reseller)s, %(today)s) "
            "on conflict (reseller_id) do update set looked_on = excluded.looked_on "
            "where invoice_looks.looked_on < %(today)s returning 1",
            {"reseller": reseller, "today": today},
        ).fetchone()
        if looked is None:
            return  # another process was here
        known = connection.execute(
            "select invoice_id from invoice_imports where reseller_id = %(reseller)s and invoice_id = any(%(wanted)s) "
            "union select invoice_id from invoice_fetches where reseller_id = %(reseller)s "
            "and invoice_id = any(%(wanted)s) and state <> 'failed'",
            {"reseller": reseller, "wanted": list(wanted)},
        )
        new = set(wanted) - {row[0] for row in known}
        for invoice_id in sorted(new):
            fetch_id = named_id(Kind.INVOICE_FETCH, reseller, f"{invoice_id}/{today.isoformat()}")
            ask(connection, fetch_id, invoice_id, None, reseller=reseller, actor=ACTOR, now=now)
    if new:
        log.info("discovery.asked", reseller=reseller, invoices=len(new))
