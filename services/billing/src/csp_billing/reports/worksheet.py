"""A report as an Excel workbook: typed cells, a header that stays in sight, a total that the sheet sums itself."""

import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import IO, Any

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from csp_billing.domain.taxes import LineTaxes
from csp_billing.ports import Report
from csp_billing.reports.csv_export import COLUMNS
from csp_billing.reports.views import Pieces, rows
from csp_commerce_rules.money import format_decimal, minor_digits

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_DATES = frozenset({"dated_on", "posted_on", "from", "to"})
_NUMBERS = frozenset({"quantity", "unit_price", "amount", "tax_percent", "tax"})
_PIECE = 64 * 1024
_WIDTHS = {"report": 34, "customer": 28, "subscription_id": 34, "title": 40, "why": 80}


def workbook(report: Report, pieces: Pieces, taxes: LineTaxes) -> Iterator[bytes]:
    """The workbook's bytes in pieces. Memory stays constant: rows go to disk as they are written."""
    with tempfile.TemporaryFile() as file:
        _write(report, pieces, taxes, file)
        file.seek(0)
        while piece := file.read(_PIECE):
            yield piece


def _write(report: Report, pieces: Pieces, taxes: LineTaxes, file: IO[bytes]) -> None:
    book = Workbook(file, {"constant_memory": True})
    created = datetime.combine(report.key.until_on, time(), UTC).replace(tzinfo=None)
    book.set_properties({"title": report.seal.number if report.seal else "Open report", "created": created})
    digits = minor_digits(report.key.currency)
    money = "#,##0" + ("." + "0" * digits if digits else "")
    bold = book.add_format({"bold": True})
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    amount = book.add_format({"num_format": money})
    price = book.add_format({"num_format": f"{money}####" if digits else "#,##0.######"})
    total = book.add_format({"num_format": money, "bold": True})
    sheet = book.add_worksheet(f"{report.key.until_on.isoformat()} {report.key.ledger}")
    for column, name in enumerate(COLUMNS):
        sheet.set_column(column, column, _WIDTHS.get(name, 14))
    sheet.freeze_panes(1, 0)
    sheet.write_row(0, 0, [name.replace("_", " ") for name in COLUMNS], bold)
    formats = {"amount": amount, "unit_price": price, "tax": amount}
    last = 0
    for last, row in enumerate(rows(report, pieces, taxes), start=1):
        for column, (name, value) in enumerate(zip(COLUMNS, row, strict=True)):
            _cell(sheet, last, column, name, value, day, formats.get(name))
    if last:
        sheet.autofilter(0, 0, last, len(COLUMNS) - 1)
    sheet.write_string(last + 1, 0, "Total", bold)
    for name, sum_minor in (("amount", report.net), ("tax", report.tax)):
        at = COLUMNS.index(name)
        letter = chr(ord("A") + at)
        formula = f"=SUM({letter}2:{letter}{last + 1})" if last else "=0"
        sheet.write_formula(last + 1, at, formula, total, format_decimal(sum_minor, digits))
    sheet.write_string(last + 1, COLUMNS.index("currency"), report.key.currency, bold)
    book.close()


def _cell(
    sheet: Worksheet, row: int, column: int, name: str, value: Any, day: Format, number: Format | None
) -> None:
    """A cell of its type; text is always text, so no sheet takes it for a formula."""
    if value == "":
        return
    if name in _DATES:
        sheet.write_datetime(row, column, date.fromisoformat(value), day)
    elif name in _NUMBERS:
        sheet.write_number(row, column, Decimal(value), number)
    elif name == "late":
        sheet.write_boolean(row, column, value == "yes")
    else:
        sheet.write_string(row, column, str(value))
