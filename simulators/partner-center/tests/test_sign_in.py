"""The authorisation-code flow: sign in once with MFA, then live on refresh tokens (PC 1.2, 1.3)."""

import base64
import hashlib
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

REDIRECT = "http://127.0.0.1:9/signed-in?from=microsoft"
VERIFIER = "a-verifier-that-is-long-enough-to-be-one-0123456789"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


async def _sign_in(service, **more):
    tenant = service.partner["tenant_id"]
    wish = {
        "client_id": service.partner["client_id"],
        "response_type": "code",
        "redirect_uri": REDIRECT,
        "state": "s-1",
        "scope": "https://api.partnercenter.microsoft.com/user_impersonation openid offline_access",
        **more,
    }
    return await service.http.get(f"/{tenant}/oauth2/v2.0/authorize", params=wish)


async def _code(service, **more):
    answer = await _sign_in(service, **more)
    assert answer.status_code == 302, answer.text
    told = parse_qs(urlsplit(answer.headers["location"]).query)
    assert (told["from"], told["state"]) == (["microsoft"], ["s-1"])
    return told["code"][0]


async def _redeem(service, code, version="/v2.0", **more):
    form = {
        "grant_type": "authorization_code",
        "client_id": service.partner["client_id"],
        "client_secret": service.partner["client_secret"],
        "code": code,
        **more,
    }
    return await service.http.post(f"/{service.partner['tenant_id']}/oauth2{version}/token", data=form)


async def test_a_signed_in_code_becomes_tokens_of_app_and_user_with_mfa(service):
    code = await _code(service, nonce="n-1")
    scope = "https://api.partnercenter.microsoft.com/user_impersonation"
    tokens = (await _redeem(service, code, redirect_uri=REDIRECT, scope=scope, client_info="1")).json()
    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    assert "mfa" in claims["amr"]
    assert jwt.decode(tokens["id_token"], options={"verify_signature": False})["nonce"] == "n-1"
    assert tokens["client_info"]
    users = await service.http.get(
        "/v1/customers/relationshiprequests", headers={"Authorization": f"Bearer {tokens['access_token']}"}
    )
    assert users.status_code == 200
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "scope": scope}
    form |= {"client_id": service.partner["client_id"], "client_secret": service.partner["client_secret"]}
    again = await service.http.post(f"/{service.partner['tenant_id']}/oauth2/v2.0/token", data=form)
    assert again.status_code == 200, again.text


async def test_the_first_version_writes_the_same_answer_with_numbers_as_strings(service):
    resource = "https://api.partnercenter.microsoft.com"
    tokens = (await _redeem(service, await _code(service), "", resource=resource)).json()
    assert set(tokens) == {
        "token_type", "scope", "expires_in", "ext_expires_in", "expires_on", "not_before", "resource", "access_token",
        "refresh_token", "id_token",
    }  # fmt: skip
    assert (tokens["expires_in"], tokens["scope"]) == ("3599", "user_impersonation")


async def test_a_code_serves_once_for_ten_minutes_and_at_its_own_address(service):
    code = await _code(service)
    assert (await _redeem(service, code)).status_code == 200
    used = await _redeem(service, code)
    assert (used.status_code, used.json()["error"], used.json()["error_codes"]) == (
        400,
        "invalid_grant",
        [54005],
    )
    elsewhere = await _redeem(service, await _code(service), redirect_uri="http://127.0.0.1:9/other")
    assert elsewhere.json()["error_codes"] == [500112]
    late = await _code(service)
    await service.advance(by="PT11M")
    assert (await _redeem(service, late)).json()["error_codes"] == [70008]
    assert (await _redeem(service, "made-up")).json()["error_codes"] == [9002313]


@pytest.mark.parametrize(("verifier", "status"), [(VERIFIER, 200), ("another-verifier", 400), ("", 400)])
async def test_a_challenged_code_needs_its_verifier(service, verifier, status):
    code = await _code(service, code_challenge=CHALLENGE, code_challenge_method="S256")
    answer = await _redeem(service, code, code_verifier=verifier)
    assert answer.status_code == status


async def test_a_code_can_come_by_a_form_that_posts_itself_and_unknown_applications_get_none(service):
    page = await _sign_in(service, response_mode="form_post", state='"><script>')
    assert page.headers["content-type"].startswith("text/html")
    assert 'name="code"' in page.text
    assert "<script>document.forms" in page.text
    assert '"><script>' not in page.text
    refused = await _sign_in(service, client_id="00000000-0000-0000-0000-000000000001")
    assert (refused.status_code, refused.json()["error_codes"]) == (400, [700016])
    refused = await _sign_in(service, redirect_uri="javascript:alert(1)")
    assert refused.json()["error_codes"] == [900971]
