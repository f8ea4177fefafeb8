"""What the create form needs: domains, country rules, addresses (PC 3.1 to 3.3)."""

from typing import Any

from csp_partner_center_simulator.catalogue.countries import Country
from csp_partner_center_simulator.catalogue.countries import country as find_country
from csp_partner_center_simulator.commerce import tenants
from csp_partner_center_simulator.rules.addresses import judge
from csp_partner_center_simulator.wire.answer import Answer, attributes
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import ApiError
from csp_partner_center_simulator.wire.router import Route


def domain_check(call: Call) -> Answer:
    """Tell by status alone: 200 taken, 404 free (PC 3.1)."""
    taken = tenants.domain_taken(call.world, call.params["domain"])
    return Answer(200 if taken else 404)


def domain_availability(call: Call) -> Answer:
    """Tell in the body whether a prefix is free (the older way, PC 3.1)."""
    return Answer(body=not tenants.domain_taken(call.world, f"{call.params['prefix']}.onmicrosoft.com"))


def country_rules(call: Call) -> Answer:
    """Give what the create form of a country asks for (PC 3.2)."""
    facts = find_country(call.params["country"])
    if facts is None:
        raise ApiError(400, 800070, f"There are no rules for the country {call.params['country'][:10]}.")
    return Answer(body=_rules(facts))


def _rules(facts: Country) -> dict[str, Any]:
    return {
        "iso2Code": facts.code,
        "defaultCulture": facts.cultures[0],
        "isStateRequired": facts.state_required,
        "supportedStatesList": list(facts.states),
        "supportedLanguagesList": list(facts.language_codes),
        "supportedCulturesList": list(facts.cultures),
        "isPostalCodeRequired": bool(facts.postal_regex),
        "postalCodeRegex": facts.postal_regex or None,
        "isCityRequired": facts.city_required,
        "isVatIdSupported": facts.vat_supported,
        "vatIdRegex": facts.vat_regex or None,
        "taxIdFormat": facts.tax_id_format or None,
        "phoneNumberRegex": facts.phone_regex or None,
        "isTaxIdSupported": facts.tax_id_supported,
        "isTaxIdOptional": True,
        "countryCallingCodesList": list(facts.calling_codes),
        "attributes": attributes("CountryValidationRules"),
    }


def validate_address(call: Call) -> Answer:
    """Judge an address and suggest better ones (PC 3.3)."""
    body = call.request.object()
    given = {
        name: body.text(name) or None
        for name in ("country", "city", "state", "addressLine1", "addressLine2", "postalCode", "region")
    }
    body.required("addressLine1")
    code = body.required("country").upper()
    verdict = judge(find_country(code), {name: value or "" for name, value in given.items()})
    if call.world.profile.closed_enums:
        return Answer(body=verdict.status in {"VerifiedShippable", "Verified", "NotValidated"})
    return Answer(
        body={
            "originalAddress": given,
            "suggestedAddresses": [{**given, **change} for change in verdict.suggestions],
            "status": verdict.status,
            "validationMessage": verdict.message or None,
        }
    )


ROUTES = (
    Route(method="HEAD", path="/v1/domains/{domain}", operation="domains.check", handler=domain_check),
    Route(
        method="GET",
        path="/v1/validations/checkdomainavailability/{prefix}",
        operation="domains.availability",
        handler=domain_availability,
    ),
    Route(
        method="GET",
        path="/v1/countryvalidationrules/{country}",
        operation="countryvalidationrules.get",
        handler=country_rules,
    ),
    Route(
        method="POST",
        path="/v1/validations/address",
        operation="validations.address",
        handler=validate_address,
    ),
)
