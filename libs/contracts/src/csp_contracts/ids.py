"""Ids: a prefix that names the kind, and the lower-case base32 of a UUID (RFC 4648, no padding).

What Microsoft names has a UUID computed from its name, so that importing twice meets at the same stream;
our own things get a UUID from whoever creates them.
"""

from base64 import b32decode
from binascii import Error as Base32Error
from enum import StrEnum
from uuid import UUID, uuid5

from csp_contracts.errors import MalformedId

_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = [first + second for first in _LETTERS for second in _LETTERS]

NAMESPACE = UUID("5c1f6a52-3f0e-5f0b-9c55-2d5f0d4a7e11")


class Kind(StrEnum):
    """The kinds of things that have an id; the value is the prefix."""

    RESELLER = "res"
    CUSTOMER = "cus"
    TENANT = "ten"
    SUBSCRIPTION = "sub"
    ORDER = "ord"
    USER = "usr"
    LICENCE_ASSIGNMENT = "lic"
    CONSUMED_SEATS = "sku"
    OPERATION = "op"
    CATALOGUE = "cat"
    PRICE_LIST = "prl"
    PRICE_ROW = "prr"
    SUBSCRIPTION_PRICE = "spr"
    QUOTE = "quo"
    BILLING_CYCLE = "cyc"
    REPORT = "rep"
    LINE = "lin"
    VARIANCE = "var"
    ADJUSTMENT = "adj"
    INVOICE_IMPORT = "inv"
    INVOICE_FETCH = "ivf"
    OBSERVATION = "obs"
    DRIFT = "dri"
    RELATIONSHIP_REQUEST = "rel"
    AGREEMENT = "agr"
    APPROVAL = "apr"
    SEAL = "sea"
    PROCESS = "prc"


def api_id(kind: Kind, uuid: UUID) -> str:
    """`sub_` and 26 characters: base 32 in small letters, two at a time."""
    bits = uuid.int << 2
    return f"{kind}_{''.join([_PAIRS[bits >> shift & 1023] for shift in range(120, -1, -10)])}"


def uuid_of(identifier: str) -> UUID:
    """The UUID behind an id.

    Raises `MalformedId` where there is none.
    """
    _, _, text = identifier.partition("_")
    try:
        return UUID(bytes=b32decode(text.upper() + "=" * (-len(text) % 8)))
    except (Base32Error, ValueError) as fault:
        raise MalformedId(f"{identifier!r} is not an id") from fault


def kind_of(identifier: str) -> Kind:
    """The kind an id names.

    Raises `MalformedId` for an unknown prefix.
    """
    prefix, separator, _ = identifier.partition("_")
    try:
        if not separator:
            raise ValueError(identifier)
        return Kind(prefix)
    except ValueError as fault:
        raise MalformedId(f"{identifier!r} is not an id") from fault


def is_id(identifier: str, kind: Kind) -> bool:
    """Whether this is a well-formed id of that kind."""
    try:
        return kind_of(identifier) is kind and api_id(kind, uuid_of(identifier)) == identifier
    except MalformedId:
        return False


def named_id(kind: Kind, reseller: str, external_id: str) -> str:
    """The id of something that Microsoft (or another outside system) names, within one reseller."""
    return api_id(kind, uuid5(NAMESPACE, f"{reseller}/{kind}/{external_id.lower()}"))
