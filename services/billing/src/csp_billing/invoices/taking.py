"""Takes an invoice in: whole or not at all, in one transaction, and the same file only once."""

import hashlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any

import psycopg

from csp_billing.closing.cycles import close_days
from csp_billing.domain.matching import WITHOUT_LINE
from csp_billing.invoices.faults import FileRefused
from csp_billing.invoices.files import Envelope, rows_of
from csp_billing.invoices.rows import InvoiceRow, RowReader, as_text
from csp_billing.invoices.windows import window
from csp_commerce_rules.money import format_decimal, minor_digits
from csp_contracts.ids import Kind, named_id
from csp_runtime.problems import Problem

CHANNEL = "billing_match"
_ROWS_COLUMNS = (
    "import_id, row_number, reseller_id, subscription_ref, subscription_id, tenant_id, title, charge_type, charge_class, "
    "from_on, until_on, quantity, amount_minor, tax_minor, reference, promotion, exchanged, unmapped"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What is said about a file beside it. `total` is with tax; `adjustment` stands on the invoice without a line.

    `from_on` and `until_on`, given together, are the days that the invoice covers, the last one included.
    """

    name: str
    source: str = "file"
    invoice: str | None = None
    total: Decimal | None = None
    adjustment: Decimal = Decimal(0)
    rows: int | None = None
    from_on: date | None = None
    until_on: date | None = None


def digest_of(file: IO[bytes]) -> str:
    """SHA-256 of a file, which is put back to its beginning."""
    digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # any readable binary file
    file.seek(0)
    return digest


def take(
    connection: psycopg.Connection,
    file: IO[bytes],
    declared: Declared,
    *,
    reseller: str,
    actor: str,
    now: datetime,
) -> tuple[str, bool]:
    """Take a file in the caller's transaction; its import, and whether it was taken before (then nothing is done).

    Raises `FileRefused`, and `Problem` `invoice-imported` for an invoice that was taken from another file.
    """
    digest = digest_of(file)
    connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 14))", [f"{reseller}/{digest}"])
    known = connection.execute(
        "select import_id from invoice_imports where reseller_id = %s and sha256 = %s and state <> 'discarded'",
        [reseller, digest],
    ).fetchone()
    if known is not None:
        return known[0], True
    row = connection.execute(
        "select count(*) from invoice_imports where reseller_id = %s and sha256 = %s", [reseller, digest]
    ).fetchone()
    import_id = named_id(Kind.INVOICE_IMPORT, reseller, f"{digest}/{0 if row is None else row[0]}")
    reader, envelope = RowReader(), Envelope()
    with closing(rows_of(file, envelope)) as cells:
        _copy(connection, import_id, reseller, reader.rows(cells))
    _hold(reader, envelope, declared)
    digits = minor_digits(reader.currency)
    adjustment = _minor(declared.adjustment, digits, "adjustment")
    first, end = _days(connection, reader, declared, reseller)
    if adjustment:
        _copy(connection, import_id, reseller, iter([_without_line(adjustment, end)]))
    invoice = declared.invoice or reader.invoice or None
    _insert(
        connection,
        {
            "import_id": import_id,
            "reseller_id": reseller,
            "sha256": digest,
            "name": declared.name[:200],
            "source": declared.source,
            "format": reader.format.name,
            "invoice_id": invoice,
            "currency": reader.currency,
            "from_on": first,
            "until_on": end,
            "row_count": reader.totals.rows,
            "unmapped_count": reader.totals.unmapped,
            "net_minor": _stored_net(connection, reseller, import_id),
            "tax_minor": int(reader.totals.tax.scaleb(digits).to_integral_value("ROUND_HALF_UP")),
            "declared_minor": None if declared.total is None else _minor(declared.total, digits, "total"),
            "adjustment_minor": adjustment,
            "imported_at": now,
            "imported_by": actor,
        },
    )
    connection.execute(f"notify {CHANNEL}")
    return import_id, False


def _hold(reader: RowReader, envelope: Envelope, declared: Declared) -> None:
    """Hold the file against everything that is said about it. Raises `FileRefused`."""
    found, totals = reader.format, reader.totals
    for said, where in ((envelope.declared_rows, "totalCount"), (declared.rows, "declared rows")):
        if said is not None and said != totals.rows:
            raise FileRefused("row-count", f"has {totals.rows} rows, {where} says {said}")
    if declared.invoice is not None and reader.invoice and declared.invoice.lower() != reader.invoice.lower():
        raise FileRefused("one-invoice", "is of another invoice than was said", row=1, column="InvoiceNumber")
    if declared.total is not None:
        unit = Decimal(1).scaleb(-minor_digits(reader.currency))
        whole = (totals.net + totals.tax + declared.adjustment).quantize(unit, "ROUND_HALF_UP")
        if whole != declared.total:
            raise FileRefused(
                "total",
                f"adds up to {whole} with tax, declared are {declared.total} {reader.currency}; if the invoice has an "
                f"adjustment without a line, declare it: {declared.total - whole}",
                column=found.amount,
            )


def _minor(amount: Decimal, digits: int, what: str) -> int:
    minor = amount.scaleb(digits)
    if minor != minor.to_integral_value():
        raise FileRefused("decimals", f"the declared {what} has more than {digits} decimals")
    return int(minor)


def _days(
    connection: psycopg.Connection, reader: RowReader, declared: Declared, reseller: str
) -> tuple[date, date]:
    if declared.from_on is None or declared.until_on is None:
        return window(reader.format.name, reader.totals.days, close_days(connection, reseller))
    return declared.from_on, date.fromordinal(declared.until_on.toordinal() + 1)


def _without_line(adjustment: int, end: date) -> InvoiceRow:
    last = date.fromordinal(end.toordinal() - 1)
    return InvoiceRow(
        number=0,
        subscription_ref="",
        tenant_ref="",
        title="",
        charge_type=WITHOUT_LINE,
        charge_class="credit",
        start=last,
        end=end,
        quantity=0,
        amount=adjustment,
        tax=0,
    )


def _copy(connection: psycopg.Connection, import_id: str, reseller: str, rows: Iterator[InvoiceRow]) -> None:
    names: dict[tuple[Kind, str], str] = {}

    def named(kind: Kind, ref: str) -> str:
        if not ref:
            return ""
        known = names.get((kind, ref))
        if known is None:
            known = names[kind, ref] = named_id(kind, reseller, ref)
            if len(names) > 50_000:
                names.clear()
        return known

    # Nothing may be read or written beside a COPY: rows are parsed while they are sent.
    with connection.cursor().copy(f"copy invoice_rows_stored ({_ROWS_COLUMNS}) from stdin") as copy:
        for row in rows:
            copy.write_row(
                (
                    import_id,
                    row.number,
                    reseller,
                    row.subscription_ref,
                    named(Kind.SUBSCRIPTION, row.subscription_ref),
                    named(Kind.TENANT, row.tenant_ref),
                    row.title,
                    row.charge_type,
                    row.charge_class,
                    row.start,
                    row.end,
                    row.quantity,
                    row.amount,
                    row.tax,
                    row.reference,
                    row.promotion,
                    row.exchanged,
                    as_text(row.unmapped),
                )
            )


def _stored_net(connection: psycopg.Connection, reseller: str, import_id: str) -> int:
    row = connection.execute(
        "select coalesce(sum(amount_minor), 0)::bigint from invoice_rows where reseller_id = %s and import_id = %s",
        [reseller, import_id],
    ).fetchone()
    return 0 if row is None else int(row[0])


def _insert(connection: psycopg.Connection, values: dict[str, Any]) -> None:
    columns = ", ".join(values)
    places = ", ".join(f"%({name})s" for name in values)
    try:
        with connection.transaction():
            connection.execute(f"insert into invoice_imports ({columns}) values ({places})", values)
    except psycopg.errors.UniqueViolation as conflict:
        if conflict.diag.constraint_name != "invoice_imports_invoice":
            raise
        known = connection.execute(
            "select import_id from invoice_imports where reseller_id = %s and invoice_id = %s and state <> 'discarded'",
            [values["reseller_id"], values["invoice_id"]],
        ).fetchone()
        raise Problem(
            "invoice-imported",
            "This invoice was imported from another file; discard that import first",
            extra={"import_id": None if known is None else known[0], "invoice_id": values["invoice_id"]},
        ) from None


def totals_text(net_minor: int, currency: str) -> dict[str, str]:
    """An amount as the API shows it."""
    return {"amount": format_decimal(net_minor, minor_digits(currency)), "currency": currency}
