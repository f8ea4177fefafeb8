"""Lines as they are stored with a report, and the bytes that its hash is over: PostgreSQL's text format of their columns."""

import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any, cast

from csp_billing.domain.delta import Posting
from csp_billing.domain.lines import Kind, Line, LineKey, Reason
from csp_billing.domain.plain import Step
from csp_billing.ports import ShownLine

ENGINE = "2"
"""The version of the engine that computed a report (R9.2)."""

COLUMNS = (
    "position, subscription_id, title, product, kind, reason, cycle, role, cause, revision, posted_on, due_on, from_on, "
    "until_on, quantity, unit_price_micro, amount_minor, days, of_days, discount_minor, price_ref, rule, caused_by, "
    "reverses_cycle, reverses_role, reverses_cause, is_reversal, late"
)
"""The columns of a line, in the order of the table and of `line_text`; those of its report stand before them."""


def line_text(posting: Posting, title: str, position: int, due: int) -> str:
    """A line as one row of COPY's text format, without its end: fields between tabs, `\\N` for none, days as ISO dates.

    The SHA-256 of a report is over these rows, each ended by a line feed, in report order.
    """
    return f"{position}\t{text_behind_position(posting, title, due)}"


def text_behind_position(posting: Posting, title: str, due: int) -> str:
    """The row of a line whose place in the report is not known yet."""
    (
        (
            (cycle, role, cause),
            subscription,
            product,
            kind,
            reason,
            posted,
            start,
            end,
            quantity,
            price,
            amount,
            days,
            of_days,
            discount,
            price_ref,
            rule,
            caused_by,
            reverses,
        ),
        revision,
        late,
        undoes,
    ) = posting
    undone = (
        _UNDONE_NOTHING
        if reverses is None
        else f"{reverses.cycle}\t{_text(reverses.role)}\t{_text(reverses.cause)}"
    )
    if not _is_plain(f"{title}{product}{role}{cause}{price_ref}"):
        title, product, role, cause, price_ref = map(_text, (title, product, role, cause, price_ref))
    on = _iso(posted)
    return (
        f"{subscription}\t{title}\t{product}\t{kind}\t{reason}\t{cycle}\t{role}\t{cause}\t{revision}\t"
        f"{on}\t{on if due == posted else _iso(due)}\t{on if start == posted else _iso(start)}\t{_iso(end)}\t"
        f"{quantity}\t{_NULL if price is None else price}\t{amount}\t{days}\t{of_days}\t{discount}\t{price_ref}\t{rule}\t"
        f"{_array(caused_by)}\t{undone}\t{'f' if undoes is None else 't'}\t{'t' if late else 'f'}"
    )


def fee_days_text(step: Step) -> tuple[str, str]:
    """What a calendar decides of the row of a cycle fee: the fields before its quantity, and its days."""
    cycle, start, end = step
    on, days = _iso(start), end - start
    before = f"cycle_fee\tcycle\t{cycle}\tfee\tcycle:{cycle}\t1\t{on}\t{on}\t{on}\t{_iso(end)}"
    return before, f"{days}\t{days}"


def fee_text(
    subscription: str,
    title: str,
    product: str,
    days_text: tuple[str, str],
    quantity: str,
    unit_price: str,
    fee: str,
    discount: str,
    price_ref: str,
    cause: str,
) -> str:
    """What `text_behind_position` gives for a cycle fee of `advance`, of texts that need no escape: most lines of a close."""
    before, days = days_text
    return (
        f"{subscription}\t{_title_text(title)}\t{product}\t{before}\t{quantity}\t{unit_price}\t{fee}\t{days}\t{discount}\t"
        f"{price_ref}\tR4.1\t{{{cause}}}\t{_UNDONE_NOTHING}\tf\tf"
    )


def is_bare(element: str) -> bool:
    """Whether COPY writes a text as the only element of an array without quotes and escapes. Ids of facts are."""
    return _SAFE.fullmatch(element) is not None and (
        len(element) != len(_NO_TEXT) or element.upper() != _NO_TEXT
    )


