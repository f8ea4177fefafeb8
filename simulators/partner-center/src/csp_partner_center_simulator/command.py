"""The `csp simulator` command."""

import typer

app = typer.Typer(help="Run a local Microsoft Partner Center and Graph.", no_args_is_help=False)
