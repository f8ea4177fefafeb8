"""`csp contracts`: print or rewrite the published contract, and compare it with the last release."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
import yaml

from csp_contracts.asyncapi import asyncapi_document
from csp_contracts.compatibility import breaks
from csp_contracts.schemas import all_schemas, render

app = typer.Typer(help="The published events: JSON Schema, AsyncAPI, compatibility.", no_args_is_help=True)

RELEASED = Path("libs/contracts/released.json")


@app.command()
def schemas(
    wire_name: Annotated[str | None, typer.Argument(help="Only this event type.")] = None,
    write: Annotated[Path | None, typer.Option(help="Rewrite this folder, one file per type.")] = None,
) -> None:
    """Print the JSON Schemas of the published event types (one object, by wire name)."""
    published = all_schemas()
    if write is not None:
        _rewrite(write, {f"{name}.json": render(schema) for name, schema in published.items()})
    elif wire_name is None:
        typer.echo(render(published), nl=False)
    elif wire_name in published:
        typer.echo(render(published[wire_name]), nl=False)
    else:
        raise typer.BadParameter(f"no published event type is called {wire_name!r}")


@app.command()
def asyncapi(write: Annotated[Path | None, typer.Option(help="Rewrite this file.")] = None) -> None:
    """Print the AsyncAPI 3 document of the published event types, as YAML."""
    document = asyncapi_document(version("csp-contracts"))
    text = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    if write is None:
        typer.echo(text, nl=False)
    else:
        write.write_text(text, encoding="utf-8")


@app.command()
def check(
    released: Annotated[Path, typer.Option(help="The schemas of the last release.")] = RELEASED,
) -> None:
    """Compare with the last release: new types and new optional fields pass, everything else is refused."""
    found = breaks(json.loads(released.read_text(encoding="utf-8")), all_schemas())
    for refused in found:
        typer.echo(str(refused), err=True)
    if found:
        typer.echo(
            "A released type never changes so: publish a new version of it, and an upcaster.", err=True
        )
        raise typer.Exit(1)
    typer.echo("Every reader of the last release still reads.")


@app.command()
def release(
    released: Annotated[Path, typer.Option(help="Where the released schemas are kept.")] = RELEASED,
) -> None:
    """Freeze today's schemas as the release that later ones are compared with."""
    released.write_text(render(all_schemas()), encoding="utf-8")


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as a block, so that a person can read it."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def _rewrite(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("csp.*.json"):
        if stale.name not in files:
            stale.unlink()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
