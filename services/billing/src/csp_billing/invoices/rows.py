"""A row of Microsoft's as we keep it, and the checks that a file must pass before anything of it is taken."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from csp_billing.invoices.cells import (
    EARLIEST,
    LATEST,
    MOST,
    day,
    day_after,
    number,
    storable,
    text_of,
    whole_number,
)
from csp_billing.invoices.faults import FileRefused
from csp_billing.invoices.formats import UNMAPPED, Format, class_of, format_of
from csp_commerce_rules.money import minor_digits
from csp_partner_center.reading import fold

_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_LONGEST = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRow:
    """One row; amounts in minor units before tax, days `[start, end)`. `charge_type` is the raw text."""

    number: int
    subscription_ref: str
    tenant_ref: str
    title: str
    charge_type: str
    charge_class: str
    start: date
    end: date
    quantity: int
    amount: int
    tax: int
    reference: str = ""
    promotion: bool = False
    exchanged: bool = False
    unmapped: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Totals:
    """What a file adds up to, exactly; amounts in units of the currency."""

    rows: int = 0
    unmapped: int = 0
    net: Decimal = Decimal(0)
    tax: Decimal = Decimal(0)
    days: Counter[date] = field(default_factory=Counter)


class RowReader:
    """Turns cells into rows and keeps count. One reader for one file."""

    def __init__(self) -> None:
        self.totals = Totals()
        self.currency = ""
        self.invoice = ""
        self._format: Format | None = None
        self._columns: tuple[str, ...] = ()
        self._index: dict[str, str] = {}
        self._strange: list[str] = []
        self._digits = 2
        self._carry = Decimal(0)

    @property
    def format(self) -> Format:
        """The form of the file; there must have been a row."""
        if self._format is None:
            raise FileRefused("empty", "has no rows")
        return self._format

    def rows(self, cells: Iterator[Mapping[str, Any]]) -> Iterator[InvoiceRow]:
        """The rows, each checked. Raises `FileRefused` at the first that breaks a rule."""
        for each in cells:
            self.totals.rows += 1
            yield self._row(each, self.totals.rows)

    def _row(self, cells: Mapping[str, Any], at: int) -> InvoiceRow:
        self._look_at(cells, at)
        form = self.format
        charge_type = self._text(cells, "ChargeType")[:_LONGEST]
        charge_class = "usage" if form.name == "usage" else class_of(charge_type)
        amount, tax = self._amounts(cells, at)
        start = self._day(cells, form.starts, at) or self._day(cells, "OrderDate", at)
        last = self._day(cells, form.ends, at) or start
        if start is None or last is None:
            raise FileRefused("date", "is missing, and there is no OrderDate", row=at, column=form.starts)
        if not EARLIEST <= start <= LATEST:
            raise FileRefused("date", f"must lie between {EARLIEST} and {LATEST}", row=at, column=form.starts)
        if last < start:
            raise FileRefused("date-order", "is before the start", row=at, column=form.ends)
        quantity = self._quantity(cells, at)
        unmapped = {name: cells[name] for name in self._strange if cells.get(name) not in (None, "", [], {})}
        if charge_class == UNMAPPED or unmapped:
            self.totals.unmapped += 1
        self.totals.days[start.replace(day=1) if form.name != "legacy" else start] += 1
        return InvoiceRow(
            number=at,
            subscription_ref=self._text(cells, form.subscription).lower()[:_LONGEST],
            tenant_ref=self._text(cells, "CustomerId").lower().removeprefix("org:")[:_LONGEST],
            title=next((title for name in form.titles if (title := self._text(cells, name))), "")[:_LONGEST],
            charge_type=charge_type,
            charge_class=charge_class,
            start=start,
            end=day_after(last),
            quantity=quantity,
            amount=amount,
            tax=tax,
            reference=self._text(cells, "ReferenceId")[:_LONGEST],
            promotion=bool(self._text(cells, "PromotionId"))
            or self._number(cells, "TotalOtherDiscount", at) != 0,
            exchanged=self._is_exchanged(cells, at),
            unmapped=unmapped,
        )

    def _look_at(self, cells: Mapping[str, Any], at: int) -> None:
        """Learn the columns, which JSON may vary from row to row; hold currency and invoice to one."""
        columns = tuple(cells)
        if columns != self._columns:
            found = format_of(columns) if self._format is None else self._format
            index = {fold(name): name for name in columns}
            if len(index) < len(columns):
                self._refuse_doubled(columns, index, found, at)
            missing = [name for name in found.needed if fold(name) not in index]
            if missing:
                raise FileRefused("columns", "is missing", row=at, column=missing[0])
            self._format, self._columns, self._index = found, columns, index
            self._strange = [name for name in columns if fold(name) not in found.known]
        form = self.format
        currency = self._text(cells, form.currency).upper()
        if not self.currency:
            if not _CURRENCY.fullmatch(currency):
                raise FileRefused(
                    "currency", "must be an ISO 4217 code such as EUR", row=at, column=form.currency
                )
            self.currency, self._digits = currency, minor_digits(currency)
        elif currency != self.currency:
            raise FileRefused(
                "one-currency",
                f"differs from {self.currency} of the rows before",
                row=at,
                column=form.currency,
            )
        invoice = self._text(cells, "InvoiceNumber")[:_LONGEST]
        if at == 1:
            self.invoice = invoice
        elif invoice != self.invoice:
            raise FileRefused(
                "one-invoice",
                "differs from the rows before; give a file for each invoice",
                row=at,
                column="InvoiceNumber",
            )

    @staticmethod
    def _refuse_doubled(columns: tuple[str, ...], index: Mapping[str, str], form: Format, at: int) -> None:
        """Two columns with one name but for case and separators: which of them counts is not for us to guess."""
        for name in columns:
            if index[fold(name)] != name and fold(name) in form.known:
                raise FileRefused("columns", "stands twice, in other letters", row=at, column=name)

    def _amounts(self, cells: Mapping[str, Any], at: int) -> tuple[int, int]:
        """Net and tax in minor units, once what the row says of itself adds up."""
        form = self.format
        net = self._number(cells, form.amount, at)
        if form.name == "legacy" and self._has(cells, "Subtotal"):
            subtotal = self._number(cells, "Subtotal", at)
            discount = self._number(cells, "TotalOtherDiscount", at)
            if subtotal not in (net - discount, net + discount):
                raise FileRefused(
                    "adds-up", "is not Amount less TotalOtherDiscount", row=at, column="Subtotal"
                )
            net = subtotal
        tax_column = next((name for name in form.tax if self._has(cells, name)), None)
        tax = Decimal(0) if tax_column is None else self._number(cells, tax_column, at)
        total_column = next((name for name in form.total if self._has(cells, name)), None)
        if total_column is not None:
            total = self._number(cells, total_column, at)
            # Some unbilled lines have a total of 0 beside a real subtotal (partner-center-api 10.4).
            if total not in (net + tax, 0):
                raise FileRefused(
                    "adds-up", f"is not {form.amount} and tax together", row=at, column=total_column
                )
        self.totals.net += net
        self.totals.tax += tax
        if (
            max(abs(self.totals.net), abs(self.totals.tax)) >= 1000 * MOST
        ):  # 64 bits hold the sum at three decimals
            raise FileRefused("range", "makes the sum of the file impossible", row=at, column=form.amount)
        return self._minor(net), self._minor(tax)

    def _minor(self, value: Decimal) -> int:
        """Minor units. What lies below them, as with usage, is carried to the next such row: the sum is the rounded sum."""
        exact = value.scaleb(self._digits)
        whole = exact.to_integral_value("ROUND_DOWN")
        if exact == whole:
            return int(whole)
        rounded = (exact + self._carry).to_integral_value("ROUND_HALF_UP")
        self._carry += exact - rounded
        return int(rounded)

    def _quantity(self, cells: Mapping[str, Any], at: int) -> int:
        name = "BillableQuantity" if self._has(cells, "BillableQuantity") else "Quantity"
        return abs(whole_number(self._number(cells, name, at)) or 0)

    def _is_exchanged(self, cells: Mapping[str, Any], at: int) -> bool:
        pricing = self._text(cells, "PricingCurrency").upper()
        return bool(pricing) and (
            pricing != self.currency or self._number(cells, "PCToBCExchangeRate", at) not in (0, 1)
        )

    def _has(self, cells: Mapping[str, Any], column: str) -> bool:
        name = self._index.get(fold(column))
        return name is not None and cells.get(name) not in (None, "")

    def _text(self, cells: Mapping[str, Any], column: str) -> str:
        name = self._index.get(fold(column))
        return "" if name is None else text_of(cells.get(name))

    def _number(self, cells: Mapping[str, Any], column: str, at: int) -> Decimal:
        name = self._index.get(fold(column))
        return Decimal(0) if name is None else number(cells.get(name), at, name)

    def _day(self, cells: Mapping[str, Any], column: str, at: int) -> date | None:
        name = self._index.get(fold(column))
        return None if name is None else day(cells.get(name), at, name)


def as_text(unmapped: Mapping[str, Any]) -> str:
    """What we have no column for, as JSON."""
    return storable(json.dumps(unmapped, default=str, ensure_ascii=False)) if unmapped else ""
