"""What the verbs of an operator share: a service's schema, entered as its worker."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import httpx
import psycopg
import typer
from psycopg.rows import dict_row

from csp_cli.local_state import LocalState
from csp_cli.services import SERVICES, Known, named
from csp_runtime.database import DatabaseRole, connection_info
from csp_runtime.embedded_postgres import running_url
from csp_runtime.problems import Problem

Url = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        envvar="CSP_DATABASE_URL",
        help="The services' database; default: that of the `csp up` that runs from the data folder.",
    ),
]
Data = Annotated[
    Path, typer.Option("--data", envvar="CSP_DATA", help="The data folder of a `csp up` on this machine.")
]
HERE = Path(".csp")
OneService = Annotated[str, typer.Option("--service", help="The service whose consumer or log it is.")]
AnyService = Annotated[str | None, typer.Option("--service", help="One service; default: all.")]


def database_at(url: str | None, data: Path) -> str:
    """The database as it was given, or that of the platform that runs from the folder; a usage error where there is none."""
    found = url or running_url(data / "postgres")
    if found is None:
        raise typer.BadParameter(
            f"is missing, and no `csp up` runs from {data} (`--data`)", param_hint="--database-url"
        )
    return found


def reseller_at(given: str | None, url: str) -> str:
    """The reseller as it was given; else the only one that billing knows. A usage error where there is none, or more than one."""
    if given is not None:
        return given
    with enter(url, named("billing")) as connection:
        rows = connection.execute(
            "select distinct reseller_id from customers order by reseller_id limit 20"
        ).fetchall()
    known = [str(row["reseller_id"]) for row in rows]
    if len(known) == 1:
        return known[0]
    which = f"is one of {', '.join(known)}" if known else "is missing, and billing knows of no customer yet"
    raise typer.BadParameter(which, param_hint="--reseller")


def moment_at(given: datetime | None, url: str | None, data: Path) -> datetime:
    """The moment as it was given, in UTC; else the platform's own time, where the database is that of the folder's."""
    if given is not None:
        return given.replace(tzinfo=UTC)
    running = None if url else LocalState(data).announced()
    if running is None:
        return datetime.now(UTC)
    try:
        answer = httpx.get(f"{running['gateway']}/readyz", timeout=10.0).json()
        return datetime.fromisoformat(answer["now"]).astimezone(UTC)
    except (httpx.HTTPError, ValueError, KeyError):
        raise fail(
            f"the platform at {running['gateway']} does not tell its time; give it with --now"
        ) from None


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


def problem_text(problem: Problem) -> str:
    """A problem in one line: its title, and what it names beside it."""
    named_there = ", ".join(f"{name} {value}" for name, value in problem.extra.items())
    return f"{problem.title} ({named_there})" if named_there else problem.title


def fail(reason: object) -> typer.Exit:
    """Say why on standard error; raise what it returns."""
    typer.echo(f"csp: {reason}", err=True)
    return typer.Exit(1)
