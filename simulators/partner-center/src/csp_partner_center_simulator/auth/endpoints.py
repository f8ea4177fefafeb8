"""The token endpoint, v1 and v2, and the OpenID documents (PC 1.3)."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from csp_partner_center_simulator.auth import codes
from csp_partner_center_simulator.auth.refusal import RefusedError
from csp_partner_center_simulator.auth.tokens import (
    GRAPH,
    PARTNER_CENTER,
    PARTNER_CENTER_AUDIENCES,
    RETIRED,
    TokenIssuer,
    fingerprint,
)
from csp_partner_center_simulator.state.partners import Grant, Partner
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.answer import Answer
from csp_partner_center_simulator.wire.request import Request

LIFETIME = timedelta(seconds=3599)
AUDIENCES = PARTNER_CENTER_AUDIENCES | {RETIRED, GRAPH}


def token(
    world: World, issuer: TokenIssuer, tenant: str, request: Request, *, version: int, fault: str
) -> Answer:
    """Answer a token request; refusals carry the AADSTS numbers a client tells apart."""
    form = request.form()
    try:
        return Answer(body=_grant(world, issuer, tenant, form, version, fault), headers=_NO_STORE)
    except RefusedError as refused:
        return Answer(refused.status, refused.body(world.now), dict(_NO_STORE))


_NO_STORE = {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"}


def _grant(
    world: World, issuer: TokenIssuer, tenant: str, form: dict[str, str], version: int, fault: str
) -> dict[str, Any]:
    if fault == "invalid_grant":
        raise RefusedError("invalid_grant", 700082, "The refresh token has expired due to inactivity.")
    partner = _client(world, form)
    audience = _audience(form, version)
    match form.get("grant_type"):
        case "client_credentials":
            access = issuer.issue(
                world,
                partner,
                kind="app",
                audience=audience,
                tenant_id=_tenant(world, partner, tenant),
                lifetime=LIFETIME,
            )
            return _answer(world, version, audience, access)
        case "refresh_token":
            return _refresh(world, issuer, partner, tenant, audience, form, version)
        case "authorization_code":
            code = codes.redeem(world, partner, form)
            grant = _first_grant(world, partner)
            return _user_tokens(
                world, issuer, partner, partner.id, audience, grant, form, version, nonce=code.nonce
            )
        case other:
            raise RefusedError(
                "unsupported_grant_type", 70003, f"The grant type '{(other or '')[:40]}' is not supported."
            )


def _client(world: World, form: dict[str, str]) -> Partner:
    client_id = form.get("client_id", "")
    partner = next((one for one in world.partners if one.client_id == client_id.lower()), None)
    if partner is None:
        raise RefusedError(
            "unauthorized_client", 700016, f"Application '{client_id[:40]}' was not found in the directory."
        )
    if form.get("client_assertion"):
        return partner  # a certificate's assertion is taken on trust: the simulator knows no certificates of clients
    if not hmac.compare_digest(form.get("client_secret", "").encode(), partner.client_secret.encode()):
        raise RefusedError("invalid_client", 7000215, "Invalid client secret provided.", status=401)
    return partner


def _audience(form: dict[str, str], version: int) -> str:
    wish = form.get("resource", "")
    if version == 2 or not wish:
        scopes = [part for part in form.get("scope", "").split() if "/" in part]
        wish = scopes[0].rpartition("/")[0] if scopes else wish
    wish = wish.rstrip("/") or PARTNER_CENTER
    if wish not in AUDIENCES:
        raise RefusedError(
            "invalid_resource", 500011, f"The resource principal named {wish[:100]} was not found."
        )
    return wish


def _refresh(
    world: World,
    issuer: TokenIssuer,
    partner: Partner,
    tenant: str,
    audience: str,
    form: dict[str, str],
    version: int,
) -> dict[str, Any]:
    grant = world.grants.get(fingerprint(form.get("refresh_token", "")))
    if grant is None or grant.partner_id != partner.id:
        raise RefusedError(
            "invalid_grant", 9002313, "Invalid request. The refresh token is malformed or not valid."
        )
    unused = world.profile.refresh_token_unused_days
    if unused is not None and world.now - grant.used_at > timedelta(days=unused):
        raise RefusedError(
            "invalid_grant", 700082, f"The refresh token has expired due to inactivity ({unused} days)."
        )
    if not grant.mfa and world.profile.mfa_required is True:
        raise RefusedError(
            "invalid_grant", 50076, "You must use multi-factor authentication to access the resource."
        )
    directory = _tenant(world, partner, tenant)
    customer = world.customers.get(directory)
    if customer is not None and customer.relation(partner.id) is None:
        raise RefusedError(
            "invalid_grant", 65001, "The user or administrator has not consented to use the application."
        )
    return _user_tokens(world, issuer, partner, directory, audience, grant, form, version)


def _first_grant(world: World, partner: Partner) -> Grant:
    """Give what an interactive sign-in grants: the admin agent, with MFA (PC 1.2)."""
    return Grant(
        id="",
        partner_id=partner.id,
        user_id=partner.user_id,
        user_principal_name=partner.user_principal_name,
        roles=("AdminAgents",),
        mfa=True,
        used_at=world.now,
    )


def _user_tokens(
    world: World,
    issuer: TokenIssuer,
    partner: Partner,
    directory: str,
    audience: str,
    grant: Grant,
    form: dict[str, str],
    version: int,
    *,
    nonce: str = "",
) -> dict[str, Any]:
    """Answer with the tokens of app and user: access, refresh, id."""
    fresh = f"0.{world.new_hex('refresh', 48)}"
    # The old one goes on working: Entra does not revoke a refresh token when it gives a new one.
    for value in dict.fromkeys((form.get("refresh_token", fresh), fresh)):
        world.grants.put(replace(grant, id=fingerprint(value), used_at=world.now))
    access = issuer.issue(
        world, partner, kind="app_user", audience=audience, tenant_id=directory, lifetime=LIFETIME,
        roles=grant.roles, mfa=grant.mfa,
    )  # fmt: skip
    scope = "user_impersonation" if version == 1 else f"{audience}/user_impersonation {audience}/.default"
    answer = {
        **_answer(world, version, audience, access, scope),
        "refresh_token": fresh,
        "id_token": issuer.id_token(partner, directory, datetime.now(UTC), nonce=nonce),
    }
    if form.get("client_info") == "1":
        info = json.dumps({"uid": partner.user_id, "utid": partner.id}).encode()
        answer["client_info"] = base64.urlsafe_b64encode(info).decode().rstrip("=")
    return answer


def _domain(partner: Partner) -> str:
    return partner.user_principal_name.partition("@")[2]


def _tenant(world: World, partner: Partner, tenant: str) -> str:
    """Give the directory the token is for: the partner's own, or that of a customer (by id or domain)."""
    wish = tenant.lower()
    if wish in {"common", "organizations", partner.id, _domain(partner)}:
        return partner.id
    customer = world.customers.get(wish) or next(iter(world.customers.by("domain", wish)), None)
    if customer is None:
        raise RefusedError("invalid_request", 90002, f"Tenant '{tenant[:64]}' not found.")
    return customer.id


