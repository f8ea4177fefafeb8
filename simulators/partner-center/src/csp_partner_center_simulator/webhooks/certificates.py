"""A certificate authority of its own and the certificates that sign webhooks (PC 9.2, 14.7)."""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SIGNER = "pcnotifications-dispatch.microsoft.com"
ORGANIZATION = "Microsoft Corporation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A key with its certificate."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    def sign(self, content: bytes) -> str:
        """Sign the exact bytes: RSA PKCS#1 v1.5 with SHA-256, in base64."""
        return base64.b64encode(self.key.sign(content, padding.PKCS1v15(), hashes.SHA256())).decode()

    def der(self) -> bytes:
        """Give the certificate as it is downloaded."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    def pem(self) -> bytes:
        """Give the certificate as text."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """Root, signing certificate, and two that must be refused: an expired one and one of another authority."""

    root: Signer
    signing: Signer
    expired: Signer
    foreign: Signer

    def named(self, name: str) -> bytes | None:
        """Give a published certificate by file name (`.cer` is DER, `.pem` text)."""
        files = {
            f"{SIGNER}.cer": self.signing.der(),
            "signing.cer": self.signing.der(),
            "signing.pem": self.signing.pem(),
            "root.cer": self.root.der(),
            "root.pem": self.root.pem(),
            "ca.pem": self.root.pem(),
            "chain.pem": self.signing.pem() + self.root.pem(),
            "expired.cer": self.expired.der(),
            "foreign.cer": self.foreign.der(),
        }
        return files.get(name)


def new_key() -> rsa.RSAPrivateKey:
    """Make an RSA key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def key_pem(key: rsa.RSAPrivateKey) -> bytes:
    """Write a key for keeping."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def authority(root_key: rsa.RSAPrivateKey, signing_key: rsa.RSAPrivateKey, now: datetime) -> Authority:
    """Make the certificates; validity is by the real clock, for receivers check it by theirs."""
    now = now.astimezone(UTC).replace(microsecond=0)
    start, end = now - timedelta(days=1), now + timedelta(days=3650)
    root_name = _name("Partner Center Simulator Root", ORGANIZATION)
    root = Signer(
        key=root_key,
        certificate=_certificate(root_name, root_key, root_name, root_key, start, end, root=True),
    )
    name = _name(SIGNER, ORGANIZATION)
    signing = Signer(
        key=signing_key, certificate=_certificate(name, signing_key, root_name, root_key, start, end)
    )
    past = now - timedelta(days=400)
    expired = Signer(
        key=signing_key,
        certificate=_certificate(name, signing_key, root_name, root_key, past, past + timedelta(days=365)),
    )
    other = _name("Somebody Else Root", "Somebody Else")
    foreign = Signer(
        key=signing_key,
        certificate=_certificate(_name(SIGNER, "Somebody Else"), signing_key, other, signing_key, start, end),
    )
    return Authority(root=root, signing=signing, expired=expired, foreign=foreign)


def _name(common: str, organization: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _certificate(
    subject: x509.Name,
    key: rsa.RSAPrivateKey,
    issuer: x509.Name,
    issuer_key: rsa.RSAPrivateKey,
    start: datetime,
    end: datetime,
    *,
    root: bool = False,
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=root, path_length=0 if root else None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
        .add_extension(
            x509.KeyUsage(
                digital_signature=not root,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=root,
                crl_sign=root,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )
    if not root:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(SIGNER)]), critical=False
        ).add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]),
            critical=False,
        )
    return builder.sign(issuer_key, hashes.SHA256())
