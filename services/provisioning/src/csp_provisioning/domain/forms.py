"""The form of a new tenant: complete, or every fault of it named, field by field, before anything is sent."""

import re
from dataclasses import dataclass

from csp_runtime.problems import InvalidParameter

_DOMAIN_PREFIX = re.compile(r"^[a-z0-9](?:[a-z0-9-]{0,25}[a-z0-9])?$")
_MAIL = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s]+$")
DOMAIN_SUFFIX = ".onmicrosoft.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A postal address; `state` and `postal_code` are needed where the country's rules say so."""

    line1: str
    city: str
    country: str
    line2: str | None = None
    state: str | None = None
    postal_code: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Who gets the mail."""

    first_name: str
    last_name: str
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CountryRules:
    """What Microsoft asks of an address in a country (PC 3.2)."""

    is_state_required: bool
    states: tuple[str, ...]
    is_postal_code_required: bool
    postal_code_pattern: str | None
    is_city_required: bool


def organisation_faults(name: str, address: Address, contact: Contact) -> list[InvalidParameter]:
    """What is missing or malformed, whatever the country."""
    required = {
        "name": name,
        "address.line1": address.line1,
        "address.country": address.country,
        "contact.first_name": contact.first_name,
        "contact.last_name": contact.last_name,
        "contact.email": contact.email,
    }
    faults = [
        InvalidParameter(field=field, rule="required", reason="must not be empty")
        for field, value in required.items()
        if not value.strip()
    ]
    if contact.email.strip() and not _MAIL.match(contact.email):
        faults.append(_fault("contact.email", "format", "must be an e-mail address"))
    if address.country and not re.fullmatch(r"[A-Z]{2}", address.country):
        faults.append(_fault("address.country", "format", "must be a two-letter country code (ISO 3166-1)"))
    return faults


def address_faults(address: Address, rules: CountryRules) -> list[InvalidParameter]:
    """What the country's rules miss (PC 3.2)."""
    faults: list[InvalidParameter] = []
    if rules.is_city_required and not address.city.strip():
        faults.append(_fault("address.city", "required", "must not be empty"))
    if rules.is_state_required and not address.state:
        faults.append(_fault("address.state", "required", f"is needed in {address.country}"))
    elif address.state and rules.states and address.state.upper() not in {s.upper() for s in rules.states}:
        faults.append(_fault("address.state", "choice", f"is no state of {address.country}"))
    if rules.is_postal_code_required and not address.postal_code:
        faults.append(_fault("address.postal_code", "required", f"is needed in {address.country}"))
    elif address.postal_code and rules.postal_code_pattern:
        try:
            fits = re.search(rules.postal_code_pattern, address.postal_code) is not None
        except re.error:
            fits = True
        if not fits:
            faults.append(_fault("address.postal_code", "format", f"is no postal code of {address.country}"))
    return faults


def domain_of(prefix: str) -> str:
    """`contoso` or `contoso.onmicrosoft.com` as the full name, in lower case."""
    prefix = prefix.strip().lower().removesuffix(DOMAIN_SUFFIX)
    return prefix + DOMAIN_SUFFIX


def domain_faults(domain: str) -> list[InvalidParameter]:
    """Letters, digits and inner hyphens, at most 27 characters before the suffix (PC 3.1)."""
    if _DOMAIN_PREFIX.match(domain.removesuffix(DOMAIN_SUFFIX)):
        return []
    return [
        _fault(
            "domain",
            "format",
            "1 to 27 letters, digits or hyphens, no hyphen at either end, before .onmicrosoft.com",
        )
    ]


def _fault(field: str, rule: str, reason: str) -> InvalidParameter:
    return InvalidParameter(field=field, rule=rule, reason=reason)
