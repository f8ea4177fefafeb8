"""What the verbs of an operator share: a service's schema, entered as its worker."""

from typing import Annotated, Any

import psycopg
import typer
from psycopg.rows import dict_row

from csp_cli.services import SERVICES, Known, named
from csp_runtime.database import DatabaseRole, connection_info

Url = Annotated[
    str, typer.Option("--database-url", envvar="CSP_DATABASE_URL", help="The services' database.")
]
OneService = Annotated[str, typer.Option("--service", help="The service whose consumer or log it is.")]
AnyService = Annotated[str | None, typer.Option("--service", help="One service; default: all.")]


def enter(url: str, service: Known) -> psycopg.Connection[dict[str, Any]]:
    """A connection to the service's schema, in autocommit mode."""
    return psycopg.connect(
        connection_info(url, service.load().SCHEMA, DatabaseRole.WORKER),
        row_factory=dict_row,
        autocommit=True,
    )


def service_named(name: str) -> Known:
    """The service; a usage error that lists them where there is no such one."""
    try:
        return named(name)
    except KeyError:
        known = ", ".join(each.name for each in SERVICES)
        raise typer.BadParameter(f"must be one of {known}", param_hint="--service") from None


def fail(reason: object) -> typer.Exit:
    """Say why on standard error; raise what it returns."""
    typer.echo(f"csp: {reason}", err=True)
    return typer.Exit(1)
