"""Sealing with AES-256-GCM; the key lies outside the database, and old keys open what they sealed."""

import base64
import hmac
import os
from collections.abc import Sequence
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12
_KEY_ID_BYTES = 4


class SealBroken(Exception):
    """The bytes were not sealed by a key of ours, or not for this purpose."""

    code = "seal-broken"


class SecretBox:
    """Seals with the first key, opens with any; `context` binds a seal to its purpose (a row, a field)."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys:
            raise ValueError("at least one sealing key is needed")
        self._keys = {_key_id(key): AESGCM(key) for key in keys}
        self._tag_keys = [sha256(b"csp-tag-key" + key).digest() for key in keys]
        self._sealing = _key_id(keys[0])

    @classmethod
    def from_text(cls, text: str) -> "SecretBox":
        """Keys as comma-separated base64 of 32 bytes each, newest first."""
        keys = [base64.b64decode(part.strip(), validate=True) for part in text.split(",") if part.strip()]
        if any(len(key) != 32 for key in keys):
            raise ValueError("a sealing key must be 32 bytes in base64")
        return cls(keys)

    def __repr__(self) -> str:
        return f"SecretBox(keys={len(self._keys)})"

    def tag(self, context: str) -> str:
        """An unguessable text for a context (HMAC-SHA256), for one-time links."""
        return _tag(self._tag_keys[0], context)

    def is_tag(self, tag: str, context: str) -> bool:
        """Whether a text is the tag of this context, by any key; takes the same time for every wrong one."""
        return any(hmac.compare_digest(_tag(key, context), tag) for key in self._tag_keys)

    def seal(self, plaintext: bytes, context: str) -> bytes:
        """Key id, nonce, ciphertext."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._keys[self._sealing].encrypt(nonce, plaintext, context.encode())
        return self._sealing + nonce + sealed

    def open(self, sealed: bytes, context: str) -> bytes:
        """The plaintext; `SealBroken` where key, context or bytes do not fit."""
        key = self._keys.get(bytes(sealed[:_KEY_ID_BYTES]))
        if key is None:
            raise SealBroken("no key of ours sealed this")
        nonce = sealed[_KEY_ID_BYTES : _KEY_ID_BYTES + _NONCE_BYTES]
        try:
            return key.decrypt(nonce, sealed[_KEY_ID_BYTES + _NONCE_BYTES :], context.encode())
        except InvalidTag as fault:
            raise SealBroken("the seal does not fit its context") from fault


def _tag(key: bytes, context: str) -> str:
    return hmac.new(key, context.encode(), sha256).hexdigest()[:32]


def new_key() -> str:
    """A fresh key as text for the settings."""
    return base64.b64encode(os.urandom(32)).decode()


def _key_id(key: bytes) -> bytes:
    return sha256(b"csp-seal-key" + key).digest()[:_KEY_ID_BYTES]
