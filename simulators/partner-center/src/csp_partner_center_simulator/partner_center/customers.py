"""Customers: create, read, list, leave, delete (PC 3.4, 3.5, 3.7)."""

import re
from collections.abc import Callable
from typing import Any

from csp_partner_center_simulator.commerce import activity, tenants
from csp_partner_center_simulator.partner_center.customer_form import (
    CULTURE,
    DOMAIN,
    mail_address,
    read_address,
    registration_number,
)
from csp_partner_center_simulator.partner_center.customer_json import billing_json, company_json, short_json
from csp_partner_center_simulator.state.customers import Customer
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.answer import Answer, attributes, link
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import ApiError, invalid
from csp_partner_center_simulator.wire.filters import operator, predicate
from csp_partner_center_simulator.wire.paging import by_seek
from csp_partner_center_simulator.wire.router import SELLERS, Rights, Route

# Initial passwords are made up and told once; nothing can sign in with them here.
PASSWORD_LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def create(call: Call) -> Answer:
    """Make a tenant; the password is in this answer and never again (PC 3.4)."""
    world, body = call.world, call.request.object()
    company, billing = body.object("companyProfile"), body.object("billingProfile")
    domain = company.required("domain").lower()
    if not DOMAIN.fullmatch(domain):
        raise invalid(
            "companyProfile.domain must be <prefix>.onmicrosoft.com, prefix: 1 to 27 letters, digits, hyphens.",
            code=3000,
        )
    address = read_address(billing.object("defaultAddress"))
    number = registration_number(company, address)
    culture = billing.required("culture")
    if not CULTURE.fullmatch(culture):
        raise invalid("billingProfile.culture must be a language and a country, such as en-US.", code=3000)
    associated = body.text("associatedPartnerId")
    if associated and associated not in {one.mpn_id for one in call.partner.resellers}:
        raise ApiError(
            400, 900154, f"The indirect reseller {associated[:40]} is not enrolled with this partner."
        )
    if (
        call.partner.kind == "provider"
        and not associated
        and call.partner.resellers
        and body.get("associatedPartnerId") == ""
    ):
        raise invalid("associatedPartnerId must not be blank.", code=3000)
    customer = tenants.create(
        world,
        call.partner,
        call.actor,
        company_name=billing.required("companyName"),
        domain=domain,
        email=mail_address(billing.required("email")),
        culture=f"{culture.partition('-')[0].lower()}-{culture.partition('-')[2].upper()}",
        language=billing.required("language").lower(),
        address=address,
        first_name=billing.text("firstName"),
        last_name=billing.text("lastName"),
        registration_number=number,
        associated_partner_id=associated,
    )
    random = world.random("password")
    password = "".join(random.choice(PASSWORD_LETTERS) for _ in range(12)) + "7!aK"
    answer = {
        "id": customer.id,
        "commerceId": customer.commerce_id,
        "companyProfile": {
            "tenantId": customer.id,
            "domain": customer.domain,
            "companyName": customer.company_name,
            "organizationRegistrationNumber": customer.organization_registration_number or None,
            "attributes": attributes("CustomerCompanyProfile"),
        },
        "billingProfile": billing_json(customer, links=False),
        "enableGDAPByDefault": body.flag("enableGDAPByDefault") or False,
        "relationshipToPartner": "none",  # unset here, reseller when read again (PC 3.4, 16)
        "allowDelegatedAccess": True,
        "userCredentials": {"userName": "admin", "password": password},
        "associatedPartnerId": associated or None,
        "attributes": attributes("Customer"),
    }
    return Answer(201, answer, {"Location": f"/customers/{customer.id}"})


def get(call: Call) -> Answer:
    """Read one customer."""
    customer, relation = call.customer, call.relation
    delegated = bool(relation.gdap_roles)
    return Answer(
        body={
            "id": customer.id,
            "commerceId": customer.commerce_id,
            "companyProfile": company_json(customer, full=delegated),
            "billingProfile": billing_json(customer),
            "relationshipToPartner": relation.relationship,
            "allowDelegatedAccess": delegated,
            "customDomains": list(customer.domains) if delegated else None,
            "associatedPartnerId": relation.associated_partner_id or None,
            "links": {"self": link(f"/customers/{customer.id}")},
            "attributes": attributes("Customer"),
        }
    )


FIELDS: dict[str, Callable[[Customer], str]] = {
    "CompanyName": lambda customer: customer.company_name,
    "Domain": lambda customer: customer.domain,
}


def list_customers(call: Call) -> Answer:
    """List or filter the partner's customers, by seek paging (PC 2.4, 3.5)."""
    text = call.request.param("filter")

    def select(wishes: dict[str, Any]) -> list[Customer]:
        return _matching(call, wishes.get("filter"))

    return Answer(
        body=by_seek(
            call.request,
            "customers",
            "/customers",
            select,
            short_json,
            default=100,
            most=500,
            wishes={"filter": text} if text else {},
            trailing_next=call.world.profile.trailing_next,
        )
    )


def _matching(call: Call, text: str | None) -> list[Customer]:
    everyone = call.world.customers.by("partner", call.partner.id)

    def reseller(customer: Customer) -> str:
        relation = customer.relation(call.partner.id)
        return relation.associated_partner_id if relation else ""

    fields = {**FIELDS, "IndirectReseller": reseller, "IndirectCloudSolutionProvider": reseller}
    if text and operator(_operator_of(text)) != "startswith":
        raise invalid("Customers can be filtered with the operator starts_with only.")
    test = predicate(text, fields)
    return [customer for customer in everyone if test(customer)]


def _operator_of(text: str) -> str:
    found = re.search(r'"operator"\s*:\s*"([^"]*)"', text, re.IGNORECASE)
    return found.group(1) if found else ""


def update(call: Call) -> Answer:
    """End the reseller relationship: the only change a customer knows (PC 3.7)."""
    wanted = call.request.object().text("relationshipToPartner").lower()
    if wanted != "none":
        raise invalid("A customer can only be changed to relationshipToPartner 'none'.", code=3000)
    tenants.remove_relationship(call.world, call.partner, call.customer, call.actor)
    return Answer(body={"RelationshipToPartner": "none", "Attributes": {"ObjectType": "Customer"}})


def delete(call: Call) -> Answer:
    """Delete a tenant: integration sandbox only (PC 3.4)."""
    if not call.world.profile.integration_sandbox:
        raise ApiError(403, 800018, "Only customers of an integration sandbox can be deleted.")
    world, customer = call.world, call.customer
    activity.record(world, call.actor, customer, "customer", "delete_tip_customer")
    _forget(world, customer)
    return Answer(204)


def _forget(world: World, customer: Customer) -> None:
    for table in (world.subscriptions, world.users, world.orders, world.carts):
        for row in table.by("customer", customer.id):
            table.remove(row.id)
    world.customers.remove(customer.id)


ROUTES = (
    Route(
        method="POST",
        path="/v1/customers",
        operation="customers.create",
        handler=create,
        rights=Rights(roles=SELLERS),
    ),
    Route(method="GET", path="/v1/customers", operation="customers.list", handler=list_customers),
    Route(method="GET", path="/v1/customers/{customer}", operation="customers.get", handler=get),
    Route(
        method="PATCH",
        path="/v1/customers/{customer}",
        operation="customers.update",
        handler=update,
        rights=Rights(app_only=False, roles=SELLERS),
    ),
    Route(
        method="DELETE",
        path="/v1/customers/{customer}",
        operation="customers.delete",
        handler=delete,
        rights=Rights(roles=SELLERS),
    ),
)
