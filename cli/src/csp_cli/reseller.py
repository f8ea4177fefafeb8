"""`csp reseller`: registers a reseller with its Microsoft credentials, shows and rotates them, changes its settings.

Secrets come from files or standard input, never from the command line: arguments are seen by everybody on the machine, and
stay in the shell's history. The services' environment says where the database is and what seals; without it a platform is meant
that runs by `csp up` from `--data`.
"""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from csp_cli.operator import HERE, Data, fail
from csp_cli.reseller_registry import Refused, Registration, opened
from csp_cli.reseller_secrets import FaultySecret, Given, certificate, read_secret
from csp_cli.run import Misconfigured
from csp_partner_center.credentials import ClientSecret, Proof

app = typer.Typer(
    help="Resellers and how they prove themselves to Microsoft (secure application model).",
    no_args_is_help=True,
)

SecretFile = Annotated[
    str | None,
    typer.Option("--secret-file", help="File with the application's secret; `-` is standard input."),
]
CertificateFile = Annotated[
    Path | None,
    typer.Option("--certificate-file", help="The application's certificate (PEM), instead of a secret."),
]
KeyFile = Annotated[
    Path | None, typer.Option("--private-key-file", help="The certificate's private key (PEM).")
]
TokenFile = Annotated[
    str | None,
    typer.Option(
        "--refresh-token-file", help="File with the refresh token of the consent; `-` is standard input."
    ),
]
NoCheck = Annotated[bool, typer.Option("--no-check", help="Store without a call to Microsoft.")]


@app.command()
def register(
    name: Annotated[str, typer.Option(help="The reseller's name.")],
    country: Annotated[str, typer.Option(help="ISO country of its price sheet, for example DE.")],
    currency: Annotated[str, typer.Option(help="ISO currency of its prices, for example EUR.")],
    microsoft_tenant: Annotated[str, typer.Option(help="Id of its own directory at Microsoft.")],
    client_id: Annotated[str, typer.Option(help="Id of its application there.")],
    close_day: Annotated[int, typer.Option(min=1, max=31, help="Day on which its report cycle ends.")] = 15,
    secret_file: SecretFile = None,
    certificate_file: CertificateFile = None,
    private_key_file: KeyFile = None,
    refresh_token_file: TokenFile = None,
    no_check: NoCheck = False,
    data: Data = HERE,
) -> None:
    """Store the credentials, try them by a call, and make the reseller known to the platform."""
    given = _given(secret_file, certificate_file, private_key_file, refresh_token_file)
    proof = given.proof
    if proof is None:
        raise typer.BadParameter("give --secret-file, or --certificate-file with --private-key-file")
    registration = Registration(
        name=name,
        country=country.upper(),
        currency=currency.upper(),
        microsoft_tenant_id=microsoft_tenant.lower(),
        client_id=client_id,
        close_day=close_day,
    )

    async def work() -> str:
        async with opened(data) as registry:
            return await registry.register(registration, proof, given.refresh_token, check=not no_check)

    reseller_id = _run(work())
    tried = "not tried" if no_check else "tried by a call"
    typer.echo(
        f"{reseller_id} is registered; credentials sealed and {tried}. Its book is imported now by itself."
    )


@app.command()
def show(data: Data = HERE) -> None:
    """Show every reseller and what its credentials are; never a secret."""

    async def work() -> list[str]:
        async with opened(data) as registry:
            return [line async for line in registry.lines()]

    typer.echo("\n".join(_run(work())) or "no reseller is registered")


@app.command()
def rotate(
    reseller: Annotated[str, typer.Argument(help="res_…, as `csp reseller show` lists it.")],
    client_id: Annotated[str | None, typer.Option(help="Another application.")] = None,
    secret_file: SecretFile = None,
    certificate_file: CertificateFile = None,
    private_key_file: KeyFile = None,
    refresh_token_file: TokenFile = None,
    no_check: NoCheck = False,
    data: Data = HERE,
) -> None:
    """Replace what is given and keep the rest; where the call fails, the old credentials stay."""
    given = _given(secret_file, certificate_file, private_key_file, refresh_token_file)
    if given.proof is None and given.refresh_token is None and client_id is None:
        raise typer.BadParameter("give what is to be replaced")

    async def work() -> None:
        async with opened(data) as registry:
            await registry.rotate(reseller, client_id, given.proof, given.refresh_token, check=not no_check)

    _run(work())
    typer.echo(
        f"the credentials of {reseller} are replaced; running services use them from their next token on"
    )


@app.command("set")
def change_setting(
    reseller: Annotated[str, typer.Argument(help="res_…")],
    setting: Annotated[str, typer.Argument(help="close_day, …")],
    value: Annotated[str, typer.Argument()],
    effective_on: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="UTC day; default: today.")
    ] = None,
    data: Data = HERE,
) -> None:
    """Change a setting from a day on; cycles that are issued stay as they are."""
    day: date | None = None if effective_on is None else effective_on.replace(tzinfo=UTC).date()

    async def work() -> dict[str, Any]:
        async with opened(data) as registry:
            return await registry.change_setting(reseller, setting, value, day)

    changed = _run(work())
    typer.echo(f"{changed['setting']} of {reseller} is {changed['value']} from {changed['effective_on']} on")


def _given(
    secret_file: str | None,
    certificate_file: Path | None,
    private_key_file: Path | None,
    token_file: str | None,
) -> Given:
    if [secret_file, token_file].count("-") == 2:
        raise typer.BadParameter("standard input holds one secret, not two")
    if (certificate_file is None) is not (private_key_file is None) or (secret_file and certificate_file):
        raise typer.BadParameter("give --secret-file, or --certificate-file with --private-key-file")
    try:
        proof: Proof | None = None
        if secret_file is not None:
            proof = ClientSecret(secret=read_secret(secret_file))
        elif certificate_file is not None and private_key_file is not None:
            proof = certificate(certificate_file, private_key_file)
        return Given(proof=proof, refresh_token=None if token_file is None else read_secret(token_file))
    except FaultySecret as fault:
        raise fail(fault) from None


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    try:
        return asyncio.run(work)
    except (Refused, Misconfigured) as fault:
        raise fail(fault) from None
