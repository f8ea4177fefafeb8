"""`csp billing`: report cycles for operators, without a token: what is open, closing one, and proof that closes were right."""

import sys
from datetime import datetime
from typing import Annotated

import psycopg
import typer

from csp_billing import service as billing
from csp_billing.closing.commands import begin_close
from csp_billing.closing.cycles import open_cycles
from csp_billing.closing.issuing import finish, issue_written
from csp_billing.closing.pool import ShardPool, usual_processes
from csp_billing.closing.progress import cycle_json, cycles_json
from csp_billing.closing.watermark import read_watermark
from csp_billing.verifying.verify_pool import verify_in_processes
from csp_cli.billing_match import Adjustment, File, Invoice, Total, match_file
from csp_cli.operator import HERE, Data, Url, database_at, moment_at, problem_text, reseller_at
from csp_contracts.envelope import Meta
from csp_runtime.database import DatabaseRole, connection_info
from csp_runtime.problems import Problem

app = typer.Typer(
    help="Report cycles: list, close, verify; match with Microsoft's invoices.", no_args_is_help=True
)

Reseller = Annotated[str | None, typer.Option(help="res_…; default: the only one.")]
Processes = Annotated[int | None, typer.Option(help="Worker processes; default: one for each core.")]
Now = Annotated[
    datetime | None,
    typer.Option(help="The present moment in UTC; default: that of the `csp up` beside it, else now."),
]


@app.command("cycles")
def list_cycles(
    reseller: Reseller = None, now: Now = None, database_url: Url = None, data: Data = HERE
) -> None:
    """Show a reseller's report cycles, newest first, and what waits for whom in those being closed."""
    moment, url = moment_at(now, database_url, data), database_at(database_url, data)
    reseller = reseller_at(reseller, url)
    with _connect(url) as connection:
        open_cycles(connection, billing.SCHEMA, reseller, moment)
        for cycle in cycles_json(connection, reseller, moment.date()):
            period = cycle["period"]
            typer.echo(
                f"{cycle['id']}  {period['from']} to {period['until']}  {cycle['status']:<8}  "
                f"{cycle['progress']['shards_done']}/{cycle['progress']['shards']} shards, "
                f"{cycle['progress']['lines']} lines"
            )
            if cycle["status"] == "closing":
                _show_waiting(connection, reseller, cycle["id"], moment)


@app.command()
def close(
    cycle: Annotated[
        str | None, typer.Argument(help="cyc_…, as `csp billing cycles` shows it; default: the next one due")
    ] = None,
    reseller: Reseller = None,
    processes: Processes = None,
    now: Now = None,
    database_url: Url = None,
    data: Data = HERE,
) -> None:
    """Close a cycle that is over, here and now; what another close left undone is done. Exit status 1 while reports wait."""
    moment, url = moment_at(now, database_url, data), database_at(database_url, data)
    reseller = reseller_at(reseller, url)
    meta = Meta(
        reseller=reseller, partition_key=reseller, effective_at=moment, recorded_at=moment, actor="operator"
    )
    pool = ShardPool(url, billing.SCHEMA, usual_processes() if processes is None else processes)
    with _connect(url) as connection, _connect(url) as watermarks:
        open_cycles(connection, billing.SCHEMA, reseller, moment)
        cycle = cycle or _next_due(connection, reseller, moment)
        try:
            with connection.transaction():
                begin_close(
                    connection,
                    cycle,
                    lambda: read_watermark(watermarks),
                    reseller=reseller,
                    now=moment,
                    meta=meta,
                )
        except Problem as problem:
            typer.echo(f"csp billing close: {problem_text(problem)}", err=True)
            raise typer.Exit(2) from None
        shown = cycle_json(connection, reseller, cycle, moment.date())
        undone = 0 if shown is None else shown["progress"]["shards"] - shown["progress"]["shards_done"]
        for effort in pool.run(cycle, undone) if undone else []:
            typer.echo(
                f"{effort.shards} shards, {effort.cpu_seconds:.1f} CPU-seconds, at most {effort.peak_mib:.0f} MiB"
            )
        pool.close()
        typer.echo(f"{issue_written(connection, billing.SCHEMA, cycle)} reports issued")
        if finish(connection, billing.SCHEMA, cycle, moment):
            typer.echo("closed")
            return
        _show_waiting(connection, reseller, cycle, moment)
    raise typer.Exit(1)


@app.command()
def match(
    file: File,
    reseller: Reseller = None,
    total: Total = None,
    adjustment: Adjustment = "0",
    invoice: Invoice = None,
    now: Now = None,
    database_url: Url = None,
    data: Data = HERE,
) -> None:
    """Take an invoice of Microsoft's in and hold it against our cost; exit status 1 while somebody has to decide."""
    url = database_at(database_url, data)
    with _connect(url) as connection:
        status = match_file(
            connection,
            file,
            reseller=reseller_at(reseller, url),
            moment=moment_at(now, database_url, data),
            total=total,
            adjustment=adjustment,
            invoice=invoice,
        )
    raise typer.Exit(status)


@app.command("verify")
def verify_closes(
    reseller: Reseller = None, processes: Processes = None, database_url: Url = None, data: Data = HERE
) -> None:
    """Fold every subscription from its first event and compare with what closes have stored; exit status 1 for a difference."""
    url = database_at(database_url, data)
    found = verify_in_processes(
        url,
        billing.SCHEMA,
        reseller_at(reseller, url),
        usual_processes() if processes is None else processes,
        progress=lambda done, of: (
            typer.echo(f"\r{done} of {of}", nl=False, err=True) if sys.stderr.isatty() else None
        ),
    )
    for difference in found.differences:
        typer.echo(difference)
    typer.echo(
        f"{found.subscriptions} subscriptions folded from their first event, {len(found.differences)} differences"
    )
    raise typer.Exit(1 if found.differences else 0)


def _next_due(connection: psycopg.Connection, reseller: str, moment: datetime) -> str:
    """The earliest cycle that is over and not closed; exit status 2 where there is none."""
    due = connection.execute(
        "select cycle_id, from_on, until_on from cycles where reseller_id = %s and state <> 'closed' and until_on <= %s "
        "order by until_on limit 1",
        [reseller, moment.date()],
    ).fetchone()
    if due is None:
        typer.echo("csp billing close: no cycle is over and not closed yet", err=True)
        raise typer.Exit(2)
    cycle_id, from_on, until_on = due
    typer.echo(f"{cycle_id}  {from_on} to {until_on}")
    return str(cycle_id)


def _show_waiting(connection: psycopg.Connection, reseller: str, cycle_id: str, moment: datetime) -> None:
    shown = cycle_json(connection, reseller, cycle_id, moment.date())
    for report in [] if shown is None else shown["waiting"]:
        by = f" by {report['held_by']}" if report["held_by"] else ""
        typer.echo(
            f"  {report['report_id']} {report['customer_id']} {report['ledger']} {report['currency']} "
            f"{report['status']}{by}: {report['reason']}"
        )


def _connect(url: str) -> psycopg.Connection:
    return psycopg.connect(connection_info(url, billing.SCHEMA, DatabaseRole.WORKER), autocommit=True)
