"""Whether a domain is free, and what a country asks of an address (PC 3.1-3.3)."""

import re
from dataclasses import dataclass, field

from csp_partner_center.answers import Answer, with_value
from csp_partner_center.calls import Call, path
from csp_partner_center.errors import NotFound
from csp_partner_center.reading import OpenEnum, read
from csp_partner_center.session import Session
from csp_partner_center.writing import encode


@dataclass(frozen=True, slots=True, kw_only=True)
class CountryRules:
    """What the form for a new customer must ask (PC 3.2). Expressions are Microsoft's own, anchored or not."""

    iso2_code: str
    default_culture: str | None = None
    is_state_required: bool = False
    supported_states_list: list[str] = field(default_factory=list)
    supported_languages_list: list[str] = field(default_factory=list)
    supported_cultures_list: list[str] = field(default_factory=list)
    is_postal_code_required: bool = False
    postal_code_regex: str | None = None
    is_city_required: bool = False
    is_vat_id_supported: bool = False
    tax_id_format: str | None = None
    vat_id_regex: str | None = None
    phone_number_regex: str | None = None
    is_tax_id_supported: bool = False
    is_tax_id_optional: bool = False
    country_calling_codes_list: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A street address; personal data where it names a person."""

    country: str
    address_line1: str = field(repr=False)
    city: str | None = field(default=None, repr=False)
    address_line2: str | None = field(default=None, repr=False)
    state: str | None = None
    postal_code: str | None = field(default=None, repr=False)
    first_name: str | None = field(default=None, repr=False)
    last_name: str | None = field(default=None, repr=False)
    phone_number: str | None = field(default=None, repr=False)


class AddressStatus(OpenEnum):
    """How far an address could be verified (PC 3.3)."""

    VERIFIED_SHIPPABLE = "VerifiedShippable"
    VERIFIED = "Verified"
    INTERACTION_REQUIRED = "InteractionRequired"
    STREET_PARTIAL = "StreetPartial"
    PREMISES_PARTIAL = "PremisesPartial"
    MULTIPLE = "Multiple"
    NONE = "None"
    NOT_VALIDATED = "NotValidated"


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestedAddress:
    """One of at most three."""

    country: str | None = None
    address_line1: str | None = field(default=None, repr=False)
    address_line2: str | None = field(default=None, repr=False)
    city: str | None = field(default=None, repr=False)
    state: str | None = None
    postal_code: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressVerdict:
    """`NotValidated` is no refusal: the address could not be checked."""

    status: AddressStatus
    suggested_addresses: list[SuggestedAddress] = field(default_factory=list)
    validation_message: str | None = None

    @property
    def is_acceptable(self) -> bool:
        """Whether no person has to look at it again."""
        return self.status in (
            AddressStatus.VERIFIED_SHIPPABLE,
            AddressStatus.VERIFIED,
            AddressStatus.NOT_VALIDATED,
        )


_DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+", re.IGNORECASE)


class Domains:
    """App-only."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def is_taken(self, domain: str) -> Answer[bool]:
        """Whether the full name (`contoso.onmicrosoft.com`) is taken: 200 taken, 404 free, anything else no answer (PC 3.1).

        A name can be taken between this and the creation. Raises `ValueError` for what is no domain name, because the
        404 of a mistyped path would look like "free"; raises `PartnerCenterError`.
        """
        if not _DOMAIN.fullmatch(domain) or len(domain) > 253:
            raise ValueError("domain: is not a full domain name")
        call = Call(operation="domains.check", method="HEAD", path=path("domains", domain.lower()))
        try:
            reply = await self._session.send(call)
        except NotFound as free:
            return Answer(value=False, status=404, answered_at=None, request_id=free.request_id)
        return with_value(reply.answer, value=True)

    async def country_rules(self, country: str) -> Answer[CountryRules]:
        """The rules of a country, by its two letters."""
        return await self._session.ask(
            CountryRules,
            Call(
                operation="countryvalidationrules.get",
                method="GET",
                path=path("countryvalidationrules", country.upper()),
            ),
        )

    async def validate_address(self, address: Address) -> Answer[AddressVerdict]:
        """Microsoft's opinion of an address; changes nothing, therefore repeated freely."""
        call = Call(
            operation="validations.address",
            method="POST",
            path="/validations/address",
            body=encode(address),
            is_repeatable=True,
        )
        reply = await self._session.send(call)

        def verdict(body: object) -> object:
            # PC 3.3: older answers are a bare true or false.
            if isinstance(body, bool):
                return {"status": "Verified" if body else "None"}
            return body

        found: AddressVerdict = self._session.understood(
            call, reply, lambda body: read(AddressVerdict, verdict(body))
        )
        return with_value(reply.answer, found)
