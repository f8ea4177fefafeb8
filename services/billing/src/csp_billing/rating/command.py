"""The `csp rate` command."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO

from csp_billing.rating.faults import StoryRefused
from csp_billing.rating.output import as_json, as_table
from csp_billing.rating.rate import rate
from csp_billing.rating.story_file import parse

BAD_INPUT = 2


def main(arguments: Sequence[str]) -> int:
    """Rate a story of subscription events without a database: the lines that billing would post, run by run."""
    parser = argparse.ArgumentParser(prog="csp rate", description=main.__doc__)
    parser.add_argument("file", metavar="FILE", help="story as JSON; - reads standard input")
    parser.add_argument("--why", action="store_true", help="explain each line: rule, inputs, events")
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--table", action="store_true", help="print a table for people")
    shape.add_argument(
        "--lines", action="store_true", help="FILE has one story a line; print one result a line"
    )
    asked = parser.parse_args(arguments)
    if isinstance(
        sys.stdout, TextIOWrapper
    ):  # half a surrogate pair in a name is still printed as valid JSON
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        if asked.lines:
            return _rate_lines(asked.file, why=asked.why)
        return _rate_one(asked.file, why=asked.why, table=asked.table)
    except BrokenPipeError:
        sys.stderr.close()  # who reads has seen enough
        return 0
    except OSError as error:
        _complain([f"{asked.file}: {error.strerror or error}"])
        return BAD_INPUT


def _rate_one(file: str, *, why: bool, table: bool) -> int:
    text = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    try:
        story = parse(text)
        result = rate(story)
    except StoryRefused as refused:
        _complain(refused.faults)
        return BAD_INPUT
    _complain([f"note: {text}" for text in story.ignored])
    if table:
        for row in as_table(result, story.digits, why=why):
            _print(row)
    else:
        _print(json.dumps(as_json(result, story.digits, why=why), indent=1, ensure_ascii=False))
    sys.stdout.flush()
    return 0


def _rate_lines(file: str, *, why: bool) -> int:
    status = 0
    for number, text in enumerate(_texts(file), start=1):
        try:
            story = parse(text)
            _complain([f"note: line {number}: {note}" for note in story.ignored])
            result: dict[str, object] = as_json(rate(story), story.digits, why=why)
        except StoryRefused as refused:
            result, status = {"error": refused.faults}, BAD_INPUT
        _print(json.dumps(result, separators=(",", ":"), ensure_ascii=False))
    sys.stdout.flush()
    return status


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
