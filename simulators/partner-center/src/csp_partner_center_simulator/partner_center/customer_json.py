"""How customers and their profiles are written (PC 3.5)."""

from typing import Any

from csp_partner_center_simulator.state.customers import Address, Customer
from csp_partner_center_simulator.wire.answer import attributes, link


def address_json(address: Address) -> dict[str, Any]:
    """Write a billing address."""
    return {
        "country": address.country,
        "city": address.city or None,
        "state": address.state or None,
        "addressLine1": address.address_line1 or None,
        "addressLine2": address.address_line2 or None,
        "postalCode": address.postal_code or None,
        "firstName": address.first_name or None,
        "lastName": address.last_name or None,
        "phoneNumber": address.phone_number,
    }


def billing_json(customer: Customer, *, links: bool = True) -> dict[str, Any]:
    """Write the billing profile with its etag."""
    profile = customer.billing
    return {
        "id": profile.id,
        "firstName": profile.first_name or None,
        "lastName": profile.last_name or None,
        "email": profile.email,
        "culture": profile.culture,
        "language": profile.language,
        "companyName": profile.company_name,
        "defaultAddress": address_json(profile.address),
        "links": {"self": link(f"/customers/{customer.id}/profiles/billing")} if links else None,
        "attributes": attributes("CustomerBillingProfile", profile.etag),
    }


def company_json(customer: Customer, *, full: bool = True) -> dict[str, Any]:
    """Write the company profile; without delegated rights address and mail are left out (PC 3.5)."""
    address = customer.billing.address
    return {
        "tenantId": customer.id,
        "domain": customer.domain,
        "companyName": customer.company_name,
        "organizationRegistrationNumber": customer.organization_registration_number or None,
        "address": {
            "country": address.country,
            "region": address.state or None,
            "city": address.city or None,
            "addressLine1": address.address_line1 or None,
            "addressLine2": address.address_line2 or None,
            "postalCode": address.postal_code or None,
            "phoneNumber": address.phone_number or None,
        }
        if full
        else None,
        "email": customer.billing.email if full else None,
        "links": {"self": link(f"/customers/{customer.id}/profiles/company")},
        "attributes": attributes("CustomerCompanyProfile"),
    }


def short_json(customer: Customer) -> dict[str, Any]:
    """Write a customer as lists show it."""
    return {
        "id": customer.id,
        "companyProfile": company_json(customer, full=False),
        "relationshipToPartner": "reseller",
        "links": {"self": link(f"/customers/{customer.id}")},
        "attributes": attributes("Customer"),
    }
