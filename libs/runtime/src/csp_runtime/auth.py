"""Bearer tokens to scopes, and the development issuer that stands in for an identity provider on one machine."""

import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import httpx
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from csp_runtime.problems import Problem
from csp_runtime.scope import Role, Scope

AUDIENCE = "csp"
REMEMBERED_SECONDS = 30.0
_ALGORITHMS = ["EdDSA", "RS256", "ES256"]


class TokenVerifier(Protocol):
    """Makes a scope of a bearer token, once, at the edge."""

    async def verify(self, token: str) -> Scope:
        """The scope; a `Problem` of type `unauthenticated` for anything that is not a valid token of ours."""


class ServiceTokens(Protocol):
    """Tokens for background work, role `service`."""

    async def token(self, reseller: str) -> str:
        """A bearer token for one reseller."""


def scope_of_claims(claims: Mapping[str, Any]) -> Scope:
    """Claims `csp_reseller`, `csp_customer`, `roles`, `sub`; unknown roles are ignored, none at all is refused."""
    known = {str(role) for role in Role}
    roles = frozenset(Role(role) for role in claims.get("roles", []) if role in known)
    reseller = claims.get("csp_reseller")
    customer = claims.get("csp_customer")
    if not roles or not isinstance(reseller, str):
        raise Problem("forbidden", "The token carries no role here")
    if any(role.startswith("customer") for role in roles) and not customer:
        raise Problem("forbidden", "The token of a customer names no customer")
    return Scope(
        reseller=reseller,
        customer=customer,
        roles=roles,
        actor=str(claims["sub"]),
        on_behalf_of=claims.get("csp_on_behalf_of"),
    )


class RememberingVerifier:
    """Verifies a token once, and remembers its scope for half a minute at most, never past the token's end."""

    def __init__(self, verifier: TokenVerifier, *, most: int = 10_000) -> None:
        self._verifier = verifier
        self._most = most
        self._known: dict[str, tuple[float, Scope]] = {}

    async def verify(self, token: str) -> Scope:
        """As `TokenVerifier`."""
        now = time.time()
        known = self._known.get(token)
        if known is not None and known[0] > now:
            return known[1]
        scope = await self._verifier.verify(token)
        ends = float(jwt.decode(token, options={"verify_signature": False})["exp"])
        if len(self._known) >= self._most:
            self._known.clear()
        self._known[token] = (min(ends, now + REMEMBERED_SECONDS), scope)
        return scope


class JwksVerifier:
    """Verifies against the keys of OIDC issuers, fetched when an unknown key is named."""

    def __init__(self, issuers: Mapping[str, str], client: httpx.AsyncClient) -> None:
        self._issuers = dict(issuers)
        self._client = client
        self._keys: dict[tuple[str, str], jwt.PyJWK] = {}

    async def verify(self, token: str) -> Scope:
        try:
            header = jwt.get_unverified_header(token)
            issuer = str(jwt.decode(token, options={"verify_signature": False}).get("iss"))
            key = await self._key(issuer, str(header.get("kid")))
            claims = jwt.decode(
                token,
                key,
                algorithms=_ALGORITHMS,
                audience=AUDIENCE,
                issuer=issuer,
                options={"require": ["exp", "sub"]},
            )
        except jwt.InvalidTokenError as fault:
            raise Problem("unauthenticated", "The bearer token is not valid", type(fault).__name__) from None
        return scope_of_claims(claims)

    async def _key(self, issuer: str, key_id: str) -> jwt.PyJWK:
        if issuer not in self._issuers:
            raise jwt.InvalidIssuerError("unknown issuer")
        if (issuer, key_id) not in self._keys:
            try:
                answer = (await self._client.get(self._issuers[issuer])).raise_for_status().json()
            except (httpx.HTTPError, ValueError):
                raise Problem("unavailable", "The identity provider does not answer", retry_after=2) from None
            for key in jwt.PyJWKSet.from_dict(answer).keys:
                self._keys[(issuer, str(key.key_id))] = key
        try:
            return self._keys[(issuer, key_id)]
        except KeyError:
            raise jwt.InvalidKeyError("unknown key") from None


class DevelopmentIssuer:
    """Issues tokens for anyone who asks: for one machine only, never on another address than loopback."""

    def __init__(self, folder: Path, issuer: str = "csp-development") -> None:
        self.issuer = issuer
        path = folder / "development-issuer.pem"
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            made = Ed25519PrivateKey.generate()
            path.touch(mode=0o600)
            path.write_bytes(
                made.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                )
            )
        key = serialization.load_pem_private_key(path.read_bytes(), None)
        if not isinstance(key, Ed25519PrivateKey):
            raise TypeError(f"{path} holds no Ed25519 key")
        self._key = key

    def issue(
        self,
        *,
        reseller: str,
        role: Role,
        customer: str | None = None,
        actor: str | None = None,
        lifetime: timedelta = timedelta(hours=12),
    ) -> str:
        """A token as an identity provider would issue it; lifetimes follow the system's clock."""
        now = datetime.now(UTC)
        claims = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": actor or f"dev:{role}",
            "iat": now,
            "exp": now + lifetime,
            "jti": secrets.token_hex(8),
            "csp_reseller": reseller,
            "csp_customer": customer,
            "roles": [str(role)],
        }
        return jwt.encode(claims, self._key, algorithm="EdDSA", headers={"kid": "development"})

    async def verify(self, token: str) -> Scope:
        """As `TokenVerifier`."""
        try:
            claims = jwt.decode(
                token,
                self._key.public_key(),
                algorithms=["EdDSA"],
                audience=AUDIENCE,
                issuer=self.issuer,
                options={"require": ["exp", "sub"]},
            )
        except jwt.InvalidTokenError as fault:
            raise Problem("unauthenticated", "The bearer token is not valid", type(fault).__name__) from None
        return scope_of_claims(claims)

    async def token(self, reseller: str) -> str:
        """As `ServiceTokens`."""
        return self.issue(reseller=reseller, role=Role.SERVICE, actor="service:platform")

    def jwks(self) -> dict[str, Any]:
        """The public key, for services in other processes."""
        jwk = OKPAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [{**jwk, "kid": "development", "alg": "EdDSA", "use": "sig"}]}


class ClientCredentials:
    """Tokens of role `service` from an OIDC provider (client-credential grant), kept until shortly before they end."""

    def __init__(self, token_url: str, client_id: str, client_secret: str, client: httpx.AsyncClient) -> None:
        self._url = token_url
        self._id = client_id
        self._secret = client_secret
        self._client = client
        self._cached: dict[str, tuple[datetime, str]] = {}

    def __repr__(self) -> str:
        return f"ClientCredentials({self._url!r})"

    async def token(self, reseller: str) -> str:
        """As `ServiceTokens`; raises `httpx.HTTPError` where the provider does not answer."""
        now = datetime.now(UTC)
        ends, token = self._cached.get(reseller, (now, ""))
        if ends <= now:
            answer = await self._client.post(
                self._url,
                data={
                    "grant_type": "client_credentials",
                    "client_id": self._id,
                    "client_secret": self._secret,
                    "audience": AUDIENCE,
                    "reseller": reseller,
                },
            )
            body = answer.raise_for_status().json()
            token = str(body["access_token"])
            self._cached[reseller] = (now + timedelta(seconds=int(body.get("expires_in", 300)) - 30), token)
        return token
