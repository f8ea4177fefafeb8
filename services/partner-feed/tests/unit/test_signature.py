"""PC 9.2: who signed, with what, from where."""

import base64
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from csp_partner_feed.adapters.signature import (
    CertificateUnavailable,
    NotGenuine,
    Signatures,
    TrustPolicy,
    trusted_leaf,
)

NOW = datetime(2026, 3, 5, tzinfo=UTC)
URL = "https://certs.example/signing.cer"
BODY = b'{"EventName": "subscription-updated"}'
ROOT_KEY, MIDDLE_KEY, LEAF_KEY = (
    rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(3)
)


def name(common: str, organisation: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def certificate(
    subject: str,
    key,
    issuer: str,
    issuer_key,
    *,
    organisation: str = "Microsoft Corporation",
    authority: bool = False,
    start: datetime = NOW - timedelta(days=1),
    end: datetime = NOW + timedelta(days=1),
    signs: bool = True,
) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(name(subject, organisation))
        .issuer_name(name(issuer, "Microsoft Corporation"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=signs,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=authority,
                crl_sign=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .sign(issuer_key, hashes.SHA256())
    )


ROOT = certificate("root", ROOT_KEY, "root", ROOT_KEY, authority=True)
LEAF = certificate("leaf", LEAF_KEY, "root", ROOT_KEY)


def policy(**changes) -> TrustPolicy:
    return TrustPolicy(**{"hosts": frozenset({"certs.example"}), "roots": (ROOT,), **changes})


def signed(body: bytes = BODY, key=LEAF_KEY, url: str = URL, **changes: str) -> dict[str, str]:
    signature = base64.b64encode(key.sign(body, padding.PKCS1v15(), hashes.SHA256())).decode()
    return {
        "authorization": f"Signature {signature}",
        "x-ms-certificate-url": url,
        "x-ms-signature-algorithm": "rsa-sha256",
        **changes,
    }


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)


class Host:
    """Serves one certificate file and counts who asks."""

    def __init__(self, content: bytes, status: int = 200) -> None:
        self.content, self.status, self.asked = content, status, 0

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.status == 302:
            return httpx.Response(302, headers={"Location": "https://169.254.169.254/"})
        return httpx.Response(self.status, content=self.content)


async def check(headers: dict[str, str], body: bytes = BODY, host: Host | None = None, **trust) -> Host:
    host = host or Host(LEAF.public_bytes(serialization.Encoding.DER))
    async with httpx.AsyncClient(transport=httpx.MockTransport(host.handle)) as http:
        await Signatures(lambda: policy(**trust), http, now=lambda: NOW).check(headers, body)
    return host


async def test_a_genuine_notification_passes_with_either_header():
    await check(signed())
    both = signed()
    await check(
        {**both, "authorization": "", "x-ms-signature": both["authorization"].removeprefix("Signature ")}
    )


async def test_one_changed_byte_is_noticed():
    with pytest.raises(NotGenuine, match="does not fit"):
        await check(signed(), BODY + b" ")


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"authorization": ""}, "no signature"),
        ({"authorization": "Bearer abc"}, "no signature"),
        ({"authorization": "Signature !!!"}, "not base64"),
        ({"x-ms-certificate-url": ""}, "no certificate"),
        ({"x-ms-signature-algorithm": "none"}, "algorithm"),
        ({"x-ms-certificate-url": "http://certs.example/signing.cer"}, "https"),
        ({"x-ms-certificate-url": "https://evil.example/signing.cer"}, "not listed"),
        ({"x-ms-certificate-url": "https://certs.example@evil.example/x"}, "malformed"),
        ({"x-ms-certificate-url": "https://certs.example:8443/x"}, "https"),
        ({"x-ms-certificate-url": "https://169.254.169.254/latest"}, "not listed"),
        ({"x-ms-certificate-url": "file:///etc/passwd"}, "https"),
        ({"x-ms-certificate-url": "https://certs.example.evil.example/x"}, "not listed"),
        ({"x-ms-certificate-url": "https://[::1"}, "malformed"),
    ],
)
async def test_what_is_missing_or_forged_is_refused_before_anything_is_fetched(changes, rule):
    host = Host(b"")
    with pytest.raises(NotGenuine, match=rule):
        await check({**signed(), **changes}, host=host)
    assert host.asked == 0


@pytest.mark.parametrize(
    ("leaf", "rule"),
    [
        (certificate("leaf", LEAF_KEY, "root", ROOT_KEY, organisation="Somebody"), "organisation"),
        (certificate("leaf", LEAF_KEY, "root", ROOT_KEY, end=NOW - timedelta(hours=1)), "not valid now"),
        (certificate("leaf", LEAF_KEY, "root", ROOT_KEY, start=NOW + timedelta(hours=1)), "not valid now"),
        (certificate("leaf", LEAF_KEY, "leaf", LEAF_KEY), "trusted root"),
        (certificate("leaf", LEAF_KEY, "root", LEAF_KEY), "trusted root"),
        (certificate("leaf", LEAF_KEY, "root", ROOT_KEY, signs=False), "not for signatures"),
    ],
    ids=["organisation", "expired", "not yet", "self-signed", "forged issuer", "key usage"],
)
async def test_a_certificate_must_be_microsofts_valid_and_trusted(leaf, rule):
    with pytest.raises(NotGenuine, match=rule):
        await check(signed(), host=Host(pem(leaf)))


async def test_a_chain_through_an_intermediate_leads_to_the_root_only_if_it_is_an_authority():
    middle = certificate("middle", MIDDLE_KEY, "root", ROOT_KEY, authority=True)
    leaf = certificate("leaf", LEAF_KEY, "middle", MIDDLE_KEY)
    await check(signed(), host=Host(pem(leaf, middle)))
    no_authority = certificate("middle", MIDDLE_KEY, "root", ROOT_KEY)
    with pytest.raises(NotGenuine, match="trusted root"):
        await check(signed(), host=Host(pem(leaf, no_authority)))


async def test_a_key_of_another_kind_is_refused():
    key = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(NotGenuine, match="not RSA"):
        await check(signed(), host=Host(pem(certificate("leaf", key, "root", ROOT_KEY))))


@pytest.mark.parametrize(
    ("host", "fault"),
    [
        (Host(b"x" * 100_000), NotGenuine),
        (Host(b"not a certificate"), NotGenuine),
        (Host(b"", 302), NotGenuine),
        (Host(b"", 404), NotGenuine),
        (Host(b"", 503), CertificateUnavailable),
    ],
    ids=["huge", "garbage", "redirect", "missing", "down"],
)
async def test_what_is_fetched_is_limited_and_no_redirect_is_followed(host: Host, fault: type[Exception]):
    with pytest.raises(fault):
        await check(signed(), host=host)
    assert host.asked == 1


async def test_a_certificate_is_fetched_once():
    host = Host(LEAF.public_bytes(serialization.Encoding.DER))
    async with httpx.AsyncClient(transport=httpx.MockTransport(host.handle)) as http:
        signatures = Signatures(policy, http, now=lambda: NOW)
        for _ in range(3):
            await signatures.check(signed(), BODY)
    assert host.asked == 1


def test_an_empty_chain_is_no_proof():
    with pytest.raises(NotGenuine):
        trusted_leaf([], policy(), NOW)
