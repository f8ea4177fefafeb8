"""How a reseller proves itself to Microsoft, kept sealed in the schema `microsoft` (secure application model, PC 1.3)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from csp_partner_center.secrets import Secret
from csp_runtime.database import Connection, Database
from csp_runtime.secret_box import SecretBox


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSecret:
    """The application's secret."""

    secret: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCertificate:
    """The application's certificate: both in PEM."""

    private_key: Secret
    public_certificate: str = field(repr=False)


Proof = ClientSecret | ClientCertificate


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """One application in one partner tenant. Without a refresh token only app-only operations are possible (PC 1.2)."""

    reseller_id: str
    microsoft_tenant_id: str
    client_id: str
    proof: Proof
    refresh_token: Secret | None = None
    consent_required_since: datetime | None = None


class CredentialsUnknown(Exception):
    """No credentials are stored for this reseller."""

    code = "microsoft-credentials-unknown"

    def __init__(self, reseller_id: str) -> None:
        super().__init__(f"no Microsoft credentials are stored for {reseller_id}")
        self.reseller_id = reseller_id


Redemption = Callable[[Credentials], Awaitable[Secret | None]]
"""Uses a refresh token, and returns the one that replaces it, if any."""


class CredentialStore:
    """Reads, writes and rotates sealed credentials."""

    def __init__(self, database: Database, secret_box: SecretBox) -> None:
        self._database = database
        self._box = secret_box

    async def save(self, credentials: Credentials) -> None:
        """Store or replace; what was waiting for consent is forgotten."""
        reseller_id = credentials.reseller_id
        refresh_token = credentials.refresh_token
        async with self._database.connection() as connection:
            await connection.execute(
                """
                insert into credentials (reseller_id, microsoft_tenant_id, client_id, sealed_proof, sealed_refresh_token, rotated_at)
                values (%(reseller)s, %(tenant)s, %(client)s, %(proof)s, %(refresh)s, now())
                on conflict (reseller_id) do update set
                    microsoft_tenant_id = excluded.microsoft_tenant_id, client_id = excluded.client_id,
                    sealed_proof = excluded.sealed_proof, sealed_refresh_token = excluded.sealed_refresh_token,
                    rotated_at = excluded.rotated_at, consent_required_since = null, updated_at = now()
                """,
                {
                    "reseller": reseller_id,
                    "tenant": credentials.microsoft_tenant_id.lower(),
                    "client": credentials.client_id,
                    "proof": self._seal(reseller_id, "proof", _proof_bytes(credentials.proof)),
                    "refresh": self._seal_token(reseller_id, refresh_token) if refresh_token else None,
                },
            )

    async def forget(self, reseller_id: str) -> None:
        """Delete; nothing where there are none."""
        async with self._database.connection() as connection:
            await connection.execute("delete from credentials where reseller_id = %s", [reseller_id])

    async def load(self, reseller_id: str) -> Credentials:
        """Raises `CredentialsUnknown`."""
        async with self._database.connection() as connection:
            return await self._load(connection, reseller_id, lock=False)

    async def resellers(self) -> list[str]:
        """Who has credentials."""
        async with self._database.connection() as connection:
            cursor = await connection.execute("select reseller_id from credentials order by reseller_id")
            return [str(row["reseller_id"]) for row in await cursor.fetchall()]

    async def redeem(self, reseller_id: str, redemption: Redemption) -> None:
        """Use the refresh token and store the one that replaces it, under the row's lock: Microsoft may let each be used
        once, so processes take turns. The lock is held over one call to the token service, which is bounded in time.

        Raises `CredentialsUnknown` and whatever `redemption` raises; then nothing is stored.
        """
        async with self._database.transaction() as connection:
            credentials = await self._load(connection, reseller_id, lock=True)
            replacement = await redemption(credentials)
            if replacement is not None:
                await connection.execute(
                    """
                    update credentials set sealed_refresh_token = %(refresh)s, rotated_at = now(), consent_required_since = null
                    where reseller_id = %(reseller)s
                    """,
                    {"reseller": reseller_id, "refresh": self._seal_token(reseller_id, replacement)},
                )

    async def consent_required(self, reseller_id: str, since: datetime) -> None:
        """The refresh token is dead; remembered so that no process tries it again."""
        async with self._database.connection() as connection:
            await connection.execute(
                """
                update credentials set consent_required_since = coalesce(consent_required_since, %(since)s)
                where reseller_id = %(reseller)s
                """,
                {"reseller": reseller_id, "since": since},
            )

    async def _load(self, connection: Connection, reseller_id: str, *, lock: bool) -> Credentials:
        cursor = await connection.execute(
            "select microsoft_tenant_id, client_id, sealed_proof, sealed_refresh_token, consent_required_since"
            " from credentials where reseller_id = %s" + (" for update" if lock else ""),
            [reseller_id],
        )
        row = await cursor.fetchone()
        if row is None:
            raise CredentialsUnknown(reseller_id)
        sealed_token = row["sealed_refresh_token"]
        return Credentials(
            reseller_id=reseller_id,
            microsoft_tenant_id=row["microsoft_tenant_id"],
            client_id=row["client_id"],
            proof=_proof_of(self._box.open(row["sealed_proof"], _context(reseller_id, "proof"))),
            refresh_token=Secret(
                self._box.open(sealed_token, _context(reseller_id, "refresh-token")).decode()
            )
            if sealed_token
            else None,
            consent_required_since=row["consent_required_since"],
        )

    def _seal(self, reseller_id: str, what: str, plaintext: bytes) -> bytes:
        return self._box.seal(plaintext, _context(reseller_id, what))

    def _seal_token(self, reseller_id: str, token: Secret) -> bytes:
        return self._seal(reseller_id, "refresh-token", token.reveal().encode())


def _context(reseller_id: str, what: str) -> str:
    return f"microsoft/{reseller_id}/{what}"


def _proof_bytes(proof: Proof) -> bytes:
    match proof:
        case ClientSecret():
            return msgspec.json.encode({"secret": proof.secret.reveal()})
        case ClientCertificate():
            return msgspec.json.encode(
                {"private_key": proof.private_key.reveal(), "public_certificate": proof.public_certificate}
            )


def _proof_of(opened: bytes) -> Proof:
    members = msgspec.json.decode(opened, type=dict[str, str])
    if "secret" in members:
        return ClientSecret(secret=Secret(members["secret"]))
    return ClientCertificate(
        private_key=Secret(members["private_key"]), public_certificate=members["public_certificate"]
    )
