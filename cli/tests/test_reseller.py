"""An operator registers a reseller with its Microsoft credentials: tried before they count, sealed, never shown."""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from psycopg.rows import dict_row
from typer.testing import CliRunner

from csp_cli.composition import migrate_all
from csp_cli.reseller import app
from csp_cli.services import SERVICES
from csp_runtime.secret_box import new_key
from csp_testing.ports import die_with_parent, free_port
from csp_testing.probe import eventually


@pytest.fixture
def partner(tmp_path):
    """A partner of a running simulator, as Microsoft knows it, and the simulator's address."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "csp_cli", "simulator", "--port", str(port)]
    with (tmp_path / "simulator.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - one call into libc, no locks
        )

    def answers():
        try:
            return httpx.get(f"{base}/_control/partners").json()
        except httpx.TransportError:
            return None

    try:
        partners = asyncio.run(eventually(answers, within=60))
        yield partners[0], base
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture
def environment(partner, database_url, monkeypatch, tmp_path):
    migrate_all(database_url, SERVICES)
    _, base = partner
    for name, value in {
        "DATABASE_URL": database_url,
        "SEAL_KEYS": new_key(),
        "CLOCK": "system",
        "MICROSOFT_CLOUD": "simulator",
        "MICROSOFT_BASE_URL": base,
        "DATA": str(tmp_path / "data"),
    }.items():
        monkeypatch.setenv(f"CSP_{name}", value)


@pytest.fixture
def files(partner, tmp_path):
    """Files with the partner's secrets."""
    known, _ = partner
    for name in ("client_secret", "refresh_token"):
        (tmp_path / name).write_text(known[name] + "\n")
    (tmp_path / "wrong").write_text("not-the-secret\n")
    return tmp_path


def csp(*arguments, stdin=None):
    return CliRunner().invoke(app, [str(each) for each in arguments], input=stdin)


def registered(partner, files, *more):
    known, _ = partner
    described = {
        "--name": known["name"],
        "--country": known["country"],
        "--currency": known["currency"],
        "--microsoft-tenant": known["tenant_id"],
        "--client-id": known["client_id"],
    }
    named = [part for pair in described.items() for part in pair]
    return csp("register", *named, "--refresh-token-file", files / "refresh_token", *more)


def rows(database_url, query):
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        return connection.execute(query).fetchall()


def test_credentials_are_tried_sealed_shown_without_a_secret_and_rotated(
    environment, partner, files, database_url
):
    known, _ = partner
    done = registered(partner, files, "--close-day", "20", "--secret-file", files / "client_secret")
    assert done.exit_code == 0, done.output
    reseller_id = done.output.split()[0]

    (event, setting) = rows(
        database_url, "select topic, state from provisioning.provisioning_events order by notification_id"
    )
    assert event["topic"] == "csp.provisioning.reseller-registered.v1"
    assert b'"20"' in setting["state"]
    stored = str(rows(database_url, "select * from microsoft.credentials"))
    shown = csp("show").output
    for secret in (known["client_secret"], known["refresh_token"]):
        assert secret not in stored + shown + done.output
    assert f"{reseller_id} {known['name']}" in shown
    assert "secret, refresh token" in shown

    again = registered(partner, files, "--secret-file", files / "client_secret")
    assert again.exit_code == 1
    assert "registered already" in again.output

    refused = csp("rotate", reseller_id, "--secret-file", files / "wrong")
    assert refused.exit_code == 1
    assert "not-the-secret" not in refused.output
    rotated = csp("rotate", reseller_id, "--secret-file", "-", stdin=known["client_secret"] + "\n")
    assert rotated.exit_code == 0, rotated.output

    assert csp("set", reseller_id, "close_day", "31", "--from", "2026-12-01").exit_code == 0
    assert "close_day" not in csp("set", reseller_id, "colour", "1").output.partition("must")[0]
    assert len(rows(database_url, "select 1 from provisioning.provisioning_events")) == 3


def test_credentials_that_microsoft_refuses_leave_nothing_behind(environment, partner, files, database_url):
    done = registered(partner, files, "--secret-file", files / "wrong")
    assert done.exit_code == 1
    assert "Microsoft did not accept" in done.output
    assert rows(database_url, "select * from microsoft.credentials") == []
    assert rows(database_url, "select * from provisioning.resellers") == []
    untried = registered(partner, files, "--secret-file", files / "wrong", "--no-check")
    assert untried.exit_code == 0, untried.output
    assert "not tried" in untried.output


def test_a_certificate_must_have_its_own_key(environment, partner, files):
    keys = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)]
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "csp")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(keys[0].public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=90))
        .sign(keys[0], hashes.SHA256())
    )
    (files / "app.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    for number, key in enumerate(keys):
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (files / f"key{number}.pem").write_bytes(pem)

    def given(key):
        return ("--certificate-file", files / "app.pem", "--private-key-file", files / key, "--no-check")

    assert "is not the key of" in registered(partner, files, *given("key1.pem")).output
    assert registered(partner, files, *given("key0.pem")).exit_code == 0
    assert f"certificate until {now + timedelta(days=90):%Y-%m-%d}" in csp("show").output


def test_a_secret_is_never_an_argument():
    for command in ("register", "rotate"):
        options = [word for word in csp(command, "--help").output.split() if word.startswith("--")]
        assert {"--secret", "--refresh-token", "--private-key", "--password"}.isdisjoint(options)
