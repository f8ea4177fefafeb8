"""`csp prices`: price lists and Microsoft's price sheets as CSV, through the public API of a running platform."""

import hashlib
import uuid
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from csp_cli.commands import Folder
from csp_cli.local_state import LocalState
from csp_runtime.auth import DevelopmentIssuer
from csp_runtime.scope import Role

app = typer.Typer(help="Price lists and price sheets as CSV: export, import, template.", no_args_is_help=True)

List = Annotated[str, typer.Option("--list", help="global, or cus_… for a customer's own list.")]
Gateway = Annotated[
    str | None, typer.Option(envvar="CSP_GATEWAY", help="Base URL; default: the one that runs from --data.")
]
Token = Annotated[
    str | None, typer.Option(envvar="CSP_TOKEN", help="Bearer token; default: a development token.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Tell what would be done, line by line; write nothing.")
]
TIMEOUT_SECONDS = 120.0
SHOWN_LINES = 50


@app.command()
def template(data: Folder = Path(".csp"), gateway: Gateway = None, token: Token = None) -> None:
    """Print the columns that an import reads."""
    with _client(data, gateway, token) as client:
        typer.echo(_read(client.get("/price-list-template")).text, nl=False)


@app.command()
def export(
    price_list: List = "global",
    to: Annotated[Path | None, typer.Option(help="File to write; default: standard output.")] = None,
    data: Folder = Path(".csp"),
    gateway: Gateway = None,
    token: Token = None,
) -> None:
    """Write a price list as CSV, newest version of each row; an import of it changes nothing."""
    with _client(data, gateway, token) as client:
        text = _read(client.get(f"/price-lists/{price_list}/export")).text
    if to is None:
        typer.echo(text, nl=False)
    else:
        to.write_text(text, encoding="utf-8", newline="")


@app.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="A CSV file as the template says.")
    ],
    price_list: List = "global",
    dry_run: DryRun = False,
    partial: Annotated[
        bool, typer.Option("--partial", help="Take the lines that can be taken; else all or none.")
    ] = False,
    key: Annotated[str | None, typer.Option(help="Idempotency key; default: a new one for each run.")] = None,
    data: Folder = Path(".csp"),
    gateway: Gateway = None,
    token: Token = None,
) -> None:
    """Import a price list: all lines or none. Exit status 1 where lines were refused, each named with field and rule."""
    path = f"/price-lists/{price_list}/imports"
    with _client(data, gateway, token) as client:
        _take(client, path, file.read_bytes(), dry_run=dry_run, partial=partial, key=key)


@app.command("import-sheet")
def import_sheet(
    file: Annotated[
        Path,
        typer.Argument(
            exists=True,
            dir_okay=False,
            help="A price sheet of Microsoft's, or a file with the columns of `csp prices template`, for legacy offers.",
        ),
    ],
    dry_run: DryRun = False,
    coming: Annotated[
        bool, typer.Option("--coming", help="Of a month to come: shown, not charged, until it is current.")
    ] = False,
    data: Folder = Path(".csp"),
    gateway: Gateway = None,
    token: Token = None,
) -> None:
    """Take costs from a price sheet: all rows or none. Sheets of the reseller's markets are fetched daily without this."""
    headers = {"Content-Type": "text/csv", "Idempotency-Key": uuid.uuid4().hex}
    path = "/price-sheets/preview" if dry_run else "/price-sheets"
    params = {"coming": "true"} if coming else {}
    with _client(data, gateway, token) as client:
        answer = client.post(path, content=file.read_bytes(), headers=headers, params=params)
        done = _read(answer).json()
    for fault in done["faults"][:SHOWN_LINES]:
        typer.echo(f"  {fault['field']} ({fault['rule']}): {fault['reason']}")
    typer.echo(
        f"markets {', '.join(done['markets'])}: {done['new']} new, {done['changed']} changed, {done['unchanged']} unchanged, "
        f"{done['without_charge']} without charge, {done['refused']} refused"
    )
    raise typer.Exit(1 if done["refused"] else 0)


def _take(
    client: httpx.Client, path: str, content: bytes, *, dry_run: bool, partial: bool, key: str | None
) -> None:
    headers = {"Content-Type": "text/csv", "Idempotency-Key": key or uuid.uuid4().hex}
    # A person runs it, with the file that is meant to hold; whoever wants to be told of others' changes looks first (`--dry-run`).
    headers["If-Match"] = "*"
    params = {"partial": "true"} if partial and not dry_run else {}
    answer = client.post(
        f"{path}/preview" if dry_run else path, content=content, headers=headers, params=params
    )
    done = _read(answer).json()
    _show(done)
    digest = hashlib.sha256(content).hexdigest()[:12]
    verb = "would be" if dry_run else "are"
    typer.echo(
        f"{done['new']} new, {done['changed']} changed, {done['unchanged']} unchanged, {done['refused']} refused "
        f"{verb} the rows of file {digest}"
    )
    raise typer.Exit(1 if done["refused"] else 0)


def _show(done: dict[str, Any]) -> None:
    told = [row for row in done["rows"] if row["result"] != "unchanged"]
    for row in told[:SHOWN_LINES]:
        price = "" if row["unit_price"] is None else f" {row['unit_price']['amount']}"
        typer.echo(f"line {row['line']}: {row['result']} {row['rule_id'] or ''}{price}".rstrip())
        for fault in row["faults"]:
            typer.echo(f"  {fault['field']} ({fault['rule']}): {fault['reason']}")
        if row["note"]:
            typer.echo(f"  {row['note']}")
    if len(told) > SHOWN_LINES:
        typer.echo(f"… and {len(told) - SHOWN_LINES} lines more")


def _client(data: Path, gateway: str | None, token: str | None) -> httpx.Client:
    running = LocalState(data).announced() or {}
    base = gateway or running.get("gateway")
    if base is None:
        typer.echo("csp prices: no platform runs from this folder; give --gateway and --token", err=True)
        raise typer.Exit(2)
    if token is None and "reseller_id" not in running:
        typer.echo("csp prices: give --token", err=True)
        raise typer.Exit(2)
    bearer = token or DevelopmentIssuer(data).issue(
        reseller=running["reseller_id"], role=Role.RESELLER_BILLING, actor="dev:operator"
    )
    return httpx.Client(
        base_url=f"{base}/v1", headers={"Authorization": f"Bearer {bearer}"}, timeout=TIMEOUT_SECONDS
    )


def _read(answer: httpx.Response) -> httpx.Response:
    if answer.is_success:
        return answer
    problem = answer.json() if "json" in answer.headers.get("content-type", "") else {}
    typer.echo(f"csp prices: {problem.get('title', answer.status_code)}", err=True)
    for fault in problem.get("invalid_parameters", [])[:SHOWN_LINES]:
        typer.echo(f"  {fault['field']} ({fault['rule']}): {fault['reason']}", err=True)
    raise typer.Exit(1)
