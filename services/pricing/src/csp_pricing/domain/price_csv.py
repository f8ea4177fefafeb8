"""Sales price lists as CSV: the template, what an export writes, and what an import reads, line by line."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from csp_commerce_rules.money import format_price, minor_digits
from csp_pricing.domain.rows import ListedPrice
from csp_pricing.domain.wishes import WishedRow, price_and_faults
from csp_runtime.problems import InvalidParameter

READ = (
    "product",
    "term",
    "charge_cycle",
    "segment",
    "currency",
    "unit_price",
    "valid_from",
    "valid_until",
    "preview",
)
SHOWN = ("title", "version", "formula")
"""Columns that an export adds for people; an import passes over them."""
_NEEDED = ("product", "term", "charge_cycle", "currency", "unit_price", "valid_from")
_YES_NO = {"": False, "no": False, "false": False, "0": False, "yes": True, "true": True, "1": True}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
MOST_LINES = 20_000


class UnreadableCsv(ValueError):
    """The file as a whole cannot be read. Carries the reason as its text."""

    code = "unreadable-csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLine:
    """A line of the file: its row, or what is wrong with it. `line` counts the header as 1."""

    line: int
    wish: WishedRow | None = None
    price: int = 0
    faults: list[InvalidParameter] = field(default_factory=list)


def read(text: str) -> list[ReadLine]:
    """The rows of a file in its order. Comma or semicolon; a byte order mark is passed over. Raises UnreadableCsv."""
    head = text.lstrip("\ufeff").split("\n", 1)[0]
    delimiter = ";" if head.count(";") > head.count(",") else ","
    reader = csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), delimiter=delimiter, strict=True)
    found: list[ReadLine] = []
    first_seen: dict[str, int] = {}
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        _check_header(header)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                if len(found) == MOST_LINES:
                    raise UnreadableCsv(f"has more than {MOST_LINES} rows")
                found.append(_line(reader.line_num, header, cells, first_seen))
    except csv.Error as fault:
        raise UnreadableCsv(f"line {reader.line_num}: {fault}") from None
    return found


def is_one(text: str) -> bool:
    """Whether a file's first line is the header of this format, rather than that of Microsoft's price sheets."""
    head = text.lstrip("\ufeff").split("\n", 1)[0].lower().replace(";", ",")
    return {"charge_cycle", "unit_price"} <= {name.strip().strip('"') for name in head.split(",")}


def _check_header(header: Sequence[str]) -> None:
    unknown = [name for name in header if name not in (*READ, *SHOWN)]
    missing = [name for name in _NEEDED if name not in header]
    doubled = sorted({name for name in header if header.count(name) > 1})
    for what, names in (("has unknown", unknown), ("lacks", missing), ("has doubled", doubled)):
        if names:
            raise UnreadableCsv(f"line 1: the header {what} columns: {', '.join(names)[:200]}")


def _line(number: int, header: Sequence[str], cells: Sequence[str], first_seen: dict[str, int]) -> ReadLine:
    if len(cells) != len(header):
        reason = f"has {len(cells)} cells, the header {len(header)}"
        return ReadLine(line=number, faults=[InvalidParameter(field="line", rule="cells", reason=reason)])
    given = {name: _meant(cell.strip()) for name, cell in zip(header, cells, strict=True)}
    faults = [_fault(name, "missing", "must not be empty") for name in _NEEDED if not given[name]]
    faults += [
        _fault(name, "text", "contains a NUL character") for name in READ if "\0" in given.get(name, "")
    ]
    if len(given["product"]) > 100:
        faults.append(_fault("product", "length", "has more than 100 characters"))
    valid_from, valid_until = _day(given, "valid_from", faults), _day(given, "valid_until", faults)
    preview = _YES_NO.get(given.get("preview", "").lower())
    if preview is None:
        faults.append(_fault("preview", "choice", "must be yes or no"))
    currency = given["currency"].upper()
    if currency and not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
        faults.append(_fault("currency", "format", "must be three letters"))
    if faults or valid_from is None or preview is None:
        return ReadLine(line=number, faults=faults)
    wish = WishedRow(
        product=given["product"],
        term=given["term"].upper(),
        charge_cycle=given["charge_cycle"].upper(),
        segment=given.get("segment", "").lower() or "commercial",
        currency=currency,
        unit_price=given["unit_price"],
        valid_from=valid_from,
        valid_until=valid_until,
        preview=preview,
    )
    price, faults = price_and_faults(wish)
    before = first_seen.setdefault(wish.row_id, number)
    if before != number:
        faults.append(_fault("line", "doubled", f"is the same row as line {before}"))
    return ReadLine(line=number, wish=wish, price=price, faults=faults)


def _day(given: dict[str, str], name: str, faults: list[InvalidParameter]) -> date | None:
    text = given.get(name, "")
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        faults.append(_fault(name, "date", f'must be a day such as 2026-03-31, is "{text[:40]}"'))
        return None


def _fault(name: str, rule: str, reason: str) -> InvalidParameter:
    return InvalidParameter(field=name, rule=rule, reason=reason)


def template() -> str:
    """The header alone: what an import reads."""
    return ",".join(READ) + "\r\n"


def written(pieces: Iterable[Sequence[tuple[ListedPrice, str | None]]]) -> Iterator[str]:
    """Rows with the titles of their products, a piece at a time. An import of it changes nothing."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow((*READ, *SHOWN))
    for piece in pieces:
        writer.writerows(_cells(row, title) for row, title in piece)
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


def _cells(row: ListedPrice, title: str | None) -> tuple[str, ...]:
    return (
        _harmless(row.product),
        row.term,
        row.charge_cycle,
        row.segment,
        row.currency,
        format_price(row.unit_price_micro, minor_digits(row.currency)),
        row.valid_from.isoformat(),
        "" if row.valid_until is None else row.valid_until.isoformat(),
        "yes" if row.preview else "no",
        _harmless(title or ""),
        str(row.version),
        _harmless(row.formula or ""),
    )


def _harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _meant(text: str) -> str:
    """The text as it was before it was made harmless."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text
