"""Entry point of the `csp` command; other packages add commands by the entry-point group `csp.commands`."""

from importlib.metadata import entry_points

import typer

app = typer.Typer(
    help="Run and administer the CSP platform.", no_args_is_help=True, pretty_exceptions_enable=False
)


@app.callback()
def root() -> None:
    """Run and administer the CSP platform."""


def main() -> None:
    """Run the command line."""
    for command in entry_points(group="csp.commands"):
        app.add_typer(command.load(), name=command.name)
    app()
