"""Entry point of the `csp` command; other packages add commands by the entry-point group `csp.commands`."""

import sys
from importlib.metadata import entry_points

import typer

app = typer.Typer(
    help="Run and administer the CSP platform.", no_args_is_help=True, pretty_exceptions_enable=False
)


@app.callback()
def root() -> None:
    """Run and administer the CSP platform."""


def main() -> None:
    """Run the command line. Only the command that is asked for is imported; without one, all are, for the help."""
    commands = entry_points(group="csp.commands")
    asked = commands.select(name=next((word for word in sys.argv[1:] if not word.startswith("-")), ""))
    for command in asked or commands:
        loaded = command.load()
        if isinstance(loaded, typer.Typer):
            app.add_typer(loaded, name=command.name)
        else:
            app.command(command.name)(loaded)
    app()
