"""The authorisation-code flow: the first consent of the secure application model (PC 1.2, 1.3).

Who is sent to the authorise endpoint comes back at once with a code, signed in with MFA as the partner's admin agent: there is
no person to ask. An expired, foreign, used or wrongly proven code is refused as Entra refuses it.
"""

import base64
import hashlib
import hmac
from datetime import timedelta
from urllib.parse import urlencode, urlsplit

from msgspec.structs import replace

from csp_partner_center_simulator.auth.refusal import RefusedError
from csp_partner_center_simulator.auth.tokens import fingerprint
from csp_partner_center_simulator.state.partners import Code, Partner
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.answer import Answer
from csp_partner_center_simulator.wire.request import Request

LIFETIME = timedelta(minutes=10)
FORM = (
    '<!DOCTYPE html><html><head><title>Working...</title></head><body><form method="POST" action="{action}">{fields}'
    "</form><script>document.forms[0].submit();</script></body></html>"
)


def authorise(world: World, request: Request) -> Answer:
    """Sign in: 302 (or a form that posts itself) to the redirect URI with the code and the caller's state."""
    client_id = (request.param("client_id") or "").lower()
    partner = next((one for one in world.partners if one.client_id == client_id), None)
    if partner is None:
        raise RefusedError(
            "unauthorized_client", 700016, f"Application '{client_id[:40]}' was not found in the directory."
        )
    redirect_uri = request.param("redirect_uri") or ""
    if urlsplit(redirect_uri).scheme not in {"http", "https"}:
        raise RefusedError("invalid_request", 900971, "No reply address provided.")
    if "code" not in (request.param("response_type") or "").split():
        raise RefusedError("unsupported_response_type", 700054, "response_type must contain 'code'.")
    code = f"0.{world.new_hex('code', 48)}"
    world.codes.put(
        Code(
            id=fingerprint(code),
            partner_id=partner.id,
            redirect_uri=redirect_uri,
            nonce=request.param("nonce") or "",
            challenge=request.param("code_challenge") or "",
            challenge_method=(request.param("code_challenge_method") or "plain").lower(),
            expires_at=world.now + LIFETIME,
        )
    )
    told = {"code": code, "session_state": world.new_id("session")}
    if (state := request.param("state")) is not None:
        told["state"] = state
    return _back(redirect_uri, told, request.param("response_mode") or "query")


def _back(redirect_uri: str, told: dict[str, str], mode: str) -> Answer:
    if mode == "form_post":
        fields = "".join(
            f'<input type="hidden" name="{_escaped(name)}" value="{_escaped(value)}"/>'
            for name, value in told.items()
        )
        page = FORM.format(action=_escaped(redirect_uri), fields=fields)
        return Answer(200, page.encode(), content_type="text/html; charset=utf-8")
    mark = "#" if mode == "fragment" else "&" if "?" in redirect_uri else "?"
    return Answer(302, None, {"Location": f"{redirect_uri}{mark}{urlencode(told)}"})


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")


def redeem(world: World, partner: Partner, form: dict[str, str]) -> Code:
    """Take a code in, once."""
    code = world.codes.get(fingerprint(form.get("code", "")))
    if code is None or code.partner_id != partner.id:
        raise RefusedError(
            "invalid_grant", 9002313, "Invalid request. The authorization code is malformed or not valid."
        )
    if code.redeemed:
        raise RefusedError("invalid_grant", 54005, "OAuth2 Authorization code was already redeemed.")
    if code.expires_at <= world.now:
        raise RefusedError("invalid_grant", 70008, "The provided authorization code has expired.")
    if form.get("redirect_uri", code.redirect_uri) != code.redirect_uri:
        raise RefusedError(
            "invalid_grant", 500112, "The reply address does not match the one of the sign-in."
        )
    if code.challenge and not _proven(code, form.get("code_verifier", "")):
        raise RefusedError("invalid_grant", 501481, "The Code_Verifier does not match the code_challenge.")
    return world.codes.put(replace(code, redeemed=True))


def _proven(code: Code, verifier: str) -> bool:
    given = verifier
    if code.challenge_method == "s256":
        digest = hashlib.sha256(verifier.encode()).digest()
        given = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return hmac.compare_digest(given.encode(), code.challenge.encode())
