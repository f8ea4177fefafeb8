"""Secrets from files or standard input, checked before anything is stored."""

import sys
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from csp_partner_center.credentials import ClientCertificate, Proof
from csp_partner_center.secrets import Secret


class FaultySecret(Exception):
    """The file is not there, is empty, or holds something else; the message never shows what it holds."""

    code = "faulty-secret"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What an operator gave; None is what stays as it is."""

    proof: Proof | None
    refresh_token: Secret | None


def read_secret(file: str) -> Secret:
    """The text of a file, or of standard input for `-`, without the line's end. Raises `FaultySecret`."""
    try:
        text = (sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")).strip()
    except (OSError, UnicodeDecodeError) as fault:
        raise FaultySecret(f"{file} cannot be read: {type(fault).__name__}") from None
    if not text or "\n" in text:
        raise FaultySecret(f"{file} must hold one line of text")
    return Secret(text)


def certificate(certificate_file: Path, key_file: Path) -> ClientCertificate:
    """A certificate and its key, which must belong together. Raises `FaultySecret`."""
    try:
        public, private = certificate_file.read_bytes(), key_file.read_bytes()
        read = x509.load_pem_x509_certificate(public)
        key = serialization.load_pem_private_key(private, None)
    except (OSError, ValueError, TypeError) as fault:
        raise FaultySecret(
            f"{certificate_file} and {key_file} must be PEM, the key without a passphrase: {type(fault).__name__}"
        ) from None
    if key.public_key() != read.public_key():
        raise FaultySecret(f"{key_file} is not the key of {certificate_file}")
    return ClientCertificate(private_key=Secret(private.decode()), public_certificate=public.decode())
