"""The form of a tenant: every fault is named at once, before anything is sent."""

import pytest

from csp_provisioning.domain.forms import (
    Address,
    Contact,
    CountryRules,
    address_faults,
    domain_faults,
    domain_of,
    organisation_faults,
)

US = CountryRules(
    is_state_required=True,
    states=("WA", "OR"),
    is_postal_code_required=True,
    postal_code_pattern=r"^\d{5}(-\d{4})?$",
    is_city_required=True,
)
CONTACT = Contact(first_name="Grace", last_name="Hopper", email="grace@example.com")


def address(**changes):
    fields = {"line1": "1 Way", "city": "Seattle", "country": "US", "state": "WA", "postal_code": "98101"}
    return Address(**{**fields, **changes})


def named(faults):
    return [fault.field for fault in faults]


def test_a_complete_form_has_no_fault():
    assert organisation_faults("Acme", address(), CONTACT) == []
    assert address_faults(address(), US) == []


def test_every_missing_field_is_named():
    nobody = Contact(first_name="", last_name=" ", email="")
    assert named(organisation_faults("", address(line1=""), nobody)) == [
        "name",
        "address.line1",
        "contact.first_name",
        "contact.last_name",
        "contact.email",
    ]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"postal_code": None}, "address.postal_code"),
        ({"postal_code": "ABC"}, "address.postal_code"),
        ({"state": None}, "address.state"),
        ({"state": "XX"}, "address.state"),
        ({"city": ""}, "address.city"),
    ],
)
def test_the_rules_of_the_country_are_asked(change, field):
    assert named(address_faults(address(**change), US)) == [field]


@pytest.mark.parametrize("mail", ["grace", "grace@", "a b@c.d", "@x.y"])
def test_a_malformed_mail_address_is_named(mail):
    contact = Contact(first_name="G", last_name="H", email=mail)
    assert named(organisation_faults("Acme", address(), contact)) == ["contact.email"]


def test_a_domain_is_completed_and_lowered():
    assert domain_of(" Contoso ") == "contoso.onmicrosoft.com"
    assert domain_of("contoso.onmicrosoft.com") == "contoso.onmicrosoft.com"


@pytest.mark.parametrize("prefix", ["", "-a", "a-", "a_b", "ä", "a" * 28, "a.b"])
def test_what_cannot_be_a_domain_is_refused(prefix):
    assert named(domain_faults(domain_of(prefix))) == ["domain"]
