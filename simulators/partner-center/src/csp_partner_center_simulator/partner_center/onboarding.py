"""What the create form needs: domains, country rules, addresses; then agreements and segments (PC 3.1 to 3.9)."""

from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from csp_partner_center_simulator.catalogue.countries import Country
from csp_partner_center_simulator.catalogue.countries import country as find_country
from csp_partner_center_simulator.commerce import activity, tenants
from csp_partner_center_simulator.rules.addresses import judge
from csp_partner_center_simulator.state.customers import Agreement, Qualification
from csp_partner_center_simulator.wire.answer import Answer, attributes, collection, instant
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import AgreementError, ApiError, invalid
from csp_partner_center_simulator.wire.router import SELLERS, Rights, Route

CUSTOMER_AGREEMENT = "MicrosoftCustomerAgreement"
CLOUD_AGREEMENT = "MicrosoftCloudAgreement"
TEMPLATES = {
    CUSTOMER_AGREEMENT: ("117a77b0-9360-443b-8795-c6dedc750cf9", "https://aka.ms/customeragreement"),
    CLOUD_AGREEMENT: (
        "998b88de-aa99-4388-a42c-1b3517d49490",
        "https://docs.microsoft.com/partner-center/agreements",
    ),
}
SEGMENTS = ("Education", "GovernmentCommunityCloud", "StateOwnedEntity", "Nonprofit")


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
        raise ApiError(404, 800070, f"There are no rules for the country {call.params['country'][:10]}.")
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


def agreement_metadata(call: Call) -> Answer:
    """List agreement templates; without a type the older cloud agreement (PC 3.8)."""
    wanted = call.request.param("agreementType") or CLOUD_AGREEMENT
    names = [name for name in TEMPLATES if wanted == "*" or name.lower() == wanted.lower()]
    if not names:
        raise invalid(f"agreementType '{wanted[:40]}' is not known.")
    items = [
        {
            "templateId": TEMPLATES[name][0],
            "agreementType": name,
            "agreementLink": TEMPLATES[name][1],
            "versionRank": 0,
        }
        for name in names
    ]
    return Answer(body=collection(items, "/agreements"))


def confirm_agreement(call: Call) -> Answer:
    """Confirm that the customer accepted; 600061 for the same contact again (PC 3.8)."""
    world, customer, body = call.world, call.customer, call.request.object()
    contact = body.object("primaryContact")
    kind = body.text("type", CUSTOMER_AGREEMENT)
    if kind not in TEMPLATES:
        raise invalid(f"type '{kind[:40]}' is not a known agreement.", code=3000)
    if body.required("templateId").lower() != TEMPLATES[kind][0]:
        raise invalid("templateId is not that of the agreement type.", code=3000)
    agreed = body.at("dateAgreed")
    if agreed is None:
        raise invalid("dateAgreed is required.", code=3000)
    agreement = Agreement(
        type=kind,
        template_id=TEMPLATES[kind][0],
        date_agreed=body.text("dateAgreed"),  # told again as it was written
        user_id=call.caller.user_id,
        first_name=contact.required("firstName"),
        last_name=contact.required("lastName"),
        email=contact.required("email"),
        phone_number=contact.text("phoneNumber"),
    )
    same = [
        one
        for one in customer.agreements
        if (one.type, one.email.lower(), one.first_name, one.last_name)
        == (kind, agreement.email.lower(), agreement.first_name, agreement.last_name)
    ]
    if same:
        raise AgreementError(
            400,
            600061,
            "PartnerConfirmedAgreementAlreadyExists",
            "A partner confirmed agreement already exists for the customer.",
        )
    customer = world.customers.put(replace(customer, agreements=(*customer.agreements, agreement)))
    activity.record(
        world, call.actor, customer, "agreement", "create_agreement", data=(("AgreementType", kind),)
    )
    return Answer(201, _agreement_json(agreement))


def _agreement_json(agreement: Agreement) -> dict[str, Any]:
    return {
        "userId": agreement.user_id,
        "primaryContact": {
            "firstName": agreement.first_name,
            "lastName": agreement.last_name,
            "email": agreement.email,
            "phoneNumber": agreement.phone_number or None,
        },
        "templateId": agreement.template_id,
        "dateAgreed": agreement.date_agreed,
        "type": agreement.type,
    }


def agreements(call: Call) -> Answer:
    """List what was confirmed for a customer."""
    wanted = call.request.param("agreementType")
    items = [
        _agreement_json(one)
        for one in call.customer.agreements
        if wanted is None or wanted == "*" or one.type.lower() == wanted.lower()
    ]
    return Answer(body=collection(items, f"/customers/{call.customer.id}/agreements"))


