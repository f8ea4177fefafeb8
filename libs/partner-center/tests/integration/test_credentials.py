"""Sealed credentials, rotation under the row's lock, and secrets that never show."""

import asyncio
import logging
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from csp_partner_center import (
    ClientCertificate,
    Credentials,
    PartnerCenter,
    PartnerCenterError,
    PartnerCenterSettings,
    RequestIds,
    Reseller,
    Secret,
    connect,
)
from csp_partner_center.credentials import CredentialsUnknown
from csp_partner_center.users import NewUser, PasswordProfile
from csp_runtime.database import Database
from csp_runtime.secret_box import SealBroken, SecretBox, new_key

Say = Callable[..., httpx.Response]
RESELLER = "res_north"


async def test_nothing_secret_lies_readable_in_the_database(
    partner_center: PartnerCenter, database: Database
):
    async with database.connection() as connection:
        rows = await (
            await connection.execute("select row_to_json(c)::text as everything, c.* from credentials c")
        ).fetchall()
    assert len(rows) == 1
    shown = repr(rows) + rows[0]["everything"]
    assert "canary" not in shown
    assert b"canary".hex() not in shown


async def test_a_seal_moved_to_another_reseller_does_not_open(
    partner_center: PartnerCenter, database: Database
):
    async with database.connection() as connection:
        await connection.execute("update credentials set reseller_id = 'res_other'")
    with pytest.raises(SealBroken):
        await partner_center.credentials.load("res_other")
    with pytest.raises(CredentialsUnknown):
        await partner_center.credentials.load(RESELLER)


async def test_each_refresh_token_is_used_once_by_however_many_processes(
    database: Database, http: httpx.AsyncClient, clock, settings: PartnerCenterSettings, microsoft, say: Say
):
    box = SecretBox.from_text(new_key())
    processes = [connect(settings, database, clock, box, http=http) for _ in range(6)]
    await processes[0].save_credentials(
        Credentials(
            reseller_id=RESELLER,
            microsoft_tenant_id="t",
            client_id="a",
            proof=_secret(),
            refresh_token=Secret("refresh-0"),
        )
    )
    microsoft.answers(*[say(200, {"id": "u"}) for _ in range(6)])
    await asyncio.gather(*[each.as_reseller(RESELLER).users.get("c", "u") for each in processes])
    used = [form["refresh_token"] for form in microsoft.token_requests]
    assert used == [f"refresh-{number}" for number in range(6)]
    assert (await processes[0].credentials.load(RESELLER)).refresh_token == Secret("refresh-6")


async def test_tokens_are_kept_until_shortly_before_their_end(reseller: Reseller, microsoft, say: Say, clock):
    microsoft.answers(*[say(200, {"id": "u"}) for _ in range(3)])
    await reseller.users.get("c", "u")
    await reseller.users.get("c", "u")
    assert len(microsoft.token_requests) == 1
    await clock.sleep(3599 - 119)
    await reseller.users.get("c", "u")
    assert len(microsoft.token_requests) == 2


async def test_a_certificate_signs_instead_of_a_secret(
    database: Database, http: httpx.AsyncClient, clock, settings: PartnerCenterSettings, microsoft, say: Say
):
    connected = connect(settings, database, clock, SecretBox.from_text(new_key()), http=http)
    await connected.save_credentials(
        Credentials(reseller_id=RESELLER, microsoft_tenant_id="t", client_id="a", proof=_certificate())
    )
    microsoft.answers(say(200, {"id": "c"}))
    await connected.as_reseller(RESELLER).customers.get("c")
    (form,) = microsoft.token_requests
    assert form["client_assertion_type"].endswith("jwt-bearer")
    assert "client_secret" not in form


async def test_no_secret_shows_in_errors_logs_or_spans(
    reseller: Reseller, microsoft, say: Say, ids: RequestIds, caplog: pytest.LogCaptureFixture
):
    """The canary: every secret of this file's fixtures has `canary`, `access-` or `refresh-` in it."""
    caplog.set_level(logging.DEBUG)
    new = NewUser(
        user_principal_name="canary-person@north.example",
        display_name="canary-person",
        password_profile=PasswordProfile(password=Secret("canary-password")),
    )
    failures: list[object] = [
        httpx.ReadTimeout(
            "x", request=httpx.Request("POST", "https://x", headers={"Authorization": "canary"})
        ),
        say(500, {"code": 1, "description": "canary"}),
        say(400, {"code": 1, "description": "canary-password is weak", "data": ["canary-person"]}),
        say(200, b'{"passwordProfile": {"password": "canary-password"'),
        say(200, {"passwordProfile": {"password": "canary-password"}}),
    ]
    with structlog.testing.capture_logs() as lines:
        for failure in failures:
            microsoft.answers(failure)
            with pytest.raises(PartnerCenterError) as raised:
                await reseller.users.create("c", new, ids)
            fault = raised.value
            shown = repr(fault) + str(fault) + "".join(traceback.format_exception(fault)) + repr(new)
            assert "canary-pass" not in shown
            assert "canary-person" not in shown
            assert fault.__context__ is None or "canary" not in repr(vars(fault.__context__))
    assert "canary" not in repr(lines)
    spilled = "\n".join(each.getMessage() for each in caplog.records)
    assert not [word for word in ("canary", "access-1", "refresh-1") if word in spilled]


def _secret():
    from csp_partner_center import ClientSecret

    return ClientSecret(secret=Secret("canary-client-secret"))


def _certificate() -> ClientCertificate:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return ClientCertificate(
        private_key=Secret(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ).decode()
        ),
        public_certificate=certificate.public_bytes(serialization.Encoding.PEM).decode(),
    )
