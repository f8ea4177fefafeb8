"""A report as CSV, straight from the text its lines are stored as: nothing is built for a line but its row.

Fields follow RFC 4180. `from` and `to` are the first and the last service day, both inclusive (R2.2). Text that a spreadsheet would take for a formula gets an apostrophe before it.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import lru_cache

from csp_billing.domain.explain import told
from csp_billing.domain.taxes import LineTaxes
from csp_billing.ports import Report
from csp_billing.settling.line_rows import plain
from csp_commerce_rules.money import format_decimal, format_price, minor_digits

Texts = Iterable[Sequence[str]]
"""The lines of a report as rows of `line_text`, some at a time."""

COLUMNS = (
    "report",
    "customer",
    "dated_on",
    "posted_on",
    "subscription_id",
    "title",
    "kind",
    "reason",
    "from",
    "to",
    "quantity",
    "unit_price",
    "amount",
    "currency",
    "tax_percent",
    "tax",
    "late",
    "why",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NULL = "\\N"


def csv_rows(report: Report, pieces: Texts, taxes: LineTaxes) -> Iterator[str]:
    """The report as CSV, a piece at a time; tax columns are empty where the report is not taxed."""
    key = report.key
    digits = minor_digits(key.currency)
    head = f"{key.report_id},{_cell(report.customer_name)},{key.until_on.isoformat()}"
    yield ",".join(COLUMNS) + "\r\n"
    for piece in pieces:
        yield "".join([_row(head, key.currency, digits, text, taxes) for text in piece])


def canonical_rows(pieces: Texts) -> Iterator[str]:
    """The very bytes that the hash of an issued report is over: each row of `line_text`, ended by a line feed."""
    for piece in pieces:
        yield "".join([f"{text}\n" for text in piece])


def _row(head: str, currency: str, digits: int, text: str, taxes: LineTaxes) -> str:
    field = text.split("\t")
    tax = taxes.get(int(field[0])) if taxes else None
    taxed = "," if tax is None else f"{tax.percent},{format_decimal(tax.minor, digits)}"
    price = None if field[15] == _NULL else _price(field[15], digits)
    late = field[27] == "t"
    last = _day_before(field[13])
    why = told(
        kind=field[4],
        reason=field[5],
        rule=field[21],
        quantity=field[14],
        price=price,
        first=field[12],
        last=last,
        days=field[17],
        of_days=field[18],
        promotion=None if field[19] == "0" else _amount(field[19].lstrip("-"), digits),
        undoes=field[26] == "t",
        late=late,
        note=field[20] if field[4] == "adjustment" else "",
    )
    return (
        f"{head},{field[10]},{field[1]},{_title(field[2])},{field[4]},{field[5]},{field[12]},{last},{field[14]},"
        f'{price or ""},{_amount(field[16], digits)},{currency},{taxed},{"yes" if late else "no"},"{why}"\r\n'
    )


def _amount(minor: str, digits: int) -> str:
    """Minor units as decimal text. Most amounts are long enough to put the point between two parts of them."""
    if digits and len(minor) > digits + 1:
        return f"{minor[:-digits]}.{minor[-digits:]}"
    return format_decimal(int(minor), digits)


@lru_cache(maxsize=4096)
def _price(micro: str, digits: int) -> str:
    return format_price(int(micro), digits)


@lru_cache(maxsize=4096)
def _day_before(day: str) -> str:
    return date.fromordinal(date.fromisoformat(day).toordinal() - 1).isoformat()


@lru_cache(maxsize=4096)
def _title(escaped: str) -> str:
    return _cell(plain(escaped))


def _cell(text: str) -> str:
    if text.startswith(_FORMULA):
        text = f"'{text}"
    if any(sign in text for sign in ',"\r\n'):
        quoted = text.replace('"', '""')
        return f'"{quoted}"'
    return text