def directly_signed(call: Call) -> Answer:
    """Tell whether the customer accepted in its own admin centre."""
    return Answer(body={"isSigned": call.customer.directly_signed})


def _qualification_json(one: Qualification) -> dict[str, Any]:
    return {
        "qualification": one.qualification,
        "vettingStatus": one.vetting_status,
        "vettingCreateDate": instant(one.vetting_create_date),
    }


def qualifications(call: Call) -> Answer:
    """List the customer's segments: a bare array (PC 3.9)."""
    return Answer(body=[_qualification_json(one) for one in call.customer.qualifications])


def apply_for_qualification(call: Call) -> Answer:
    """Apply for a segment; approval comes three days later."""
    world, body = call.world, call.request.object()
    wanted = body.required("qualification")
    name = next((one for one in SEGMENTS if one.lower() == wanted.lower()), None)
    if name is None:
        raise ApiError(400, 900126, f"qualification must be one of {', '.join(SEGMENTS)}.")
    if any(one.qualification == name for one in call.customer.qualifications):
        raise ApiError(409, 600009, f"The customer has the qualification {name} already.")
    made = Qualification(qualification=name, vetting_status="InReview", vetting_create_date=world.now)
    customer = world.customers.put(
        replace(call.customer, qualifications=(*call.customer.qualifications, made))
    )
    world.later(
        world.now + timedelta(days=3),
        "customer.qualified",
        ref=f"{customer.id}/{name}",
        customer_id=customer.id,
        at_once=False,
    )
    activity.record(
        world,
        call.actor,
        customer,
        "customer",
        "update_customer_qualification",
        data=(("Qualification", name),),
    )
    return Answer(201, _qualification_json(made))


def qualification_of_2020(call: Call) -> Answer:
    """Give the one segment that clients of 2020 know: a bare JSON string."""
    names = [
        one.qualification.lower() for one in call.customer.qualifications if one.vetting_status != "InReview"
    ]
    return Answer(body=names[0] if names else "none")


def set_qualification_of_2020(call: Call) -> Answer:
    """Set the one segment as clients of 2020 do: at once."""
    wanted = call.request.json()
    if isinstance(wanted, dict):
        wanted = next(iter(wanted.values()), "")
    if str(wanted).lower() == "none":
        world_customer = replace(call.customer, qualifications=())
    else:
        name = next((one for one in SEGMENTS if one.lower() == str(wanted).lower()), None)
        if name is None:
            raise ApiError(400, 900126, f"The qualification must be none or one of {', '.join(SEGMENTS)}.")
        world_customer = replace(
            call.customer, qualifications=(Qualification(qualification=name, vetting_status="Approved"),)
        )
    call.world.customers.put(world_customer)
    activity.record(call.world, call.actor, world_customer, "customer", "update_customer_qualification")
    return qualification_of_2020(call)


_USER_ONLY = Rights(app_only=False)
_SELL = Rights(roles=SELLERS)
_C = "/v1/customers/{customer}"
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
    Route(
        method="GET",
        path="/v1/agreements",
        operation="agreements.list",
        handler=agreement_metadata,
        rights=_USER_ONLY,
    ),
    Route(
        method="POST",
        path=f"{_C}/agreements",
        operation="customers.agreements.create",
        handler=confirm_agreement,
        rights=Rights(app_only=False, roles=SELLERS),
    ),
    Route(method="GET", path=f"{_C}/agreements", operation="customers.agreements.list", handler=agreements),
    Route(
        method="GET",
        path=f"{_C}/directSignedMicrosoftCustomerAgreementStatus",
        operation="customers.directSignedMicrosoftCustomerAgreementStatus.get",
        handler=directly_signed,
    ),
    Route(
        method="GET",
        path=f"{_C}/qualifications",
        operation="customers.qualifications.list",
        handler=qualifications,
    ),
    Route(
        method="POST",
        path=f"{_C}/qualifications",
        operation="customers.qualifications.create",
        handler=apply_for_qualification,
        rights=_SELL,
    ),
    Route(
        method="GET",
        path=f"{_C}/qualification",
        operation="customers.qualification.get",
        handler=qualification_of_2020,
    ),
    Route(
        method="PUT",
        path=f"{_C}/qualification",
        operation="customers.qualification.update",
        handler=set_qualification_of_2020,
        rights=_SELL,
    ),
)
