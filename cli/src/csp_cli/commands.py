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
) -> None:
    """Run everything in one process: database, services, simulator, gateway. Ctrl-C ends it."""
    from csp_cli.up import run_embedded

    raise typer.Exit(run_embedded(data, port, simulator_port))


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


def _command(run: Callable[..., None]) -> typer.Typer:
    """A typer app that is one command, so that it can stand among others by its name."""
    app = typer.Typer(help=run.__doc__, invoke_without_command=True)
    app.callback(invoke_without_command=True)(run)
    return app


demo_app = _command(demo)
up_app = _command(up)
token_app = _command(token)
openapi_app = _command(openapi)
