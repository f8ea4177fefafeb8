"""Reads and checks the form of a new customer, field by field (PC 3.4)."""

import re

from csp_partner_center_simulator.catalogue.countries import REGISTRATION_NUMBER
from csp_partner_center_simulator.catalogue.countries import country as find_country
from csp_partner_center_simulator.state.customers import Address
from csp_partner_center_simulator.wire.errors import ApiError, invalid
from csp_partner_center_simulator.wire.request import Body

DOMAIN = re.compile(
    r"[a-z0-9](?:[a-z0-9-]{0,25}[a-z0-9])?(?:\.onmicrosoft\.com|\.ccsctp\.net)", re.IGNORECASE
)

CULTURE = re.compile(r"[a-z]{2,3}-[a-z]{2}", re.IGNORECASE)


def read_address(body: Body) -> Address:
    """Read and check a default address; 400 naming the field (PC 3.4)."""
    code = body.required("country").upper()
    facts = find_country(code)
    if facts is None:
        raise ApiError(
            400, 800070, f"{body.path}country '{code[:10]}' is not a country Microsoft sells in here."
        )
    line = body.required("addressLine1")
    if len(line) > 200:
        raise invalid(f"{body.path}addressLine1 must have 1 to 200 characters.", code=3000)
    city, state, postal = body.text("city"), body.text("state"), body.text("postalCode")
    if facts.city_required and not city.strip():
        raise invalid(f"{body.path}city is required in {code}.", code=3000)
    if facts.state_required and not state.strip():
        raise invalid(f"{body.path}state is required in {code}.", code=3000)
    if facts.states and state.upper() not in facts.states:
        raise invalid(f"{body.path}state '{state[:20]}' is not a state of {code}.", code=3000)
    if facts.postal_regex and not facts.postal_code_fits(postal):
        raise invalid(f"{body.path}postalCode must match {facts.postal_regex}.", code=3000)
    return Address(
        country=code,
        city=city,
        state=state,
        address_line1=line,
        address_line2=body.text("addressLine2"),
        postal_code=postal,
        first_name=body.text("firstName"),
        last_name=body.text("lastName"),
        phone_number=body.text("phoneNumber"),
    )


def registration_number(company: Body, address: Address) -> str:
    """Check the organisation registration number: codes 600049, 600050, 600051, 600002 (PC 3.4)."""
    number = company.text("organizationRegistrationNumber")
    if address.country not in REGISTRATION_NUMBER:
        if number:
            raise ApiError(
                400, 600002, f"Organization registration number is not supported in {address.country}."
            )
        return ""
    if not number:
        raise ApiError(400, 600049, f"Organization registration number is required in {address.country}.")
    if not re.fullmatch(r"[A-Za-z0-9./-]{5,20}", number):
        raise ApiError(400, 600050, "Organization registration number must match ^[A-Za-z0-9./-]{5,20}$.")
    if not address.phone_number:
        raise ApiError(
            400, 600051, f"The phone number of the default address is required in {address.country}."
        )
    return number


def mail_address(text: str) -> str:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text):
        raise invalid("billingProfile.email must be a mail address.", code=3000)
    return text
