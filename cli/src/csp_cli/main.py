"""Entry point of the `csp` command; other packages add commands by the entry-point group `csp.commands`.

An entry is a typer app, or a plain function from the arguments to an exit status. Only what is asked for is imported,
so a quick command stays quick: `csp rate` imports neither typer nor any service.
"""

import sys
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, entry_points
from types import FunctionType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer


def main() -> None:
    """Run the command line."""
    commands = entry_points(group="csp.commands")
    asked = next((command for command in commands if command.name == "".join(sys.argv[1:2])), None)
    if asked is not None:
        loaded = asked.load()
        if isinstance(loaded, FunctionType):
            sys.exit(loaded(sys.argv[2:]))
    _app([asked] if asked is not None else list(commands))()


def _app(commands: list[EntryPoint]) -> "typer.Typer":
    import typer

    app = typer.Typer(
        help="Run and administer the CSP platform.", no_args_is_help=True, pretty_exceptions_enable=False
    )
    app.callback()(_root)
    for command in sorted(commands, key=lambda command: command.name):
        loaded = command.load()
        if isinstance(loaded, FunctionType):
            _add_function(app, command.name, loaded)
        else:
            app.add_typer(loaded, name=command.name)
    return app


def _root() -> None:
    """Run and administer the CSP platform."""


def _add_function(app: "typer.Typer", name: str, run: Callable[[Sequence[str]], int]) -> None:
    """List a plain function in the help; `main` runs it before typer is imported."""

    def command() -> None:
        sys.exit(run([]))

    app.command(name, help=run.__doc__)(command)
