"""Access tokens as Entra issues them: signed JWTs whose lifetime runs on the virtual clock (PC 1.2, 14.2)."""

import base64
import hashlib
from datetime import datetime, timedelta
from typing import Any, Literal

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from csp_partner_center_simulator.state.partners import Partner
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.call import Caller
from csp_partner_center_simulator.wire.errors import UnauthorizedError

PARTNER_CENTER = "https://api.partnercenter.microsoft.com"
RETIRED = "https://graph.windows.net"  # PC 1.2: refused since August 2025
GRAPH = "https://graph.microsoft.com"
PARTNER_CENTER_APP = "fa3d9a0c-3fb0-42cc-9193-47c7ecd2edbd"
PARTNER_CENTER_AUDIENCES = frozenset(
    {PARTNER_CENTER, PARTNER_CENTER_APP, "https://api.partner.microsoft.com"}
)
KEY_ID = "simulator"


class TokenIssuer:
    """Issues and reads tokens with one signing key."""

    def __init__(self, key_pem: bytes) -> None:
        key = serialization.load_pem_private_key(key_pem, None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError("the signing key must be an RSA key")
        self._key = key
        self._public = key.public_key()
        self._read: dict[str, dict[str, Any]] = {}

    def issue(
        self,
        world: World,
        partner: Partner,
        *,
        kind: Literal["app", "app_user"],
        audience: str,
        tenant_id: str,
        lifetime: timedelta,
        roles: tuple[str, ...] = (),
        mfa: bool = True,
        application_id: str = "",
    ) -> str:
        """Make an access token for `tenant_id`'s directory; times are of the virtual clock."""
        now = int(world.now.timestamp())
        claims: dict[str, Any] = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{tenant_id}/",
            "iat": now,
            "nbf": now,
            "exp": now + int(lifetime.total_seconds()),
            "appid": application_id or partner.client_id,
            "tid": tenant_id,
            "partner": partner.id,
            "ver": "1.0",
            "jti": world.new_hex("token", 16),
        }
        if kind == "app_user":
            claims |= {
                "oid": partner.user_id,
                "upn": partner.user_principal_name,
                "scp": "user_impersonation",
                "wids": list(roles),
                "amr": ["pwd", "mfa"] if mfa else ["pwd"],
            }
        else:
            claims |= {"oid": partner.client_id, "idtyp": "app"}
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": KEY_ID})

    def read(self, token: str) -> dict[str, Any]:
        """Give the claims of a token of ours (not looking at its lifetime); 401 for any other."""
        claims = self._read.get(token)
        if claims is None:
            try:
                claims = jwt.decode(
                    token,
                    self._public,
                    algorithms=["RS256"],
                    options={
                        "verify_exp": False,
                        "verify_aud": False,
                        "verify_nbf": False,
                        "verify_iat": False,
                    },
                )
            except jwt.PyJWTError:
                raise UnauthorizedError(400, "The access token is not valid.") from None
            if len(self._read) > 5000:
                self._read.clear()
            self._read[token] = claims
        return claims

    def id_token(self, partner: Partner, tenant_id: str, real_now: datetime, *, nonce: str = "") -> str:
        """Make an OpenID token; its times are real, for clients check them against their own clock."""
        now = int(real_now.timestamp())
        return jwt.encode(
            {
                "aud": partner.client_id,
                "iss": f"https://sts.windows.net/{tenant_id}/",
                "iat": now,
                "nbf": now,
                "exp": now + 3600,
                "oid": partner.user_id,
                "sub": partner.user_id,
                "tid": tenant_id,
                "preferred_username": partner.user_principal_name,
                "upn": partner.user_principal_name,
                **({"nonce": nonce} if nonce else {}),
            },
            self._key,
            algorithm="RS256",
            headers={"kid": KEY_ID},
        )

    def jwks(self) -> dict[str, Any]:
        """Give the public key as a JSON Web Key set."""
        numbers = self._public.public_numbers()
        return {
            "keys": [
                {
                    "kty": "RSA",
                    "use": "sig",
                    "alg": "RS256",
                    "kid": KEY_ID,
                    "n": _base64_number(numbers.n),
                    "e": _base64_number(numbers.e),
                }
            ]
        }


def caller_of(
    world: World, issuer: TokenIssuer, authorization: str | None, audiences: frozenset[str]
) -> Caller:
    """Verify the `Authorization` header; 401 with the code that fits (PC 1.2, 12)."""
    if not authorization:
        raise UnauthorizedError(800001, "The Authorization header is missing.")
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise UnauthorizedError(400, "The Authorization header must be 'Bearer <token>'.")
    claims = issuer.read(token.strip())
    if claims["exp"] <= world.now.timestamp():
        raise UnauthorizedError(400, "The access token has expired.")
    audience = str(claims["aud"]).rstrip("/")
    if audience == RETIRED and PARTNER_CENTER in audiences:
        if world.profile.retired_audience_refused:
            raise UnauthorizedError(
                900420,
                f"Tokens for {RETIRED} are no longer accepted; request a token for {PARTNER_CENTER}.",
            )
    elif audience not in audiences:
        raise UnauthorizedError(400, f"The access token was issued for {audience}, not for this service.")
    partner = world.partners.get(str(claims["partner"]))
    if partner is None:
        raise UnauthorizedError(400, "The access token is of a tenant that is no partner here.")
    return Caller(
        partner=partner,
        application_id=str(claims["appid"]),
        tenant_id=str(claims["tid"]),
        user_id=str(claims["oid"]) if "scp" in claims else "",
        user_principal_name=str(claims.get("upn", "")),
        roles=frozenset(claims.get("wids", ())),
        mfa="mfa" in claims.get("amr", ()),
    )


def fingerprint(token: str) -> str:
    """Give the hash under which a refresh token is remembered."""
    return hashlib.sha256(token.encode()).hexdigest()


def _base64_number(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8)).rstrip(b"=").decode()
