"""Judges addresses as the validation service does (PC 3.3). It knows forms, not streets."""

from dataclasses import dataclass

from csp_partner_center_simulator.catalogue.countries import Country


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A status with up to three changes that would make the address better."""

    status: str
    suggestions: tuple[dict[str, str], ...] = ()
    message: str = ""


def judge(country: Country | None, given: dict[str, str]) -> Verdict:
    """Judge an address: state codes by list, postal codes by form, street numbers by their absence."""
    if country is None:
        return Verdict(status="NotValidated", message="Addresses of this country are not validated.")
    line = given["addressLine1"].strip()
    if country.states and given["state"].upper() not in country.states:
        return Verdict(status="None", message=f"The state must be one of those of {country.code}.")
    if country.city_required and not given["city"].strip():
        return Verdict(status="None", message="The city is missing.")
    if country.postal_regex and not country.postal_code_fits(given["postalCode"].strip()):
        return Verdict(status="None", message=f"The postal code must match {country.postal_regex}.")
    if not any(letter.isdigit() for letter in line):
        numbered = tuple({"addressLine1": f"{number} {line}"} for number in (1, 2, 3))
        return Verdict(status="StreetPartial", suggestions=numbered, message="The street number is missing.")
    tidy = {"city": given["city"].strip().title(), "addressLine1": " ".join(line.split())}
    if country.states:
        tidy["state"] = given["state"].upper()
    if country.code == "US" and "-" not in given["postalCode"]:
        tidy["postalCode"] = f"{given['postalCode'].strip()}-{sum(map(ord, line)) % 9000 + 1000}"
    if given["city"].strip().lower() in {"unknown", "nowhere", "test"}:
        return Verdict(status="InteractionRequired", suggestions=(tidy,), message="The city differs.")
    return Verdict(status="VerifiedShippable", suggestions=(tidy,))
