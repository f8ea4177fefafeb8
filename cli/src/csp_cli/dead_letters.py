"""`csp dead-letters`: what a consumer put aside, and letting its stream flow again."""

from typing import Any

import typer

from csp_cli.operator import HERE, AnyService, Data, OneService, Url, database_at, enter, fail, service_named
from csp_cli.services import SERVICES
from csp_runtime.recovery import NotHeldUp, give_up, retry_stream

app = typer.Typer(help="Records that could not be read or whose rule raised.", no_args_is_help=True)


@app.command("list")
def list_letters(service: AnyService = None, database_url: Url = None, data: Data = HERE) -> None:
    """Show dead letters and parked streams; never their content."""
    found = 0
    for known in [service_named(service)] if service else SERVICES:
        with enter(database_at(database_url, data), known) as connection:
            for row in connection.execute(
                "select d.*, p.reason from dead_letters d left join parked_streams p "
                "on p.consumer = d.consumer and p.stream = d.stream order by d.id"
            ):
                found += 1
                parked = f" PARKED ({row['reason']})" if row["reason"] else ""
                typer.echo(
                    f"{known.name} {row['id']} {row['consumer']} {row['stream']}#{row['version']} {row['type']} "
                    f"{row['code']} at {row['at']:%Y-%m-%d %H:%M:%S}{parked}"
                )
            for row in connection.execute(
                "select * from parked_streams where (consumer, stream) not in (select consumer, stream from dead_letters)"
            ):
                found += 1
                typer.echo(f"{known.name} - {row['consumer']} {row['stream']} PARKED ({row['reason']})")
    if not found:
        typer.echo("no dead letters, no parked streams")


@app.command()
def retry(letter: int, service: OneService, database_url: Url = None, data: Data = HERE) -> None:
    """Let the stream of a dead letter flow again from where it stood; a running consumer takes it up within a second."""
    with enter(database_at(database_url, data), service_named(service)) as connection:
        row = _letter(connection, service, letter)
        try:
            retry_stream(connection, row)
        except NotHeldUp as fault:
            raise fail(f"{fault}; `csp dead-letters drop` forgets the letter") from None
    typer.echo(
        f"{row['consumer']} takes {row['stream']} up again; `csp dead-letters list` shows whether it held"
    )


@app.command()
def drop(letter: int, service: OneService, database_url: Url = None, data: Data = HERE) -> None:
    """Give the record up: its stream goes on behind it. What it would have done stays undone."""
    with enter(database_at(database_url, data), service_named(service)) as connection:
        row = _letter(connection, service, letter)
        give_up(connection, row)
    typer.echo(f"dropped; {row['stream'] or 'what follows'} goes on behind version {row['version']}")


def _letter(connection: Any, service: str, letter: int) -> dict[str, Any]:
    row: dict[str, Any] | None = connection.execute(
        "select * from dead_letters where id = %s", [letter]
    ).fetchone()
    if row is None:
        raise fail(f"{service} has no dead letter {letter}")
    return row
