"""The `csp rate` command."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from csp_billing.rating.faults import StoryRefused
from csp_billing.rating.output import as_json, as_table
from csp_billing.rating.rate import rate
from csp_billing.rating.story_file import parse

BAD_INPUT = 2


def rate_story(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Story as JSON; - reads standard input.")],
    *,
    why: Annotated[bool, typer.Option("--why", help="Explain each line: rule, inputs, events.")] = False,
    table: Annotated[bool, typer.Option("--table", help="Print a table for people.")] = False,
    lines: Annotated[
        bool, typer.Option("--lines", help="FILE has one story a line; one result a line.")
    ] = False,
) -> None:
    """Rate a story of subscription events without a database: the lines that billing would post, run by run."""
    if lines and table:
        raise typer.BadParameter("--table and --lines exclude each other")
    try:
        if lines:
            _rate_lines(file, why=why)
        else:
            _rate_one(file, why=why, table=table)
    except OSError as error:
        _complain([f"{file}: {error.strerror or error}"])
        raise typer.Exit(BAD_INPUT) from error


def _rate_one(file: str, *, why: bool, table: bool) -> None:
    text = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    try:
        story = parse(text)
        result = rate(story)
    except StoryRefused as refused:
        _complain(refused.faults)
        raise typer.Exit(BAD_INPUT) from refused
    if table:
        for row in as_table(result, story.digits, why=why):
            _print(row)
    else:
        _print(json.dumps(as_json(result, story.digits, why=why), indent=1, ensure_ascii=False))


def _rate_lines(file: str, *, why: bool) -> None:
    refused_any = False
    for text in _texts(file):
        try:
            story = parse(text)
            result: dict[str, object] = as_json(rate(story), story.digits, why=why)
        except StoryRefused as refused:
            result, refused_any = {"error": refused.faults}, True
        _print(json.dumps(result, separators=(",", ":"), ensure_ascii=False))
    sys.stdout.flush()
    if refused_any:
        raise typer.Exit(BAD_INPUT)


def _texts(file: str) -> Iterator[bytes]:
    if file == "-":
        yield from _filled(sys.stdin.buffer)
    else:
        with Path(file).open("rb") as opened:
            yield from _filled(opened)


def _filled(opened: BinaryIO) -> Iterator[bytes]:
    return (line for line in opened if line.strip())


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")


def _complain(faults: list[str]) -> None:
    sys.stderr.write("".join(f"{fault}\n" for fault in faults))