def _answer(world: World, version: int, audience: str, access: str, scope: str = "") -> dict[str, Any]:
    seconds = int(LIFETIME.total_seconds())
    now = int(world.now.timestamp())
    scopes = {"scope": scope} if scope else {}
    if version == 2:
        return {
            "token_type": "Bearer",
            **scopes,
            "expires_in": seconds,
            "ext_expires_in": seconds,
            "access_token": access,
        }
    return {  # v1 writes numbers as strings (PC 1.3)
        "token_type": "Bearer",
        **scopes,
        "expires_in": str(seconds),
        "ext_expires_in": str(seconds),
        "expires_on": str(now + seconds),
        "not_before": str(now),
        "resource": audience,
        "access_token": access,
    }


def authorise(world: World, request: Request) -> Answer:
    """Answer a sign-in; what cannot be signed in is told on the page, for there is nobody to send it back to."""
    try:
        return codes.authorise(world, request)
    except RefusedError as refused:
        return Answer(refused.status, refused.body(world.now), dict(_NO_STORE))


def openid_configuration(tenant: str, base_url: str, version: int) -> Answer:
    """Answer the discovery document."""
    oauth = f"{base_url}/{tenant}/oauth2" + ("/v2.0" if version == 2 else "")
    return Answer(
        body={
            "issuer": f"https://sts.windows.net/{tenant}/" if version == 1 else f"{base_url}/{tenant}/v2.0",
            "authorization_endpoint": f"{oauth}/authorize",
            "token_endpoint": f"{oauth}/token",
            "device_authorization_endpoint": f"{oauth}/devicecode",
            "jwks_uri": f"{base_url}/{tenant}/discovery/keys",
            "response_types_supported": ["code", "id_token", "code id_token", "token"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "scopes_supported": ["openid", "profile", "offline_access"],
            "tenant_region_scope": "WW",
        }
    )
