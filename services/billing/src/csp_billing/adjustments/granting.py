"""Grants a credit or a charge by hand: event, row, and the fact in the log of record, in one transaction.

The inbox is billing's own log of record; what billing decides itself is written there at once instead of being read back
from its own public log, so that the very next preview and close know it.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from csp_billing.adapters.ledger_reader import LedgerReader
from csp_billing.domain.delta import Posting
from csp_billing.invoices.candidates import newest_lines
from csp_billing.invoices.taking import totals_text
from csp_billing.ports import line_id_of, report_key
from csp_billing.projections import INBOX_LOCK
from csp_billing.settling.posting import Subject
from csp_billing.settling.was_billed import Was
from csp_commerce_rules.money import NotADecimal, minor_digits, parse_decimal
from csp_contracts.billing_v1 import ManualAdjustmentGranted
from csp_contracts.codec import encode_event, encode_meta
from csp_contracts.envelope import Meta, Recorded
from csp_runtime.bulk_append import append_in
from csp_runtime.problems import Problem, invalid, not_found

_BEGINNING = date(2000, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants to grant: below zero a credit, above it a charge; `line_id` only for a credit."""

    subscription_id: str
    amount: str
    currency: str
    text: str
    line_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The line that a credit belongs to; `open_minor` was open of it (R4.5)."""

    line_id: str
    line_key: str
    from_on: date
    open_minor: int


def grant(
    connection: psycopg.Connection,
    schema: str,
    adjustment_id: str,
    wish: Wish,
    link: Link | None,
    meta: Meta,
) -> None:
    """Grant it in the caller's transaction.

    Raises `Problem`: `not-found`, `validation`, `tenant-not-linked`.
    """
    subject = subject_of(connection, meta.reseller, wish)
    data = ManualAdjustmentGranted(
        adjustment_id=adjustment_id,
        subscription_id=subject.subscription_id,
        currency=subject.currency,
        amount_minor=amount_of(wish, subject),
        text=wish.text,
        line_id=None if link is None else link.line_id,
        line_key=None if link is None else link.line_key,
        line_from_on=None if link is None else link.from_on,
        line_open_minor=None if link is None else link.open_minor,
    )
    whose = replace(meta, customer=subject.customer_id, partition_key=subject.customer_id)
    event = Recorded(stream=adjustment_id, version=1, data=data, meta=whose)
    append_in(connection, schema, [event])
    _keep(connection, event, subject)


def subject_of(connection: psycopg.Connection, reseller: str, wish: Wish) -> Subject:
    """The subscription. Raises `Problem` where it is unknown, has no customer yet, or is billed in another currency."""
    subject = LedgerReader(connection, reseller, 2**62).subject(wish.subscription_id)
    if subject is None:
        raise not_found("subscription")
    if subject.customer_id is None:
        raise Problem("tenant-not-linked", "The subscription's tenant is not linked to a customer yet")
    if wish.currency != subject.currency:
        raise invalid("amount.currency", "currency", f"the subscription is billed in {subject.currency}")
    return subject


def amount_of(wish: Wish, subject: Subject) -> int:
    """The amount in minor units. Raises `Problem`."""
    try:
        amount = parse_decimal(wish.amount, minor_digits(subject.currency))
    except NotADecimal as fault:
        raise invalid("amount.amount", "decimal", str(fault)) from None
    if amount == 0:
        raise invalid("amount.amount", "not-zero", "must be below zero for a credit, above it for a charge")
    return amount


def find_link(connection: psycopg.Connection, reseller: str, wish: Wish, line_id: str, today: date) -> Link:
    """The line that a credit belongs to, outside any transaction: it is looked for in the open reports, too.

    Raises `Problem`: `validation`, and `credit-exceeds-line` where less is open of it.
    """
    subject = subject_of(connection, reseller, wish)
    amount = amount_of(wish, subject)
    if amount > 0:
        raise invalid("line_id", "credit", "only a credit (amount below zero) can belong to a line")
    lines = newest_lines(
        connection,
        reseller=reseller,
        ledger="sell",
        customers=[subject.customer_id],
        subscriptions=[subject.subscription_id],
        currency=subject.currency,
        issued_since=_BEGINNING,
        last=today,
        today=today,
    ).get(subject.subscription_id, {})
    found = next((key for key, was in lines.items() if _id_of(reseller, subject, was) == line_id), None)
    line = None if found is None else lines[found].issued.line
    if found is None or line is None or line.amount is None:
        raise invalid("line_id", "known", "is no line of this subscription's reports")
    if line.amount <= 0 or line.posted > today.toordinal():
        raise invalid("line_id", "charge", "is no charge that was made; only such a line can be credited")
    still_open = line.amount + sum(
        each.amount or 0
        for each in (was.issued.line for was in lines.values())
        if each is not None and each.reverses == found
    )
    if -amount > still_open:
        raise Problem(
            "credit-exceeds-line",
            "The credit is more than what is open of the line",
            extra={"line_id": line_id, "open": totals_text(still_open, subject.currency)},
        )
    return Link(
        line_id=line_id,
        line_key=str(found),
        from_on=date.fromordinal(line.start),
        open_minor=still_open,
    )


def _id_of(reseller: str, subject: Subject, was: Was) -> str | None:
    if was.issued.line is None:
        return None
    key = report_key(reseller, was.customer_id, "sell", subject.currency, _BEGINNING, _BEGINNING)
    return line_id_of(key, Posting(was.issued.line, was.issued.revision, late=False))


def _keep(connection: psycopg.Connection, event: Recorded[ManualAdjustmentGranted], subject: Subject) -> None:
    data, meta = event.data, event.meta
    wire_name, encoded = encode_event(data)
    connection.execute("select pg_advisory_xact_lock_shared(%s)", [INBOX_LOCK])
    connection.execute(
        "insert into inbox (reseller_id, subscription_id, stream, version, type, data, meta) values (%s, %s, %s, %s, %s, %s, %s)",
        [
            meta.reseller,
            data.subscription_id,
            event.stream,
            event.version,
            wire_name,
            encoded,
            encode_meta(meta),
        ],
    )
    connection.execute(
        "update subscriptions set settled = false where reseller_id = %s and subscription_id = %s and settled",
        [meta.reseller, data.subscription_id],
    )
    connection.execute(
        "insert into adjustments (adjustment_id, reseller_id, customer_id, subscription_id, currency, amount_minor, text, "
        "line_id, granted_at, granted_by) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            data.adjustment_id,
            meta.reseller,
            subject.customer_id,
            data.subscription_id,
            data.currency,
            data.amount_minor,
            data.text,
            data.line_id,
            meta.recorded_at,
            meta.actor,
        ],
    )


def adjustments_json(
    connection: psycopg.Connection,
    reseller: str,
    *,
    customer_id: str | None,
    subscription_id: str | None,
    adjustment_id: str | None = None,
    after: tuple[datetime, str] | None = None,
    limit: int = 1,
) -> list[dict[str, Any]]:
    """Adjustments, newest first, behind a moment and id."""
    moment, last = after or (None, None)
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            "select * from adjustments where reseller_id = %(reseller)s "
            "and (%(customer)s::text is null or customer_id = %(customer)s) "
            "and (%(subscription)s::text is null or subscription_id = %(subscription)s) "
            "and (%(id)s::text is null or adjustment_id = %(id)s) "
            "and (%(at)s::timestamptz is null or (granted_at, adjustment_id) < (%(at)s, %(last)s)) "
            "order by granted_at desc, adjustment_id desc limit %(limit)s",
            {
                "reseller": reseller,
                "customer": customer_id,
                "subscription": subscription_id,
                "id": adjustment_id,
                "at": moment,
                "last": last,
                "limit": limit,
            },
        )
        return [
            {
                "id": row["adjustment_id"],
                "customer_id": row["customer_id"],
                "subscription_id": row["subscription_id"],
                "amount": totals_text(row["amount_minor"], row["currency"]),
                "text": row["text"],
                "line_id": row["line_id"],
                "granted_at": row["granted_at"].isoformat(),
                "granted_by": row["granted_by"],
            }
            for row in cursor
        ]
