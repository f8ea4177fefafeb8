"""Customers and what joins them to the partner: relationships, roles, agreements (PC 14.6)."""

from typing import Any

from msgspec.structs import replace

from csp_partner_center_simulator.catalogue.countries import country as find_country
from csp_partner_center_simulator.commerce import delegation, tenants
from csp_partner_center_simulator.control.act import Act
from csp_partner_center_simulator.state.customers import Address
from csp_partner_center_simulator.wire.errors import ApiError, invalid


def create_customer(act: Act) -> dict[str, Any]:
    """Create a customer with a new tenant."""
    code = act.text("country", "US").upper()
    facts = find_country(code)
    if facts is None:
        raise invalid(f"country '{code}' is not known.")
    culture = facts.cultures[0]
    domain = act.text("domain").lower()
    if "." not in domain:
        domain += ".onmicrosoft.com"
    customer = tenants.create(
        act.world,
        act.partner,
        act.actor,
        company_name=act.text("company_name"),
        domain=domain,
        email=act.text("email", f"contact@{domain}"),
        culture=culture,
        language=culture.partition("-")[0],
        address=Address(country=code, city="Somewhere", address_line1="1 Main Street"),
    )
    return {"customer_id": customer.id, "domain": customer.domain}


def accept_relationship(act: Act) -> dict[str, Any]:
    """Accept the partner's invitation, as a tenant known here or a new one."""
    domain = act.text("domain").lower()
    if "." not in domain:
        domain += ".onmicrosoft.com"
    there = act.world.customers.by("domain", domain)
    customer = (
        there[0]
        if there
        else tenants.existing_tenant(
            act.world,
            company_name=act.text("company_name"),
            domain=domain,
            country=act.text("country", act.partner.country),
        )
    )
    customer = tenants.accept_relationship(act.world, act.partner, customer, act.actor)
    return {"customer_id": customer.id, "domain": customer.domain}


def remove_relationship(act: Act) -> dict[str, Any]:
    """End the reseller relationship: the partner under PC 3.7's rule, the customer's admin at will."""
    actor = act.actor if act.as_ == "portal_user" else None
    tenants.remove_relationship(act.world, act.partner, act.customer, actor)
    return {"customer_id": act.customer_id}


def change_gdap_roles(act: Act) -> dict[str, Any]:
    """Set the roles of the partner's delegated administration."""
    roles = act.arguments.get("roles")
    if not isinstance(roles, list) or not all(isinstance(one, str) for one in roles):
        raise invalid("roles is required and must be a list of role names.")
    tenants.change_gdap_roles(act.world, act.partner, act.customer, tuple(roles), act.actor)
    return {"customer_id": act.customer_id, "roles": roles}


def approve_gdap(act: Act) -> dict[str, Any]:
    """Approve a delegated admin relationship that waits for it."""
    process = act.world.processes.get(act.text("relationship_id"))
    if process is None or process.kind != delegation.KIND or process.partner_id != act.partner.id:
        raise ApiError(404, 404, "relationship_id names no delegated admin relationship of this partner.")
    if process.status != "approvalPending":
        raise ApiError(409, 409, f"The relationship is {process.status}, not approvalPending.")
    delegation.approve(act.world, act.partner, act.customer, process, act.actor)
    return {"customer_id": act.customer_id, "relationship_id": process.id, "status": "active"}


def sign_agreement(act: Act) -> dict[str, Any]:
    """Sign the Microsoft Customer Agreement directly with Microsoft."""
    act.world.customers.put(replace(act.customer, directly_signed=True))
    return {"customer_id": act.customer_id, "directly_signed": True}
