"""`csp billing match`: an invoice of Microsoft's from a file, taken in and matched here and now, without a token."""

from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import psycopg
import typer

from csp_billing import service as billing
from csp_billing.invoices.faults import FileRefused
from csp_billing.invoices.matcher import match_import
from csp_billing.invoices.shown import import_json, matches_json
from csp_billing.invoices.taking import Declared, take
from csp_cli.operator import problem_text
from csp_runtime.problems import Problem

_SHOWN = 50


def match_file(
    connection: psycopg.Connection,
    file: Path,
    *,
    reseller: str,
    moment: datetime,
    total: str | None,
    adjustment: str,
    invoice: str | None,
) -> int:
    """Take a file in and match it; what came of it is printed. Exit status: 0 all explained, 1 to be decided, 2 refused."""
    try:
        declared = Declared(
            name=file.name,
            invoice=invoice,
            total=None if total is None else Decimal(total),
            adjustment=Decimal(adjustment),
        )
    except InvalidOperation:
        typer.echo("csp billing match: --total and --adjustment are amounts such as 1234.56", err=True)
        return 2
    try:
        with file.open("rb") as opened, connection.transaction():
            import_id, known = take(
                connection, opened, declared, reseller=reseller, actor="operator", now=moment
            )
    except OSError as fault:
        typer.echo(f"csp billing match: {file}: {fault.strerror}", err=True)
        return 2
    except FileRefused as refused:
        typer.echo(f"csp billing match: refused, nothing was taken: {refused}", err=True)
        return 2
    except Problem as problem:
        typer.echo(f"csp billing match: {problem_text(problem)}", err=True)
        return 2
    typer.echo(f"{import_id}{' (was taken before)' if known else ''}")
    match_import(connection, billing.SCHEMA, import_id, reseller, lambda: moment)
    return _show(connection, reseller, import_id)


def _show(connection: psycopg.Connection, reseller: str, import_id: str) -> int:
    found = import_json(connection, reseller, import_id)
    if found is None or found["ours"] is None:
        typer.echo("another process is matching it; ask again")
        return 1
    currency = found["microsoft"]["currency"]
    typer.echo(
        f"{found['row_count']} rows of {found['period']['from']} to {found['period']['until']}: Microsoft "
        f"{found['microsoft']['amount']}, ours {found['ours']['amount']}, difference {found['difference']['amount']} {currency}"
    )
    for each in found["reasons"]:
        typer.echo(
            f"  {each['reason']:<34} {each['matches']:>7}  {each['difference']['amount']:>14} {currency}"
            + (f"  {each['undecided']} to be decided" if each["undecided"] else "")
        )
    waiting = matches_json(
        connection,
        reseller,
        import_id,
        reason=None,
        customer_id=None,
        subscription_id=None,
        undecided=True,
        after=0,
        limit=_SHOWN,
    )
    for match in waiting:
        rows = ",".join(str(row["number"]) for row in match["rows"]) or "none"
        typer.echo(
            f"  {match['id']} {match['reason']} rows {rows} {match['subscription_id'] or '-'} "
            f"{match['customer_id'] or 'unallocated'} {match['difference']['amount']}"
        )
    if found["undecided"] > _SHOWN:
        typer.echo(f"  … and {found['undecided'] - _SHOWN} more")
    return 1 if found["undecided"] else 0


File = Annotated[Path, typer.Argument(help="CSV, JSON or JSON Lines, gzipped or not")]
Total = Annotated[str | None, typer.Option(help="The invoice's total with tax: the rows must add up to it.")]
Adjustment = Annotated[str, typer.Option(help="What the invoice has beside its lines, for example -12.50.")]
Invoice = Annotated[str | None, typer.Option(help="Microsoft's invoice, where the rows do not say it.")]
