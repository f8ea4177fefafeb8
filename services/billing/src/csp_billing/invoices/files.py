"""A file as rows, some at a time: CSV, a JSON array, Microsoft's page of items, or JSON Lines; gzipped or not."""

import codecs
import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import IO, Any, cast

from csp_billing.invoices.faults import FileRefused

MOST_ROWS = 2_000_000
_PIECE = 1 << 18
_LONGEST_ITEM = 1 << 20
_ITEMS = re.compile(r'"items"\s*:\s*\[', re.IGNORECASE)
_COUNT = re.compile(r'"totalCount"\s*:\s*(\d{1,9})\b', re.IGNORECASE)
_NEXT = re.compile(r'"next"\s*:\s*\{', re.IGNORECASE)
_SPACE = " \t\r\n,"

Cells = Mapping[str, Any]
"""A row by its column names; values are text, or what JSON has."""


@dataclass(slots=True)
class Envelope:
    """What a file says about itself; complete once all rows were read."""

    declared_rows: int | None = None


def rows_of(file: IO[bytes], envelope: Envelope) -> Generator[Cells, None, None]:
    """The rows of a file that stands at its beginning and stays open. Raises `FileRefused`."""
    try:
        text = _text(file)
        try:
            for number, cells in enumerate(_rows(text, envelope), start=1):
                if number > MOST_ROWS:
                    raise FileRefused("size", f"has more than {MOST_ROWS} rows")
                yield cells
        finally:
            text.detach()
    except UnicodeDecodeError:
        raise FileRefused("encoding", "must be UTF-8, or UTF-16 with its byte order mark") from None
    except (gzip.BadGzipFile, zlib.error, EOFError):
        raise FileRefused("gzip", "is damaged, or was cut off") from None


def _rows(text: IO[str], envelope: Envelope) -> Iterator[Cells]:
    first = text.read(1)
    while first and first.isspace():
        first = text.read(1)
    if not first:
        raise FileRefused("empty", "has nothing in it")
    match first:
        case "[":
            return _items(text, first, envelope)
        case "{":
            line = first + text.readline(_LONGEST_ITEM)
            return _items(text, line, envelope) if _is_page(line) else _json_lines(text, line)
        case _:
            return _csv_rows(text, first)


def _text(file: IO[bytes]) -> io.TextIOWrapper:
    head = file.read(4)
    file.seek(0)
    if head[:2] == b"PK":
        raise FileRefused("zip", "is a ZIP archive; unpack it, or compress with gzip")
    binary = cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if head[:2] == b"\x1f\x8b" else file
    if binary is not file:
        head = binary.read(4)
        binary.seek(0)
    utf16 = head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    return io.TextIOWrapper(binary, encoding="utf-16" if utf16 else "utf-8-sig", newline="")


def _csv_rows(text: IO[str], first: str) -> Iterator[Cells]:
    header = first + text.readline(_LONGEST_ITEM)
    delimiter = max(",;\t", key=header.count)
    try:
        columns = [name.strip() for name in next(csv.reader([header], delimiter=delimiter))]
    except csv.Error:
        raise FileRefused("csv", "the header cannot be read") from None
    doubled = {name for name in columns if columns.count(name) > 1}
    if doubled or not all(columns):
        raise FileRefused("columns", "a column stands twice or has no name", column=min(doubled, default=""))
    reader, number = csv.reader(_lines(text), delimiter=delimiter, strict=True), 0
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise FileRefused("csv", "has a quote that does not end", row=number + 1) from None
        if not any(cells):
            continue
        number += 1
        if len(cells) != len(columns):
            reason = f"has {len(cells)} cells, the header {len(columns)}"
            raise FileRefused("cells", reason, row=number)
        yield dict(zip(columns, cells, strict=True))


def _lines(text: IO[str]) -> Iterator[str]:
    """Lines of a bearable length: memory must not depend on the file."""
    while line := text.readline(_LONGEST_ITEM):
        if len(line) >= _LONGEST_ITEM:
            raise FileRefused("size", "has a line of more than a million characters")
        yield line


def _is_page(line: str) -> bool:
    """Whether an object that begins here holds the rows, and is not the first of them."""
    try:
        whole = _DECODER.decode(line)
    except ValueError:
        return True
    return isinstance(whole, dict) and any(
        name.lower() == "items" and isinstance(value, list) for name, value in whole.items()
    )


def _json_lines(text: IO[str], first: str) -> Iterator[Cells]:
    number, line = 0, first
    while line:
        if line.strip():
            number += 1
            yield _object(line, number)
        line = text.readline(_LONGEST_ITEM)


def _object(line: str, number: int) -> Cells:
    try:
        found = _DECODER.decode(line)
    except ValueError:
        raise FileRefused("json", "is not JSON", row=number) from None
    return _row(found, number)


def _row(found: Any, number: int) -> Cells:
    if not isinstance(found, dict):
        raise FileRefused("json", "must be an object", row=number)
    return found


def _items(text: IO[str], head: str, envelope: Envelope) -> Iterator[Cells]:
    """The objects of an array, decoded one by one; what stands around the array is searched for the count."""
    buffer, at = head, 1
    if head[0] == "{":
        while (begin := _ITEMS.search(buffer)) is None:
            piece = text.read(_PIECE)
            if not piece or len(buffer) > _LONGEST_ITEM:
                raise FileRefused("json", "is an object without `items`")
            buffer += piece
        _about(buffer[: begin.end()], envelope)
        at = begin.end()
    number = 0
    while True:
        while at < len(buffer) and buffer[at] in _SPACE:
            at += 1
        if at < len(buffer) and buffer[at] == "]":
            break
        try:
            found, at = _DECODER.raw_decode(buffer, at)
        except ValueError:
            piece = text.read(_PIECE)
            if not piece or len(buffer) - at > _LONGEST_ITEM:
                raise FileRefused("json", "is not JSON", row=number + 1) from None
            buffer, at = buffer[at:] + piece, 0
            continue
        number += 1
        yield _row(found, number)
        if at > _PIECE:
            buffer, at = buffer[at:], 0
    _about(buffer[at:] + text.read(_LONGEST_ITEM), envelope)


def _about(around: str, envelope: Envelope) -> None:
    if (count := _COUNT.search(around)) is not None:
        envelope.declared_rows = int(count[1])
    if _NEXT.search(around):
        raise FileRefused(
            "page", "is one page of several (it has a next link); give all of them, or the export"
        )


def _no_constant(_: str) -> Any:
    raise ValueError("not a number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise FileRefused("json", "has an object in which a name stands twice")
    return found


_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_once)