def shown_of(row: Mapping[str, Any]) -> ShownLine:
    """The line of a stored row: exactly the one it was made of."""
    reverses = None
    if row["reverses_role"] is not None:
        reverses = LineKey(row["reverses_cycle"], row["reverses_role"], row["reverses_cause"])
    line = Line(
        key=LineKey(row["cycle"], row["role"], row["cause"]),
        subscription=row["subscription_id"],
        product=row["product"],
        kind=cast(Kind, row["kind"]),
        reason=cast(Reason, row["reason"]),
        posted=row["posted_on"].toordinal(),
        start=row["from_on"].toordinal(),
        end=row["until_on"].toordinal(),
        quantity=row["quantity"],
        unit_price=row["unit_price_micro"],
        amount=row["amount_minor"],
        days=row["days"],
        of_days=row["of_days"],
        discount=row["discount_minor"],
        price_ref=row["price_ref"],
        rule=row["rule"],
        caused_by=tuple(row["caused_by"]),
        reverses=reverses,
    )
    undoes = reverses if row["is_reversal"] else None
    posting = Posting(line, row["revision"], late=row["late"], undoes=undoes)
    return ShownLine(title=row["title"], posting=posting, due=row["due_on"].toordinal())


def shown_of_text(row: str) -> ShownLine:
    """The line of one row of COPY's text format, as `line_text` wrote it."""
    (
        _,
        subscription,
        title,
        product,
        kind,
        reason,
        cycle,
        role,
        cause,
        revision,
        posted,
        due,
        start,
        end,
        quantity,
        price,
        amount,
        days,
        of_days,
        discount,
        price_ref,
        rule,
        caused_by,
        reverses_cycle,
        reverses_role,
        reverses_cause,
        is_reversal,
        late,
    ) = row.split("\t")
    reverses = None
    if reverses_role != _NULL:
        reverses = LineKey(int(reverses_cycle), plain(reverses_role), plain(reverses_cause))
    line = Line(
        LineKey(int(cycle), plain(role), plain(cause)),
        subscription,
        plain(product),
        cast(Kind, kind),
        cast(Reason, reason),
        _ordinal(posted),
        _ordinal(start),
        _ordinal(end),
        int(quantity),
        None if price == _NULL else int(price),
        int(amount),
        int(days),
        int(of_days),
        int(discount),
        plain(price_ref),
        rule,
        _values(caused_by),
        reverses,
    )
    undoes = reverses if is_reversal == "t" else None
    return ShownLine(Posting(line, int(revision), late == "t", undoes), plain(title), _ordinal(due))


_NULL = "\\N"
_UNDONE_NOTHING = "\\N\t\\N\t\\N"


@lru_cache(maxsize=8192)
def _ordinal(day: str) -> int:
    return date.fromisoformat(day).toordinal()


@lru_cache(maxsize=8192)
def _iso(day: int) -> str:
    return date.fromordinal(day).isoformat()


def _text(text: str) -> str:
    """Text as COPY writes it: a backslash and the control characters that it names are escaped."""
    return text if _is_plain(text) else text.translate(_ESCAPES)


_title_text = lru_cache(maxsize=1024)(_text)


def _is_plain(text: str) -> bool:
    """Whether there is nothing to escape; other signs that nobody prints do no harm."""
    return text.isprintable() and "\\" not in text


def _array(values: tuple[str, ...]) -> str:
    """A PostgreSQL array as COPY writes it: elements are quoted only where they must be. Ids of facts never are."""
    if len(values) == 1 and is_bare(values[0]):
        return f"{{{values[0]}}}"
    return ("{" + ",".join(map(_element, values)) + "}").translate(_ESCAPES)


def _element(value: str) -> str:
    if _BARE.fullmatch(value) and value.upper() != _NO_TEXT:
        return value
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}"'


_NO_TEXT = "NULL"
_SAFE = re.compile(r"[\w:./-]+", re.ASCII)
_BARE = re.compile(r'[^\s{},"\\]+', re.ASCII)
_MEANT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ESCAPES = str.maketrans({"\\": "\\\\", **{sign: f"\\{name}" for name, sign in _MEANT.items()}})
_ESCAPED = re.compile(r"\\(.)")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"|([^,{}]+)')


def plain(text: str) -> str:
    """What a text means that COPY has escaped."""
    if "\\" not in text:
        return text
    return _ESCAPED.sub(lambda found: _MEANT.get(found[1], found[1]), text)


def _values(array: str) -> tuple[str, ...]:
    """The texts of a PostgreSQL array in COPY's text."""
    if '"' not in array and "," not in array and "\\" not in array:
        return (array[1:-1],) if len(array) > 2 else ()
    found = _QUOTED.findall(plain(array))
    return tuple(_ESCAPED.sub(r"\1", quoted) if quoted or not bare else bare for quoted, bare in found)
