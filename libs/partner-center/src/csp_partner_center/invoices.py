"""Microsoft's invoices and their lines, legacy and New Commerce (PC 10.2-10.5)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from csp_partner_center.answers import Answer
from csp_partner_center.calls import Access, Call, path
from csp_partner_center.invoice_lines import (
    DailyRatedUsageLine,
    LegacyLicenceLine,
    LegacyUsageLine,
    NewCommerceLine,
)
from csp_partner_center.paging import Page, everything, offset, seek
from csp_partner_center.reading import OpenEnum, wire
from csp_partner_center.session import Session

# PC 10.2: thousands of lines take minutes.
_LONG = 600.0
_LINES_A_PAGE = 2000


class InvoiceType(OpenEnum):
    """`D…` ids are recurring (legacy), `G…` ids one-time (New Commerce)."""

    RECURRING = "recurring"
    ONE_TIME = "one_time"


class DocumentType(OpenEnum):
    """A void note and the invoice that replaces it both carry lines."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"
    ADJUSTMENT_NOTE = "adjustment_note"
    VOID_NOTE = "void_note"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceDetail:
    """Which kinds of lines there are."""

    invoice_line_item_type: str | None = None
    billing_provider: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """A later document about the same invoice."""

    id: str
    invoice_date: datetime | None = None
    total_charges: Decimal | None = None
    document_type: DocumentType | None = None
    amends_of: str | None = None
    invoice_type: InvoiceType | None = None
    currency_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """Amounts in the currency's units, as decimals; `total_charges` may be negative."""

    id: str
    invoice_date: datetime | None = None
    billing_period_start_date: datetime | None = None
    billing_period_end_date: datetime | None = None
    total_charges: Decimal | None = None
    paid_amount: Decimal | None = None
    currency_code: str | None = None
    invoice_type: InvoiceType | None = None
    document_type: DocumentType | None = None
    amends_of: str | None = None
    amendments: list[Amendment] = field(default_factory=list)
    invoice_details: list[InvoiceDetail] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What is owed."""

    balance_amount: Decimal | None = None
    currency_code: str | None = None
    accounting_date: datetime | None = None
    first_invoice_creation_date: datetime | None = None
    last_payment_date: datetime | None = None
    last_payment_amount: Decimal | None = None
    latest_invoice_date: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateLink:
    """Where the unbilled lines of a period are."""

    type: str | None = None
    title: str | None = None
    period: str | None = None
    link: dict[str, Any] | None = field(default=None, metadata=wire("link"))


class Invoices:
    """Lists and lines are app-only, the rest app+user."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def pages(self, *, size: int = 200, start: int = 0) -> AsyncIterator[Page[Invoice]]:
        """All invoices, by offset."""
        call = Call(operation="invoices.list", method="GET", path="/invoices")
        return offset(self._session, Invoice, call, size=size, start=start)

    async def get(self, invoice_id: str) -> Answer[Invoice]:
        """One invoice. Links prefix the id (`Recurring-`, `OneTime-`); both forms are accepted (PC 2.3)."""
        return await self._session.ask(
            Invoice,
            Call(
                operation="invoices.get",
                method="GET",
                path=path("invoices", invoice_id),
                access=Access.APP_USER,
            ),
        )

    async def balances(self) -> list[Balance]:
        """What is owed, per currency."""
        call = Call(
            operation="invoices.summaries", method="GET", path="/invoices/summaries", access=Access.APP_USER
        )
        return (await everything(self._session, Balance, call)).items

    async def statement(self, invoice_id: str) -> bytes:
        """The invoice as PDF."""
        call = Call(
            operation="invoices.documents.statement.get",
            method="GET",
            path=path("invoices", invoice_id, "documents", "statement"),
            accept="application/pdf",
            access=Access.APP_USER,
        )
        return (await self._session.send(call)).body

    async def estimate_links(self, currency: str) -> list[EstimateLink]:
        """Where unbilled lines are; none for legacy."""
        call = Call(
            operation="invoices.estimates.links",
            method="GET",
            path="/invoices/estimates/links",
            query=(("currencycode", currency),),
        )
        return (await everything(self._session, EstimateLink, call)).items

    def legacy_lines(self, invoice_id: str, *, start: int = 0) -> AsyncIterator[Page[LegacyLicenceLine]]:
        """The licence lines of a `D…` invoice."""
        return offset(
            self._session,
            LegacyLicenceLine,
            self._lines(invoice_id, "office", "billinglineitems"),
            size=_LINES_A_PAGE,
            start=start,
        )

    def legacy_usage(self, invoice_id: str, *, start: int = 0) -> AsyncIterator[Page[LegacyUsageLine]]:
        """The Azure lines of a `D…` invoice."""
        return offset(
            self._session,
            LegacyUsageLine,
            self._lines(invoice_id, "azure", "billinglineitems"),
            size=_LINES_A_PAGE,
            start=start,
        )

    def lines(
        self, invoice_id: str, *, continuation: str | None = None
    ) -> AsyncIterator[Page[NewCommerceLine]]:
        """The lines of a `G…` invoice. Frozen by Microsoft since April 2025: a fallback for the export (PC 10.2)."""
        call = self._lines(invoice_id, "onetime", "billinglineitems", size=_LINES_A_PAGE)
        return seek(self._session, NewCommerceLine, call, continuation=continuation)

    def usage(
        self, invoice_id: str, *, continuation: str | None = None
    ) -> AsyncIterator[Page[DailyRatedUsageLine]]:
        """The daily rated usage of a `G…` invoice."""
        call = self._lines(invoice_id, "onetime", "usagelineitems", size=_LINES_A_PAGE)
        return seek(self._session, DailyRatedUsageLine, call, continuation=continuation)

    def unbilled_lines(
        self, currency: str, period: str = "current", *, continuation: str | None = None
    ) -> AsyncIterator[Page[NewCommerceLine]]:
        """What is not on an invoice yet: `current` or `previous` period; up to seven days late."""
        call = Call(
            operation="invoices.unbilled.lineitems.list",
            method="GET",
            path="/invoices/unbilled/lineitems",
            query=(
                ("provider", "onetime"),
                ("invoicelineitemtype", "billinglineitems"),
                ("currencycode", currency),
                ("period", period),
                ("size", str(_LINES_A_PAGE)),
            ),
            deadline=_LONG,
        )
        return seek(self._session, NewCommerceLine, call, continuation=continuation)

    def _lines(self, invoice_id: str, provider: str, kind: str, size: int | None = None) -> Call:
        query = [("provider", provider), ("invoicelineitemtype", kind)]
        if size is not None:
            query.append(("size", str(size)))
        return Call(
            operation="invoices.lineitems.list",
            method="GET",
            path=path("invoices", invoice_id, "lineitems"),
            query=tuple(query),
            deadline=_LONG,
        )
