"""`csp feed`: how far events were published and read, and both from the beginning where a topic was made anew."""

from typing import Annotated

import typer

from csp_cli.operator import HERE, AnyService, Data, OneService, Url, database_at, enter, fail, service_named
from csp_cli.services import SERVICES
from csp_runtime.recovery import NoSuchPosition, republish, rewind

app = typer.Typer(
    help="How far events were published and read; both again from the beginning, without a doubled effect.",
    no_args_is_help=True,
)


@app.command()
def status(service: AnyService = None, database_url: Url = None, data: Data = HERE) -> None:
    """Show the relay's position and those of every consumer."""
    for known in [service_named(service)] if service else SERVICES:
        with enter(database_at(database_url, data), known) as connection:
            for row in connection.execute("select * from relay_position"):
                typer.echo(f"{known.name} relay has published up to {row['notification_id']}")
            for row in connection.execute(
                "select consumer, source, next_offset from positions where source not like '%%resume:%%' order by 1, 2"
            ):
                typer.echo(f"{known.name} {row['consumer']} reads {row['source']} from {row['next_offset']}")


@app.command("rewind")
def rewind_consumer(
    consumer: Annotated[str, typer.Argument(help="As `csp feed status` shows it.")],
    service: OneService,
    context: Annotated[
        str | None, typer.Option("--context", help="Only what comes from this service; default: all sources.")
    ] = None,
    database_url: Url = None,
    data: Data = HERE,
) -> None:
    """Read from the beginning again. Versions whose effects are known are passed over, so that nothing is doubled."""
    with enter(database_at(database_url, data), service_named(service)) as connection:
        try:
            sources = rewind(connection, consumer, context)
        except NoSuchPosition as fault:
            raise fail(fault) from None
    typer.echo(f"{consumer} reads from the beginning: {', '.join(sources)}")


@app.command("republish")
def republish_log(service: OneService, database_url: Url = None, data: Data = HERE) -> None:
    """Publish a service's whole log to its topic again, in order, with the same ids. Consumers pass over what they know."""
    known = service_named(service)
    with enter(database_at(database_url, data), known) as connection:
        try:
            republish(connection, known.name)
        except NoSuchPosition as fault:
            raise fail(fault) from None
    typer.echo(f"{known.name} is published again from its first event")
