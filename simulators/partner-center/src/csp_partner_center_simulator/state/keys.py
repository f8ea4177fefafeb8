"""The keys of the simulator: made once, kept beside the data so that a restart keeps tokens and roots valid."""

import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from csp_partner_center_simulator.webhooks.certificates import key_pem, new_key

_of_this_process: dict[str, rsa.RSAPrivateKey] = {}
"""Of all worlds that keep nothing: to make keys takes longer than such a world itself."""


class Keys:
    """One key for tokens, two for webhooks; each is made when first asked for."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._made = _of_this_process if folder is None else {}

    @property
    def token_key(self) -> bytes:
        """The key that signs tokens, as PEM."""
        return key_pem(self._key("token"))

    @property
    def root_key(self) -> rsa.RSAPrivateKey:
        """The key of the webhook certificates' root."""
        return self._key("root")

    @property
    def signing_key(self) -> rsa.RSAPrivateKey:
        """The key that signs webhooks."""
        return self._key("signing")

    def _key(self, name: str) -> rsa.RSAPrivateKey:
        if name not in self._made:
            self._made[name] = self._read(name) or self._make(name)
        return self._made[name]

    def _read(self, name: str) -> rsa.RSAPrivateKey | None:
        if self._folder is None or not (self._folder / f"{name}.pem").exists():
            return None
        key = serialization.load_pem_private_key((self._folder / f"{name}.pem").read_bytes(), None)
        return key if isinstance(key, rsa.RSAPrivateKey) else None

    def _make(self, name: str) -> rsa.RSAPrivateKey:
        key = new_key()
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            file = os.open(self._folder / f"{name}.pem", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(file, "wb") as stream:
                stream.write(key_pem(key))
        return key
