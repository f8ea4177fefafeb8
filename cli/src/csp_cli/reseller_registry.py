"""The platform's resellers as an operator works on them: provisioning's use cases and the sealed credentials."""

import tempfile
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509

from csp_cli.composition import compose, make_clock
from csp_cli.embedded_settings import settings_here
from csp_contracts.ids import Kind, named_id
from csp_partner_center.client import PartnerCenter
from csp_partner_center.credentials import ClientCertificate, Credentials, CredentialsUnknown, Proof
from csp_partner_center.errors import PartnerCenterError
from csp_partner_center.secrets import Secret
from csp_runtime.auth import DevelopmentIssuer
from csp_runtime.clock import Clock
from csp_runtime.database import Database
from csp_runtime.host import LocalPeers
from csp_runtime.scope import Role


class Refused(Exception):
    """The platform or Microsoft says no; the message says which and why."""

    code = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A reseller to be."""

    name: str
    country: str
    currency: str
    microsoft_tenant_id: str
    client_id: str
    close_day: int

    @property
    def reseller_id(self) -> str:
        """Made of its directory, so that it can be registered once only."""
        return named_id(Kind.RESELLER, "platform", self.microsoft_tenant_id)


class Registry:
    """All that `csp reseller` does."""

    def __init__(
        self,
        client: PartnerCenter,
        provisioning: httpx.AsyncClient,
        rows: Database,
        issuer: DevelopmentIssuer,
        clock: Clock,
    ) -> None:
        self._client = client
        self._provisioning = provisioning
        self._rows = rows
        self._issuer = issuer
        self._clock = clock

    async def register(
        self, wanted: Registration, proof: Proof, refresh_token: Secret | None, *, check: bool
    ) -> str:
        """Credentials first, the reseller last: services begin to work for it as soon as they hear of it."""
        if wanted.reseller_id in [row["reseller_id"] for row in await self._resellers()]:
            raise Refused(f"{wanted.reseller_id} is registered already: see `csp reseller rotate` and `set`")
        credentials = Credentials(
            reseller_id=wanted.reseller_id,
            microsoft_tenant_id=wanted.microsoft_tenant_id,
            client_id=wanted.client_id,
            proof=proof,
            refresh_token=refresh_token,
        )
        await self._keep(credentials, None, check=check)
        await self._post(
            wanted.reseller_id,
            "/resellers",
            {
                "name": wanted.name,
                "country": wanted.country,
                "currency": wanted.currency,
                "microsoft_tenant_id": wanted.microsoft_tenant_id,
                "close_day": wanted.close_day,
            },
        )
        return wanted.reseller_id

    async def rotate(
        self,
        reseller_id: str,
        client_id: str | None,
        proof: Proof | None,
        refresh_token: Secret | None,
        *,
        check: bool,
    ) -> None:
        """Replace what is not None."""
        try:
            old = await self._client.credentials.load(reseller_id)
        except CredentialsUnknown as fault:
            raise Refused(str(fault)) from None
        new = replace(
            old,
            client_id=client_id or old.client_id,
            proof=proof or old.proof,
            refresh_token=refresh_token or old.refresh_token,
        )
        await self._keep(new, old, check=check)

    async def change_setting(
        self, reseller_id: str, setting: str, value: str, effective_on: date | None
    ) -> dict[str, Any]:
        """From a UTC day on; today without one."""
        day = effective_on or self._clock.now().date()
        body = {"setting": setting, "value": value, "effective_on": day.isoformat()}
        return await self._post(reseller_id, "/settings", body)

    async def lines(self) -> AsyncIterator[str]:
        """A line for each reseller."""
        for row in await self._resellers():
            try:
                credentials = await self._client.credentials.load(row["reseller_id"])
            except CredentialsUnknown:
                described = "NO CREDENTIALS"
            else:
                described = _described(credentials)
            yield (
                f"{row['reseller_id']} {row['name']} ({row['country']}, {row['currency']}) "
                f"tenant {row['microsoft_tenant_id']}: {described}"
            )

    async def _resellers(self) -> list[dict[str, Any]]:
        async with self._rows.connection() as connection:
            cursor = await connection.execute("select * from resellers order by name, reseller_id")
            return await cursor.fetchall()

    async def _keep(self, new: Credentials, old: Credentials | None, *, check: bool) -> None:
        """Store and try; what does not work gives way to what was there before."""
        await self._client.save_credentials(new)
        if not check:
            return
        reseller = self._client.as_reseller(new.reseller_id)
        try:
            async for _ in reseller.customers.pages(size=1):
                break
            if new.refresh_token is not None:
                await reseller.customers.relationship_request()
        except PartnerCenterError as fault:
            if old is None:
                await self._client.credentials.forget(new.reseller_id)
            else:
                await self._client.save_credentials(old)
            said = f" ({fault.upstream_code})" if fault.upstream_code else ""
            raise Refused(
                f"Microsoft did not accept these credentials: {fault.code}, {fault}{said}"
            ) from None

    async def _post(self, reseller_id: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        token = self._issuer.issue(reseller=reseller_id, role=Role.SERVICE, actor="service:operator")
        answer = await self._provisioning.post(
            f"/internal/v1{path}",
            headers={"Authorization": f"Bearer {token}", "Idempotency-Key": uuid.uuid4().hex},
            json=body,
        )
        document: dict[str, Any] = answer.json()
        if not answer.is_success:
            faults = [f"{each['field']} {each['reason']}" for each in document.get("invalid_parameters", [])]
            raise Refused(": ".join([document["title"], *(["; ".join(faults)] if faults else [])]))
        return document


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Registry]:
    """The registry over the environment's database, or that of the `csp up` which runs from the folder.

    Nothing listens: its tokens never leave this process.
    """
    settings, microsoft, mail = settings_here(folder)
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=30.0))
        clock = await make_clock(settings, http)
        issuer = DevelopmentIssuer(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        composed = await compose(
            ["provisioning"],
            settings=settings.model_copy(update={"kafka": None}),
            microsoft=microsoft,
            mail=mail,
            clock=clock,
            stack=stack,
            issuer=issuer,
        )
        service = composed.services["provisioning"]
        for database in service.databases:
            await stack.enter_async_context(database)
        if service.store is not None:
            stack.callback(service.store.close)
        peers = LocalPeers()
        stack.push_async_callback(peers.close)
        peers.add(service)
        yield Registry(composed.client, peers.client("provisioning"), service.databases[0], issuer, clock)


def _described(credentials: Credentials) -> str:
    proof = credentials.proof
    if isinstance(proof, ClientCertificate):
        ends = x509.load_pem_x509_certificate(proof.public_certificate.encode()).not_valid_after_utc
        how = f"certificate until {ends:%Y-%m-%d}"
    else:
        how = "secret"
    consent = "refresh token" if credentials.refresh_token is not None else "no refresh token (app-only)"
    if credentials.consent_required_since is not None:
        consent = f"CONSENT NEEDED since {credentials.consent_required_since:%Y-%m-%d %H:%M}"
    return f"application {credentials.client_id}, {how}, {consent}"
