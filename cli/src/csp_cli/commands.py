"""The verbs of `csp` that run the platform."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[Path, typer.Option("--data", envvar="CSP_DATA", help="Folder that keeps everything.")]


def up(
    data: Folder = Path(".csp"),
    port: Annotated[int, typer.Option(envvar="CSP_PORT", help="Port of the gateway.")] = 8080,
    simulator_port: Annotated[
        int, typer.Option(envvar="CSP_SIMULATOR_PORT", help="Port of the Partner Center simulator.")
    ] = 8787,
    processes: Annotated[
        bool, typer.Option("--processes", help="Each service in a process of its own.")
    ] = False,
    kafka: Annotated[str | None, typer.Option(envvar="CSP_KAFKA", help="Broker for --processes.")] = None,
    services_port: Annotated[
        int, typer.Option(envvar="CSP_SERVICES_PORT", help="First port of the services, for --processes.")
    ] = 8101,
) -> None:
    """Run everything in one process: database, services, simulator, gateway. Ctrl-C ends it."""
    if processes:
        from csp_cli.processes import run_processes

        if kafka is None:
            raise typer.BadParameter(
                "separate processes need a Kafka broker", param_hint="--kafka / CSP_KAFKA"
            )
        raise typer.Exit(run_processes(data, port, simulator_port, kafka, services_port))
    from csp_cli.up import run_embedded

    raise typer.Exit(run_embedded(data, port, simulator_port))


def run(service: Annotated[str, typer.Argument(help="provisioning, subscriptions, …")]) -> None:
    """Run one service over Kafka; its settings are the environment's."""
    from csp_cli.run import run_service
    from csp_cli.services import SERVICES

    if service not in {known.name for known in SERVICES}:
        names = ", ".join(known.name for known in SERVICES)
        raise typer.BadParameter(f"must be one of {names}", param_hint="SERVICE")
    raise typer.Exit(run_service(service))


def migrate(
    database_url: Annotated[str, typer.Option(envvar="CSP_DATABASE_URL", help="The services' database.")],
    service: Annotated[str | None, typer.Option(help="One service; default: all.")] = None,
) -> None:
    """Make or update the schemas and roles; safe to run again and from several places at once."""
    from csp_cli.composition import migrate_all
    from csp_cli.services import SERVICES, named

    applied = migrate_all(database_url, [named(service)] if service else SERVICES)
    typer.echo("\n".join(applied) or "up to date")


def token(
    role: Annotated[str, typer.Option("--as", help="reseller-admin, customer-admin, …")] = "reseller-admin",
    customer: Annotated[str | None, typer.Option(help="cus_… for customers' roles")] = None,
    reseller: Annotated[str | None, typer.Option(help="res_…; default: the running platform's")] = None,
    data: Folder = Path(".csp"),
) -> None:
    """Print a development token of the platform that runs from this folder."""
    from csp_cli.local_state import LocalState
    from csp_runtime.auth import DevelopmentIssuer
    from csp_runtime.scope import CUSTOMER_ROLES, Role

    try:
        wanted = Role(role)
    except ValueError:
        known = ", ".join(Role)
        raise typer.BadParameter(f"must be one of {known}", param_hint="--as") from None
    if wanted in CUSTOMER_ROLES and customer is None:
        raise typer.BadParameter("a customer's role needs the customer's id", param_hint="--customer")
    running = LocalState(data).announced()
    whose = reseller or (running or {}).get("reseller_id")
    if whose is None:
        typer.echo("csp token: no platform runs from this folder; give --reseller", err=True)
        raise typer.Exit(1)
    typer.echo(DevelopmentIssuer(data).issue(reseller=whose, role=wanted, customer=customer))


def demo(data: Folder = Path(".csp")) -> None:
    """Play the story of one customer's first month against the running platform; can be run again."""
    from csp_cli.demo import run

    raise typer.Exit(run(data))


def openapi(
    surface: Annotated[str, typer.Option(help="reseller or customer")] = "reseller",
) -> None:
    """Print the OpenAPI 3.1 document of a surface."""
    import json

    from csp_cli.no_tokens import NoTokens
    from csp_gateway.api import customer_app, reseller_app

    builders = {"reseller": reseller_app, "customer": customer_app}
    if surface not in builders:
        raise typer.BadParameter("must be reseller or customer", param_hint="--surface")
    app = builders[surface](NoTokens(), None)
    typer.echo(json.dumps(app.openapi(), indent=2))


def settings() -> None:
    """Print every variable of the environment that the services read: values, default, what it says."""
    from csp_cli.settings_page import page

    typer.echo(page(), nl=False)


def _command(run: Callable[..., None]) -> typer.Typer:
    """A typer app that is one command, so that it can stand among others by its name."""
    app = typer.Typer(help=run.__doc__, invoke_without_command=True)
    app.callback(invoke_without_command=True)(run)
    return app


demo_app = _command(demo)
migrate_app = _command(migrate)
run_app = _command(run)
up_app = _command(up)
token_app = _command(token)
openapi_app = _command(openapi)
settings_app = _command(settings)
