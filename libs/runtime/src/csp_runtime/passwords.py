"""Passwords: the policy for those that people choose, and a generator whose passwords keep it."""

import re
import secrets
import string
from collections.abc import Iterable

LENGTH = 16
_CLASSES = (string.ascii_lowercase, string.ascii_uppercase, string.digits, "!#$%*+-=?@_")
_SIMILAR = set("l1IO0o")


def generate() -> str:
    """A random password of every class, without characters that look alike."""
    alphabets = ["".join(c for c in alphabet if c not in _SIMILAR) for alphabet in _CLASSES]
    while True:
        letters = [secrets.choice(alphabet) for alphabet in alphabets]
        letters += [secrets.choice("".join(alphabets)) for _ in range(LENGTH - len(letters))]
        secrets.SystemRandom().shuffle(letters)
        password = "".join(letters)
        if not policy_faults(password, ()):
            return password


def policy_faults(password: str, names: Iterable[str]) -> list[str]:
    """What a chosen password lacks: 8 characters, four classes, and no part (3 or more letters) of these names."""
    faults = []
    if len(password) < 8:
        faults.append("must have at least 8 characters")
    if not re.search(r"[A-Z]", password):
        faults.append("must have an upper-case letter")
    if not re.search(r"[a-z]", password):
        faults.append("must have a lower-case letter")
    if not re.search(r"\d", password):
        faults.append("must have a digit")
    if not re.search(r"[\W_]", password):
        faults.append("must have a character that is neither letter nor digit")
    lowered = password.lower()
    parts = {part.lower() for name in names for part in re.split(r"[\W_\d]+", name) if len(part) >= 3}
    if any(part in lowered for part in parts):
        faults.append("must not contain a part of the account's or the person's name")
    return faults
