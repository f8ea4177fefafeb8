"""`csp dead-letters`: what a consumer put aside, and letting its stream flow again."""

from typing import Annotated, Any

import psycopg
import typer
from psycopg.rows import dict_row

from csp_cli.services import SERVICES, named
from csp_runtime.database import DatabaseRole, connection_info

app = typer.Typer(help="Records that could not be read or whose rule raised.", no_args_is_help=True)

Url = Annotated[
    str, typer.Option("--database-url", envvar="CSP_DATABASE_URL", help="The services' database.")
]
Name = Annotated[str | None, typer.Option("--service", help="One service; default: all.")]


@app.command("list")
def list_letters(database_url: Url, service: Name = None) -> None:
    """Show dead letters and parked streams; never their content."""
    found = 0
    for known in [named(service)] if service else SERVICES:
        with _connect(database_url, known.load().SCHEMA) as connection:
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
def retry(letter: int, database_url: Url, service: Annotated[str, typer.Option("--service")]) -> None:
    """Let the stream of a dead letter flow again from where it stood; the consumer fetches it at its next start."""
    row = _letter(database_url, service, letter)
    with _connect(database_url, named(service).load().SCHEMA) as connection, connection.transaction():
        connection.execute(
            "insert into parked_streams (consumer, stream, context, reason) values (%s, %s, %s, 'gap') "
            "on conflict (consumer, stream) do update set reason = 'gap'",
            [row["consumer"], row["stream"], _context(row["source"])],
        )
        connection.execute("update dead_letters set retried_at = now() where id = %s", [letter])
    typer.echo(f"{row['stream']} will be fetched and read again when {row['consumer']} starts next")


@app.command()
def drop(letter: int, database_url: Url, service: Annotated[str, typer.Option("--service")]) -> None:
    """Give the record up: its stream goes on behind it. What it would have done stays undone."""
    row = _letter(database_url, service, letter)
    with _connect(database_url, named(service).load().SCHEMA) as connection, connection.transaction():
        connection.execute(
            "insert into known_versions (consumer, stream, version) values (%s, %s, %s) "
            "on conflict (consumer, stream) do update set version = greatest(known_versions.version, excluded.version)",
            [row["consumer"], row["stream"], row["version"]],
        )
        connection.execute(
            "update parked_streams set reason = 'gap' where consumer = %s and stream = %s",
            [row["consumer"], row["stream"]],
        )
        connection.execute("delete from dead_letters where id = %s", [letter])
    typer.echo(
        f"dropped; {row['stream']} goes on behind version {row['version']} when {row['consumer']} starts next"
    )


def _letter(url: str, service: str, letter: int) -> dict[str, Any]:
    with _connect(url, named(service).load().SCHEMA) as connection:
        row = connection.execute("select * from dead_letters where id = %s", [letter]).fetchone()
    if row is None:
        typer.echo(f"{service} has no dead letter {letter}", err=True)
        raise typer.Exit(1)
    return row


def _context(source: str) -> str:
    return source.partition("/")[0].removeprefix("csp.").removeprefix("resume:")


def _connect(url: str, schema: str) -> psycopg.Connection[dict[str, Any]]:
    return psycopg.connect(
        connection_info(url, schema, DatabaseRole.WORKER), row_factory=dict_row, autocommit=True
    )
