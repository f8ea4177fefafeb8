"""Whether a notification was signed by Microsoft (PC 9.2): certificate, chain, organisation, signature over the raw bytes.

It is no JWT: RSA PKCS#1 v1.5 with SHA-256. The certificate's URL comes from outside, so it is fetched from listed hosts only, without
redirects, with limits of size and time; what was fetched is kept for an hour. Certificates are judged by the system's clock.
"""

import asyncio
import base64
import binascii
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

ALGORITHM = "rsa-sha256"
_MOST_BYTES = 64 * 1024
_SECONDS = 5.0
_KEPT_SECONDS = 3600.0
_MOST_KEPT = 64
_LONGEST_CHAIN = 5


class NotGenuine(Exception):
    """A notification that is not proven to come from Microsoft; `rule` names what it lacks, never its content."""

    code = "notification-not-genuine"

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


class CertificateUnavailable(Exception):
    """The certificate could not be fetched now; the sender may try again."""

    code = "certificate-unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustPolicy:
    """Whom to trust. `loopback_host` (host and port) is a simulator's, for which plain http is allowed."""

    hosts: frozenset[str]
    roots: tuple[x509.Certificate, ...]
    organisation: str = "Microsoft Corporation"
    loopback_host: str | None = None

    def check_url(self, url: str) -> None:
        """Raises `NotGenuine` for an address that is never called."""
        try:
            found = urlsplit(url)
            host, port = found.hostname, found.port
        except ValueError:
            raise NotGenuine("the certificate's address is malformed") from None
        if found.username or found.password or found.fragment:
            raise NotGenuine("the certificate's address is malformed")
        if self.loopback_host is not None and found.netloc.lower() == self.loopback_host.lower():
            return
        if found.scheme != "https" or port not in (None, 443):
            raise NotGenuine("the certificate's address is not https")
        if (host or "").lower() not in self.hosts:
            raise NotGenuine("the certificate's host is not listed")


class Signatures:
    """Checks notifications; keeps fetched certificates."""

    def __init__(
        self,
        policy: Callable[[], TrustPolicy],
        http: httpx.AsyncClient,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._policy = policy
        self._http = http
        self._now = now
        self._kept: dict[str, tuple[float, tuple[x509.Certificate, ...]]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def check(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raises `NotGenuine`, `CertificateUnavailable`."""
        signature = _signature_of(headers)
        url = headers.get("x-ms-certificate-url", "")
        if not url:
            raise NotGenuine("no certificate is named")
        if headers.get("x-ms-signature-algorithm", "").strip().lower() != ALGORITHM:
            raise NotGenuine("the signature's algorithm is not rsa-sha256")
        policy = self._policy()
        policy.check_url(url)
        chain = await self._chain(url)
        leaf = trusted_leaf(chain, policy, self._now())
        key = leaf.public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            raise NotGenuine("the certificate's key is not RSA")
        try:
            key.verify(signature, body, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            raise NotGenuine("the signature does not fit the body") from None

    async def _chain(self, url: str) -> tuple[x509.Certificate, ...]:
        lock = self._locks.setdefault(url, asyncio.Lock())
        async with lock:
            kept = self._kept.get(url)
            if kept is not None and kept[0] > time.monotonic():
                return kept[1]
            chain = read_certificates(await self._fetch(url))
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
                self._locks = {url: lock}
            self._kept[url] = (time.monotonic() + _KEPT_SECONDS, chain)
            return chain

    async def _fetch(self, url: str) -> bytes:
        found = bytearray()
        try:
            async with (
                asyncio.timeout(_SECONDS),
                self._http.stream("GET", url, follow_redirects=False, timeout=_SECONDS) as answer,
            ):
                if 300 <= answer.status_code < 500:
                    raise NotGenuine("the certificate is not at its address")
                if answer.status_code >= 500:
                    raise CertificateUnavailable(f"answered {answer.status_code}")
                async for piece in answer.aiter_bytes():
                    found += piece
                    if len(found) > _MOST_BYTES:
                        raise NotGenuine("the certificate is too large")
        except (httpx.HTTPError, TimeoutError) as fault:
            raise CertificateUnavailable(type(fault).__name__) from None
        return bytes(found)


def read_certificates(content: bytes) -> tuple[x509.Certificate, ...]:
    """One certificate in DER, or several in PEM. Raises `NotGenuine`."""
    try:
        if b"-----BEGIN" in content:
            return tuple(x509.load_pem_x509_certificates(content))
        return (x509.load_der_x509_certificate(content),)
    except ValueError:
        raise NotGenuine("the certificate cannot be read") from None


def trusted_leaf(chain: Sequence[x509.Certificate], policy: TrustPolicy, now: datetime) -> x509.Certificate:
    """The signing certificate, if it leads to a trusted root, is valid now and names the organisation.

    Raises `NotGenuine`.
    """
    if not chain:
        raise NotGenuine("no certificate is there")
    leaf = chain[0]
    organisations = [
        str(each.value) for each in leaf.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    ]
    if organisations != [policy.organisation]:
        raise NotGenuine("the certificate is of another organisation")
    _check_use(leaf)
    current = leaf
    for _ in range(_LONGEST_CHAIN):
        if not current.not_valid_before_utc <= now <= current.not_valid_after_utc:
            raise NotGenuine("a certificate is not valid now")
        if any(_issued(current, root) for root in policy.roots if root.subject == current.issuer):
            root = next(
                each for each in policy.roots if each.subject == current.issuer and _issued(current, each)
            )
            if root.not_valid_before_utc <= now <= root.not_valid_after_utc and _is_authority(root):
                return leaf
            raise NotGenuine("a certificate is not valid now")
        above = [
            each for each in chain[1:] if each != current and _is_authority(each) and _issued(current, each)
        ]
        if not above:
            break
        current = above[0]
    raise NotGenuine("the certificate does not lead to a trusted root")


def _check_use(leaf: x509.Certificate) -> None:
    try:
        if not leaf.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature:
            raise NotGenuine("the certificate is not for signatures")
    except x509.ExtensionNotFound:
        return


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return bool(certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except x509.ExtensionNotFound:
        return False


def _issued(subject: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        subject.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _signature_of(headers: Mapping[str, str]) -> bytes:
    """From `Authorization: Signature …` or from `x-ms-signature` (PC 9.2)."""
    scheme, _, text = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "signature":
        text = headers.get("x-ms-signature", "")
    if not text:
        raise NotGenuine("there is no signature")
    try:
        return base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise NotGenuine("the signature is not base64") from None
