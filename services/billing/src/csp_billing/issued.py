"""Lines as they are stored with an issued report, and the bytes that its hash is over."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, cast

from csp_billing.domain.delta import Issued, Posting
from csp_billing.domain.lines import Kind, Line, LineKey, Reason
from csp_billing.reports import ShownLine, Was

ENGINE = "1"
"""The version of the engine that computed a report (R9.2)."""


def row_of(shown: ShownLine, position: int) -> dict[str, Any]:
    """A line as a row, its columns in the order of the table; days as ISO dates."""
    posting, line = shown.posting, shown.posting.line
    reverses = line.reverses
    return {
        "position": position,
        "line_id": shown.line_id,
        "subscription_id": line.subscription,
        "title": shown.title,
        "product": line.product,
        "kind": line.kind,
        "reason": line.reason,
        "cycle": line.key.cycle,
        "role": line.key.role,
        "cause": line.key.cause,
        "revision": posting.revision,
        "posted_on": date.fromordinal(line.posted).isoformat(),
        "from_on": date.fromordinal(line.start).isoformat(),
        "until_on": date.fromordinal(line.end).isoformat(),
        "quantity": line.quantity,
        "unit_price_micro": line.unit_price,
        "amount_minor": line.amount,
        "days": line.days,
        "of_days": line.of_days,
        "discount_minor": line.discount,
        "price_ref": line.price_ref,
        "rule": line.rule,
        "caused_by": list(line.caused_by),
        "reverses_cycle": None if reverses is None else reverses.cycle,
        "reverses_role": None if reverses is None else reverses.role,
        "reverses_cause": None if reverses is None else reverses.cause,
        "is_reversal": posting.undoes is not None,
        "late": posting.late,
    }


def rows_of(lines: Sequence[ShownLine]) -> list[dict[str, Any]]:
    """The rows of a report, numbered from 1 in report order."""
    return [row_of(shown, number) for number, shown in enumerate(lines, start=1)]


def digest(rows: Iterable[Mapping[str, Any]]) -> str:
    """SHA-256 over the canonical bytes: each row as a compact JSON array in column order, ended by a line feed."""
    hashed = hashlib.sha256()
    for row in rows:
        text = json.dumps(list(row.values()), ensure_ascii=False, separators=(",", ":"))
        hashed.update(text.encode() + b"\n")
    return hashed.hexdigest()


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
    return ShownLine(line_id=row["line_id"], title=row["title"], posting=posting)


def remember(known: dict[LineKey, Was], shown: ShownLine, customer_id: str) -> None:
    """Take an issued line into what is known of its subscription. Revisions come in order, a reversal after its line.

    A rewrite of a key stays with the customer to whom the key was first issued.
    """
    posting = shown.posting
    key = posting.undoes or posting.line.key
    line = None if posting.undoes is not None else posting.line
    before = known.get(key)
    owner = customer_id if before is None else before.customer_id
    known[key] = Was(Issued(line, posting.revision), owner)
